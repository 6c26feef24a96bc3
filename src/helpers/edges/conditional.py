"""Edge scores given other genes: partial rank correlation, and regression on all TFs."""

from __future__ import annotations

from collections.abc import Sequence

import anndata as ad
import numpy as np
import xarray as xr
from scipy.stats import rankdata
from sklearn.covariance import ledoit_wolf

from helpers.edges.expression import Scale, expression
from helpers.errors import DataError


def shrunk_correlation(values: np.ndarray) -> tuple[np.ndarray, float]:
    r"""Return the rank correlation matrix, shrunk towards the identity, and by how much.

    .. math:: C^* = (1-\delta) C + \delta I

    with the :math:`\delta` of Ledoit and Wolf (2004, J Multivar Anal 88:365-411), so that it can be
    inverted where there are more genes than cells.

    Parameters
    ----------
    values
        (cells, genes); no column may be constant.
    """
    ranks = rankdata(values, axis=0)
    unit = (ranks - ranks.mean(axis=0)) / ranks.std(axis=0)
    return ledoit_wolf(unit, assume_centered=True)


def partial_edges(
    adata: ad.AnnData, *, genes: Sequence[str] | None = None, scale: Scale = "lognorm"
) -> xr.DataArray:
    r"""Score gene pairs by the rank correlation that is left given all other genes.

    .. math:: -\Omega_{ij} / \sqrt{\Omega_{ii}\Omega_{jj}},\qquad \Omega = (C^*)^{-1}

    Parameters
    ----------
    adata
        Cells with integer counts.
    genes
        Symbols to use; all of them if absent.
    scale
        ``"lognorm"`` or ``"raw"``.

    Returns
    -------
    xarray.DataArray
        Dims (source, target), symmetric, diagonal 1; ``attrs["shrinkage"]`` is :math:`\delta`.
        Constant genes are left out.

    Examples
    --------
    A chain a -> b -> c correlates at its ends, but not given its middle:

    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=2000)
    >>> b = a + rng.normal(size=2000)
    >>> c = b + rng.normal(size=2000)
    >>> chain = np.round(np.exp(4 + 0.3 * np.stack([a, b, c], axis=1)))
    >>> cells = ad.AnnData(chain, var={"symbol": list("abc")})
    >>> cells.var_names = list("abc")
    >>> found = partial_edges(cells, scale="raw")
    >>> found.sel(source="a", target=["b", "c"]).values.round(1).tolist()
    [0.5, 0.0]
    """
    found = expression(adata, genes, scale)
    correlation, shrinkage = shrunk_correlation(found.values)
    inverse = np.linalg.inv(correlation)
    size = np.sqrt(np.diag(inverse))
    partial = -inverse / np.outer(size, size)
    np.fill_diagonal(partial, 1.0)
    names = found.genes.astype(str)
    return _edges(partial, names, names, "partial-correlation", len(found.values), shrinkage)


def regression_edges(
    adata: ad.AnnData,
    tfs: Sequence[str],
    *,
    genes: Sequence[str] | None = None,
    scale: Scale = "lognorm",
) -> xr.DataArray:
    r"""Score pairs by the coefficient of a TF in the ridge regression of the target on all TFs.

    For a target g that is no TF :math:`\beta = (C^*_{TT})^{-1} C^*_{Tg}` on standardised ranks; a
    TF is regressed on the others, :math:`\beta_{tg} = -\Omega_{tg} / \Omega_{gg}` with
    :math:`\Omega = (C^*_{TT})^{-1}`. Parameters are those of `partial_edges`; `tfs` are the
    candidate regulators, those that do not vary left out.

    Returns
    -------
    xarray.DataArray
        Dims (source, target), source = TF; 0 on self pairs.

    Raises
    ------
    DataError
        If no TF is among the genes that vary.
    """
    found = expression(adata, genes, scale)
    names = found.genes.astype(str)
    rows = np.flatnonzero(np.isin(names, list(tfs)))
    if not len(rows):
        raise DataError(f"None of {len(tfs)} TFs is among the {len(names)} genes that vary")
    correlation, shrinkage = shrunk_correlation(found.values)
    inverse = np.linalg.inv(correlation[np.ix_(rows, rows)])
    slopes = inverse @ correlation[rows]
    slopes[:, rows] = -inverse / np.diag(inverse)
    slopes[np.arange(len(rows)), rows] = 0.0
    return _edges(slopes, names[rows], names, "regression", len(found.values), shrinkage)


def _edges(
    scores: np.ndarray,
    sources: np.ndarray,
    targets: np.ndarray,
    name: str,
    n_cells: int,
    shrinkage: float,
) -> xr.DataArray:
    return xr.DataArray(
        scores,
        dims=("source", "target"),
        coords={"source": sources, "target": targets},
        name=name,
        attrs={"n_cells": n_cells, "shrinkage": float(shrinkage)},
    )
