"""Exact attention for chosen query rows or key columns, without forming the whole map."""

from __future__ import annotations

import torch


def additive(mask: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """Return a mask as the number added to the logits: 0 keeps a key, -inf hides it.

    Parameters
    ----------
    mask
        None, bool (True = attend) or additive, with four dimensions.
    dtype
        Type of the result.
    """
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        hidden = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
        return hidden.masked_fill_(~mask, -torch.inf)
    return mask.to(dtype)


def mask_rows(bias: torch.Tensor | None, rows: torch.Tensor) -> torch.Tensor | None:
    """Return the part of an additive mask that belongs to query rows (batch, row)."""
    if bias is None or bias.shape[2] == 1:
        return bias
    cells, count = rows.shape
    bias = bias.expand(cells, -1, -1, -1)
    index = rows[:, None, :, None].expand(cells, bias.shape[1], count, bias.shape[3])
    return bias.gather(2, index)


def take_rows(tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return tokens `rows` (batch, row) of a (batch, head, token, dim) tensor."""
    cells, heads, _, dim = tensor.shape
    index = rows[:, None, :, None].expand(cells, heads, rows.shape[1], dim)
    return tensor.gather(2, index)


def row_logits(
    query: torch.Tensor,
    key: torch.Tensor,
    bias: torch.Tensor | None,
    scaling: float,
    rows: torch.Tensor,
) -> torch.Tensor:
    """Return masked logits of chosen queries against every key.

    Parameters
    ----------
    query, key
        (batch, head, token, head_dim).
    bias
        Additive mask or None.
    scaling
        Factor on the dot products.
    rows
        (batch, row) token positions of the wanted queries.

    Returns
    -------
    torch.Tensor
        (batch, head, row, token).
    """
    wanted = take_rows(query, rows) * scaling
    # Cell by cell: a product over cells and heads at once would first copy all keys, which are a
    # strided view of the packed projection.
    logits = wanted.new_empty(*wanted.shape[:3], key.shape[2])
    for cell in range(len(wanted)):
        torch.bmm(wanted[cell], key[cell].transpose(-1, -2), out=logits[cell])
    part = mask_rows(bias, rows)
    return logits if part is None else logits.add_(part)


def softmax_rows(
    query: torch.Tensor,
    key: torch.Tensor,
    bias: torch.Tensor | None,
    scaling: float,
    rows: torch.Tensor,
) -> torch.Tensor:
    """Return attention of chosen queries: softmax(Q[rows] K' * scaling + mask).

    The softmax runs along each query's own row, so the rows of a map need no other row.
    """
    return row_logits(query, key, bias, scaling, rows).softmax(dim=-1)


def row_lse(
    query: torch.Tensor,
    key: torch.Tensor,
    bias: torch.Tensor | None,
    scaling: float,
    rows: torch.Tensor,
) -> torch.Tensor:
    """Return the log of each chosen row's softmax denominator, (batch, head, row)."""
    return row_logits(query, key, bias, scaling, rows).logsumexp(dim=-1)


def key_columns(
    query: torch.Tensor,
    key: torch.Tensor,
    bias: torch.Tensor | None,
    scaling: float,
    rows: torch.Tensor,
    columns: torch.Tensor,
) -> torch.Tensor:
    """Return attention of chosen queries to chosen keys only, exactly.

    The attention of query i to key j is ``exp(q_i . k_j * scaling + mask - lse_i)``: once a row's
    log-sum-exp is known, any column costs one dot product per row.

    Parameters
    ----------
    query, key, bias, scaling, rows
        As in `row_logits`.
    columns
        (batch, column) token positions of the wanted keys.

    Returns
    -------
    torch.Tensor
        (batch, head, row, column).
    """
    lse = row_lse(query, key, bias, scaling, rows)
    wanted = take_rows(key, columns)
    if bias is not None:
        shape = (bias.shape[0] if bias.shape[0] > 1 else columns.shape[0], *bias.shape[1:])
        index = columns[:, None, None, :].expand(-1, shape[1], shape[2], -1)
        bias = bias.expand(shape).gather(3, index)
    logits = row_logits(query, wanted, bias, scaling, rows)
    return logits.sub_(lse[..., None]).exp_()


def merge_words(
    values: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    *,
    source_dump: int,
    target_dump: int,
    over_keys: str,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Merge the tokens of each gene into one row and one column, cell by cell.

    The attention of gene i to gene j is the mean over the tokens of i of the sum over the tokens
    of j: rows still sum to 1, and a gene with a long name is not counted twice as a query. Raw
    dot products and their ranks are averaged over both, for they are no shares.

    Parameters
    ----------
    values
        (cell, head, row, column).
    source, target
        (cell, row) and (cell, column) slots; rows and columns of one slot are merged.
    source_dump, target_dump
        The dump slots. Dumped rows are dropped.
    over_keys
        ``"sum"`` or ``"mean"``.

    Returns
    -------
    tuple
        The merged values, (cell, head, sources here, targets here) padded with zeros, and their
        slots, padded with the dump slots.
    """
    merged, rows, columns = [], [], []
    for cell in range(values.shape[0]):
        row_slot, row_of = source[cell].unique(return_inverse=True)
        column_slot, column_of = target[cell].unique(return_inverse=True)
        row_size = torch.bincount(row_of, minlength=len(row_slot)).to(values.dtype)
        column_size = torch.bincount(column_of, minlength=len(column_slot)).to(values.dtype)
        heads = values.shape[1]
        by_row = values.new_zeros(heads, len(row_slot), values.shape[3])
        by_row.index_add_(1, row_of, values[cell])
        by_row /= row_size[:, None]
        both = values.new_zeros(heads, len(row_slot), len(column_slot))
        both.index_add_(2, column_of, by_row)
        if over_keys == "mean":
            both /= column_size
        kept = row_slot != source_dump
        merged.append(both[:, kept])
        rows.append(row_slot[kept])
        columns.append(column_slot)
    height, width = max(len(r) for r in rows), max(len(c) for c in columns)
    out = values.new_zeros(values.shape[0], values.shape[1], height, width)
    row_out = source.new_full((len(rows), height), source_dump)
    column_out = target.new_full((len(rows), width), target_dump)
    for cell, (block, row, column) in enumerate(zip(merged, rows, columns, strict=True)):
        out[cell, :, : len(row), : len(column)] = block
        row_out[cell, : len(row)] = row
        column_out[cell, : len(column)] = column
    return out, row_out, column_out
