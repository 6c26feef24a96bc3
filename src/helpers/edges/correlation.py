"""Co-expression scores: Spearman, Pearson, and rank correlation given the library size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import anndata as ad
import numpy as np
import xarray as xr

from helpers.edges.expression import Expression, Scale, expression
from helpers.errors import ParameterError
from helpers.statistics.correlation import spearman_matrix

Method = Literal["spearman", "pearson", "partial"]


def _correlate(values: np.ndarray, log_library: np.ndarray, method: Method) -> np.ndarray:
    """Return the gene x gene correlation matrix of values (cells, genes)."""
    if method == "pearson":
        centred = values - values.mean(axis=0)
        unit = centred / np.linalg.norm(centred, axis=0)
        return np.clip(unit.T @ unit, -1, 1)
    # a gene that only follows the library size has nothing left to correlate
    given = log_library if method == "partial" else None
    return spearman_matrix(values, given, explained="zero")


def _edges(found: Expression, matrix: np.ndarray, name: str) -> xr.DataArray:
    return xr.DataArray(
        matrix,
        dims=("source", "target"),
        coords={"source": found.genes.astype(str), "target": found.genes.astype(str)},
        name=name,
        attrs={"n_cells": len(found.values), "constant_genes": list(found.constant)},
    )


def correlation_edges(
    adata: ad.AnnData,
    method: Method = "spearman",
    *,
    scale: Scale = "lognorm",
    genes: Sequence[str] | None = None,
) -> xr.DataArray:
    r"""Score gene pairs by their correlation over cells.

    Parameters
    ----------
    adata
        Cells with integer counts.
    method
        ``"spearman"``, ``"pearson"``, or ``"partial"``: Spearman given the log library size z,
        :math:`(r_{xy} - r_{xz} r_{yz}) / \sqrt{(1 - r_{xz}^2)(1 - r_{yz}^2)}` on ranks.
    scale
        ``"lognorm"``; or ``"raw"`` counts, which mix in sequencing depth.
    genes
        Symbols to use; all of them if absent.

    Returns
    -------
    xarray.DataArray
        Dims (source, target), symmetric, diagonal 1, name ``"METHOD-SCALE"``. Constant genes are
        left out and listed in ``attrs["constant_genes"]``.
    """
    if method not in ("spearman", "pearson", "partial"):
        raise ParameterError(f"method is {method!r}; choose spearman, pearson or partial")
    found = expression(adata, genes, scale)
    matrix = _correlate(found.values, found.log_library, method)
    return _edges(found, matrix, f"{method}-{scale}")
