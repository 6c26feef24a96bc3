"""The score of attention that prefers nothing: what the number of tokens alone brings about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy import sparse

from helpers.errors import DataError
from helpers.models.adapter import Tokens


def uniform_attention(
    present: sparse.spmatrix | np.ndarray, n_tokens: np.ndarray, genes: Sequence[str]
) -> xr.DataArray:
    r"""Return the mean, over cells that hold both genes, of one over the number of tokens.

    .. math:: U_{ij} = \frac{1}{C_{ij}} \sum_{n:\, i, j \in n} \frac{1}{T_n}

    A softmax over :math:`T_n` tokens gives each of them :math:`1 / T_n` on average. Pairs that meet
    in cells of few tokens therefore score higher, whatever the model has learnt.

    Parameters
    ----------
    present
        (cells, genes) non-zero where the gene is a token of the cell.
    n_tokens
        (cells,) tokens of each cell, special ones included.
    genes
        Symbols of the columns.

    Returns
    -------
    xarray.DataArray
        (source, target), symmetric; NaN where no cell holds both.
    """
    held = sparse.csr_matrix(present, dtype=np.float64, copy=True)
    held.data[:] = 1.0
    n_tokens = np.asarray(n_tokens, float)
    if n_tokens.shape != (held.shape[0],) or (n_tokens <= 0).any():
        raise DataError("every cell needs a positive number of tokens")
    count = (held.T @ held).toarray()
    total = (held.T @ sparse.diags(1 / n_tokens) @ held).toarray()
    names = np.asarray(genes, dtype=str)
    return xr.DataArray(
        np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0),
        dims=("source", "target"),
        coords={"source": names, "target": names},
        name="uniform-attention",
    )


def uniform_of_tokens(tokens: Tokens, genes: Sequence[str]) -> xr.DataArray:
    """Return `uniform_attention` of tokenised cells, for the genes asked for."""
    position = {gene: column for column, gene in enumerate(tokens.gene_names)}
    if absent := [gene for gene in genes if gene not in position]:
        raise DataError(f"{len(absent)} genes are not in the data, for example {absent[:5]}")
    columns = np.array([position[gene] for gene in genes])
    rows = np.repeat(np.arange(len(tokens.genes)), [len(cell) for cell in tokens.genes])
    held = np.concatenate(tokens.genes)
    kept = held >= 0
    shape = (len(tokens.genes), len(tokens.gene_names))
    matrix = sparse.csr_matrix((np.ones(kept.sum()), (rows[kept], held[kept])), shape=shape)
    return uniform_attention(matrix[:, columns], [len(cell) for cell in tokens.ids], genes)
