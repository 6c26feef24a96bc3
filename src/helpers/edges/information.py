"""Mutual information of gene pairs, from quantile bins."""

from __future__ import annotations

from collections.abc import Sequence

import anndata as ad
import numpy as np
import xarray as xr
from scipy.special import xlogy
from tqdm import tqdm

from helpers.edges.expression import Scale, expression
from helpers.errors import DataError, ParameterError


def quantile_bins(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the bin number (0 to n_bins - 1) of each value, per column; ties share a bin."""
    bins = np.empty(values.shape, dtype=np.int64)
    inner = np.linspace(0, 1, n_bins + 1)[1:-1]
    for column in range(values.shape[1]):
        edges = np.unique(np.quantile(values[:, column], inner))
        bins[:, column] = np.searchsorted(edges, values[:, column], side="left")
    return bins


def mutual_information_edges(
    adata: ad.AnnData,
    *,
    sources: Sequence[str] | None = None,
    genes: Sequence[str] | None = None,
    n_bins: int = 8,
    scale: Scale = "lognorm",
) -> xr.DataArray:
    r"""Score gene pairs by mutual information of binned expression.

    .. math:: I(x; y) = \sum_{ab} p_{ab} \ln \frac{p_{ab}}{p_a p_b} \quad \text{(nats)}

    Parameters
    ----------
    adata
        Cells with integer counts.
    sources
        Genes on the source axis; all if absent.
    genes
        Genes on the target axis; all if absent.
    n_bins
        Quantile bins per gene; equal values share a bin, so a sparse gene has fewer.
    scale
        ``"lognorm"`` or ``"raw"``.

    Notes
    -----
    All pairs of one source are counted by one matrix product of bin indicators; the numbers are
    those of :func:`sklearn.metrics.mutual_info_score`. The plug-in estimate is biased upwards by
    about :math:`(B-1)^2 / 2n`; only the order of pairs is used.
    """
    if n_bins < 2:
        raise ParameterError(f"n_bins is {n_bins}; at least 2 needed")
    found = expression(adata, genes, scale)
    names = list(found.genes)
    chosen = [gene for gene in (names if sources is None else sources) if gene in set(names)]
    if not chosen:
        raise DataError("None of the sources is among the genes that vary")
    n_cells = len(found.values)
    bins = quantile_bins(found.values, n_bins)
    onehot = np.concatenate([bins == level for level in range(n_bins)], axis=1).astype(np.float32)
    total = onehot.sum(axis=0).reshape(n_bins, -1)
    marginal = xlogy(total, total).sum(axis=0)
    scores = np.empty((len(chosen), len(names)))
    position = {gene: column for column, gene in enumerate(names)}
    for row, gene in enumerate(tqdm(chosen, desc="mutual information", disable=len(chosen) < 200)):
        column = position[gene]
        source = (bins[:, column][:, None] == np.arange(n_bins)).astype(np.float32)
        joint = (source.T @ onehot).astype(np.float64)
        joint = xlogy(joint, joint).sum(axis=0).reshape(n_bins, -1).sum(axis=0)
        entropy = xlogy(n_cells, n_cells)
        scores[row] = (joint - marginal - marginal[column] + entropy) / n_cells
    return xr.DataArray(
        np.maximum(scores, 0),
        dims=("source", "target"),
        coords={"source": np.array(chosen, dtype=str), "target": np.array(names, dtype=str)},
        name=f"mutual-information-{scale}",
        attrs={"n_cells": n_cells, "constant_genes": list(found.constant)},
    )
