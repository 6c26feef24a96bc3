"""What every tokeniser needs from an AnnData: its counts, cell by cell."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from helpers.errors import ModelError


def counts_by_cell(adata: AnnData) -> sp.csr_matrix:
    """Return the counts (``layers["counts"]``, else ``X``) as CSR with no stored zero.

    Raises
    ------
    ModelError
        If a count is negative or not finite.
    """
    counts = adata.layers["counts"] if "counts" in adata.layers else adata.X
    counts = sp.csr_matrix(counts, copy=True)
    if counts.nnz and (not np.isfinite(counts.data).all() or counts.data.min() < 0):
        raise ModelError("counts hold negative or non-finite values; give raw counts")
    counts.sum_duplicates()
    counts.eliminate_zeros()
    return counts


def warn_if_poor_cover(known: int, genes: int, what: str) -> None:
    """Warn where fewer than half of the genes are known to the model; refuse where none is.

    Raises
    ------
    ModelError
        If no gene is known.
    """
    if known == 0:
        raise ModelError(
            f"none of the {genes} genes is in the {what}; check identifiers and species"
        )
    if 2 * known < genes:
        warnings.warn(
            f"the {what} covers {known} of {genes} genes, under half; "
            "check identifiers and species",
            stacklevel=3,
        )
