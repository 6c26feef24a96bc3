"""Matrices of cells x genes in blocks of cells, from memory or from a file larger than memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

CELLS_AT_ONCE = 4096
VALUES_AT_ONCE = 20_000_000
"""Most values of a dense block, so that one takes 160 MB."""


@dataclass(frozen=True)
class GeneMoments:
    """What one pass over the cells leaves of every gene.

    Parameters
    ----------
    total, mean, variance
        (genes,) sum, mean and sample variance (n - 1) of the values.
    n_cells
        Cells seen.
    """

    total: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    n_cells: int


def row_blocks(matrix: Any) -> Iterator[tuple[slice, sparse.csr_matrix]]:
    """Yield slices of cells with their values.

    Parameters
    ----------
    matrix
        (cells, genes): array, scipy matrix, anndata's sparse matrix on disk stored by cells, or a
        dense array of HDF5 or Zarr.
    """
    n_cells, n_genes = matrix.shape
    many = CELLS_AT_ONCE
    if not (sparse.issparse(matrix) or hasattr(matrix, "to_memory")):
        many = max(1, min(many, VALUES_AT_ONCE // max(n_genes, 1)))
    if sparse.issparse(matrix):
        matrix = matrix.tocsr()
    for first in range(0, n_cells, many):
        part = slice(first, min(first + many, n_cells))
        yield part, sparse.csr_matrix(matrix[part])


def some_rows(matrix: Any, rows: np.ndarray) -> sparse.csr_matrix:
    """Return chosen cells in the order asked for; of a file only these are read."""
    order = np.argsort(rows, kind="stable")  # files are read forwards
    parts = []
    for first in range(0, len(rows), CELLS_AT_ONCE):
        part = np.asarray(rows)[order[first : first + CELLS_AT_ONCE]]
        # a dense array of Zarr takes lists of rows by this name only
        found = matrix.oindex[part] if hasattr(matrix, "oindex") else matrix[part]
        parts.append(sparse.csr_matrix(found))
    if not parts:
        return sparse.csr_matrix((0, matrix.shape[1]))
    return sparse.vstack(parts, format="csr")[np.argsort(order, kind="stable")]


def detected_share(blocks: Iterable[sparse.csr_matrix]) -> np.ndarray:
    """Return the share of cells with a value above zero of every gene, shape (genes,).

    Examples
    --------
    >>> detected_share([sparse.csr_matrix([[0.0, 1.0], [2.0, 3.0]])]).tolist()
    [0.5, 1.0]
    """
    n_cells, found = 0, np.zeros(1)
    for block in blocks:
        n_cells += block.shape[0]
        above = (block.data > 0, block.indices, block.indptr)
        held = sparse.csr_matrix(above, shape=block.shape)
        found = found + held.T @ np.ones(block.shape[0], np.int32)
    return found / max(n_cells, 1)


def gene_moments(blocks: Iterable[sparse.csr_matrix]) -> GeneMoments:
    """Return sum, mean and variance of every gene in one pass.

    Examples
    --------
    >>> found = gene_moments([sparse.csr_matrix([[0.0, 1.0], [2.0, 3.0]])])
    >>> found.total.tolist(), found.mean.tolist(), found.variance.tolist()
    ([2.0, 4.0], [1.0, 2.0], [2.0, 2.0])
    """
    n_cells, sums = 0, np.zeros((2, 0))
    for block in blocks:
        sums = sums if n_cells else np.zeros((2, block.shape[1]))
        n_cells += block.shape[0]
        values, each = block.data.astype(np.float64), np.ones(block.shape[0])
        for total in sums:
            held = sparse.csr_matrix((values, block.indices, block.indptr), shape=block.shape)
            total += held.T @ each
            values **= 2  # second, the sum of squares
    many = max(n_cells, 1)
    mean = sums[0] / many
    variance = np.maximum(sums[1] - many * mean**2, 0) / max(many - 1, 1)
    return GeneMoments(sums[0], mean, variance, n_cells)
