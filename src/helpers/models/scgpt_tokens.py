"""scGPT tokenisation: expressed genes as a set, their values as quantile bins within the cell.

Values are the raw counts of ``layers["counts"]``, as in the published embedding code; binning by
quantiles within the cell makes library size irrelevant. Tokens stand in vocabulary order behind
``<cls>``, so that the order of genes in the AnnData changes nothing.
"""

from __future__ import annotations

import zlib

import numpy as np
from anndata import AnnData
from tqdm import tqdm

from helpers.errors import ModelError
from helpers.models.adapter import Tokens
from helpers.models.cells import counts_by_cell, warn_if_poor_cover


def bin_values(values: np.ndarray, n_bins: int, rng: np.random.RandomState) -> np.ndarray:
    """Replace positive values by their quantile bin, 1 to ``n_bins - 1``.

    The bin edges are the ``n_bins - 1`` equally spaced quantiles of the values. A value that
    equals several edges (many counts are 1) is spread uniformly at random over their bins, with
    one draw for each value, so the result equals the published function's at the same seed.

    Parameters
    ----------
    values
        (n,) positive values of one cell.
    n_bins
        Number of bins, the one for zero included (51 in published models).
    rng
        Legacy generator, because published tokens are defined by its stream.
    """
    if len(values) == 0:
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(values, np.linspace(0, 1, n_bins - 1))
    left = np.digitize(values, edges)
    right = np.digitize(values, edges, right=True)
    spread = rng.rand(len(values)) * (right - left) + left
    return np.ceil(spread).astype(np.int64)


def tokenise(
    adata: AnnData,
    vocabulary: dict[str, int],
    *,
    max_length: int,
    n_bins: int = 51,
    pad_value: int = -2,
    cls_token: str = "<cls>",
    n_batches: int = 0,
    seed: int = 0,
) -> Tokens:
    """Tokenise cells for scGPT.

    Each cell has its own random stream, from `seed` and the cell's name, for ties between bins and
    for the genes that are kept where a cell has more than `max_length`; a cell's tokens do not
    depend on which other cells are present.

    Parameters
    ----------
    adata
        Counts in ``layers["counts"]`` (else ``X``), symbols in ``var_names``.
    vocabulary
        Token number of each symbol and special token.
    max_length
        Most tokens of a cell, ``<cls>`` included; a longer cell keeps a random subset of genes.
    n_bins, pad_value, cls_token
        As in the checkpoint's ``args.json``; ``<cls>`` carries `pad_value` as its value.
    n_batches
        Number of batch labels the model knows; 0 if it takes none.
    seed
        Of the random streams.

    Raises
    ------
    ModelError
        If no gene is in the vocabulary, symbols repeat, counts are negative or not finite, or
        batch labels are needed and absent or too many.
    """
    if not adata.var_names.is_unique:
        twice = adata.var_names[adata.var_names.duplicated()][:5].tolist()
        raise ModelError(f"gene symbols repeat ({', '.join(twice)}, ...); sum or rename them first")
    of_gene = np.array([vocabulary.get(symbol, -1) for symbol in adata.var_names])
    known = int((of_gene >= 0).sum())
    warn_if_poor_cover(known, adata.n_vars, "vocabulary")
    labels = _batch_labels(adata, n_batches) if n_batches else None
    ids, values, genes, cells, empty, truncated = [], [], [], [], [], 0
    counts = counts_by_cell(adata)
    names = adata.obs_names.astype(str)
    for row in tqdm(range(adata.n_obs), desc="scGPT tokens", disable=adata.n_obs < 5000):
        span = slice(counts.indptr[row], counts.indptr[row + 1])
        columns, cell = counts.indices[span], counts.data[span].astype(np.float32)
        kept = of_gene[columns] >= 0
        columns, cell = columns[kept], cell[kept]
        if len(columns) == 0:
            empty.append(row)
            continue
        order = np.argsort(of_gene[columns], kind="stable")
        columns, cell = columns[order], cell[order]
        rng = np.random.RandomState(zlib.crc32(f"{seed}/{names[row]}".encode()))
        binned = bin_values(cell, n_bins, rng)
        if len(columns) > max_length - 1:
            chosen = np.sort(rng.permutation(len(columns))[: max_length - 1])
            columns, binned = columns[chosen], binned[chosen]
            truncated += 1
        ids.append(np.concatenate([[vocabulary[cls_token]], of_gene[columns]]))
        values.append(np.concatenate([[pad_value], binned]).astype(np.float32))
        genes.append(np.concatenate([[-1], columns]).astype(np.int64))
        cells.append(row)
    return Tokens(
        ids=ids,
        values=values,
        genes=genes,
        gene_names=adata.var_names.to_numpy().astype(str),
        cells=np.array(cells, dtype=int),
        report={
            "genes": adata.n_vars,
            "genes_in_vocabulary": known,
            "genes_not_in_vocabulary": adata.var_names[of_gene < 0].tolist(),
            "empty_cells": empty,
            "truncated_cells": truncated,
            "max_length": max_length,
        },
        batch_labels=None if labels is None else labels[np.array(cells, dtype=int)],
    )


def _batch_labels(adata: AnnData, n_batches: int) -> np.ndarray:
    if "batch" not in adata.obs:
        raise ModelError('this model takes batch labels and obs["batch"] is missing; add it')
    codes = adata.obs["batch"].astype("category").cat.codes.to_numpy().astype(np.int64)
    if codes.min() < 0 or codes.max() >= n_batches:
        raise ModelError(
            f'obs["batch"] has {codes.max() + 1} values (or gaps) and the model knows {n_batches}; '
            "keep only batches it was trained on"
        )
    return codes
