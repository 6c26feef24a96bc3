"""Edge scores from vectors of genes: how alike the directions of two genes are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from helpers.errors import DataError, ParameterError


def cosine_edges(vectors: np.ndarray, genes: Sequence[str]) -> xr.DataArray:
    r"""Score gene pairs by the cosine of their vectors about the mean gene.

    .. math:: s_{ij} = \frac{(x_i - \bar x)^\top (x_j - \bar x)}{|x_i - \bar x|\,|x_j - \bar x|}

    What all genes share says nothing of a pair, and differs in size between genes; it is taken
    out first.

    Parameters
    ----------
    vectors
        (..., genes, width); leading axes, such as layers, are scored one by one.
    genes
        Names.

    Returns
    -------
    xarray.DataArray
        (..., source, target), symmetric; NaN for a gene that is the mean gene. One leading axis is
        called ``layer``.

    Examples
    --------
    >>> cosine_edges([[1.0, 0.0], [-1.0, 0.0]], ["A", "B"]).values.round().tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim not in (2, 3) or vectors.shape[-2] != len(genes):
        raise ParameterError(f"vectors of shape {vectors.shape} for {len(genes)} genes")
    centred = vectors - vectors.mean(axis=-2, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    unit = centred / np.where(length > 1e-12, length, np.nan)
    names = np.asarray(genes, dtype=str)
    dims = ("layer", "source", "target")[-vectors.ndim :]
    coords = {"source": names, "target": names}
    return xr.DataArray(np.clip(unit @ unit.swapaxes(-1, -2), -1, 1), coords, dims, name="cosine")


def residual_edges(sums: xr.Dataset) -> xr.DataArray:
    """Score gene pairs by the cosine of their mean residual states, layer by layer.

    Parameters
    ----------
    sums
        Of `helpers.extraction.extract` with ``activations=("residual",)``.

    Returns
    -------
    xarray.DataArray
        (layer, source, target); see `cosine_edges`. The state of a gene is averaged over all cells
        in which it is a token.
    """
    if "sum_residual" not in sums or "stratum" in sums.dims:
        raise DataError('extract with activations=("residual",) and without strata')
    number = sums["tokens"].values[:, None]
    mean = sums["sum_residual"].values / np.where(number > 0, number, np.nan)
    if np.isnan(mean).any():
        raise DataError("a gene occurs in no cell, so it has no state; leave it out")
    found = cosine_edges(mean, sums["target"].values)
    return found.assign_coords(layer=sums["layer"].values)
