"""Context likelihood of relatedness: how high the score of a pair is for both of its genes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from helpers.errors import DataError


def clr_edges(scores: xr.DataArray) -> xr.DataArray:
    r"""Compare a symmetric score of each pair with all scores of its two genes (CLR).

    .. math:: \sqrt{\max(0, z_i)^2 + \max(0, z_j)^2},\quad
              z_i = (M_{ij} - \operatorname{mean}_k M_{ik}) / \operatorname{sd}_k M_{ik}

    with self pairs left out of means and SDs (n - 1). A gene that is close to all others no longer
    has high scores for that alone (Faith et al. 2007, PLoS Biol 5:e8; there of mutual information).

    Parameters
    ----------
    scores
        Dims (source, target) with the same genes on both, symmetric, without missing values.

    Raises
    ------
    DataError
        If the scores are not of that form, or fewer than three genes are given.

    Examples
    --------
    Gene d is close to everything, a and b to each other:

    >>> close = np.array([[9, 3, 1, 3], [3, 9, 1, 3], [1, 1, 9, 3], [3, 3, 3, 9.0]])
    >>> axes = {"source": list("abcd"), "target": list("abcd")}
    >>> found = clr_edges(xr.DataArray(close, axes, ("source", "target")))
    >>> [float(found.sel(source=i, target=j).round(2)) for i, j in ("ab", "ad", "cd")]
    [0.82, 0.58, 1.15]
    """
    matrix = scores.transpose("source", "target").values.astype(np.float64)
    if not np.array_equal(scores["source"], scores["target"]) or len(matrix) < 3:
        raise DataError("CLR needs the same three or more genes as sources and targets")
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
        raise DataError("CLR needs a symmetric score without missing values")
    off = np.where(np.eye(len(matrix), dtype=bool), np.nan, matrix)
    spread = np.nanstd(off, axis=1, ddof=1)
    above = off - np.nanmean(off, axis=1)[:, None]
    z = np.divide(above, spread[:, None], out=np.zeros_like(above), where=spread[:, None] > 0)
    z = np.clip(np.nan_to_num(z), 0.0, None)
    found = scores.transpose("source", "target").copy(data=np.sqrt(z**2 + z.T**2))
    return found.rename(f"clr-{scores.name}")
