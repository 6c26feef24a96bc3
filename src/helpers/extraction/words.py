"""Genes that are written as several tokens: their rows and columns become one."""

from __future__ import annotations

import torch


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
