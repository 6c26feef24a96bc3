"""Cells of several donors with the edges that are scored on them, and features of those edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.datasets.own import in_words
from helpers.errors import DataError
from helpers.estimates import NotEstimable

LEAST_CELLS = 50
"""Donors with fewer cells are left out."""
CONSTANT = 1e-10
"""Smaller variances are what rounding leaves of a constant: one cell of 100,000 makes more."""


@dataclass(frozen=True)
class DonorCells:
    """Log-normalised expression with labels, and the edges that are scored.

    Parameters
    ----------
    x
        (cells, genes) log1p of counts per 10,000.
    source, target
        (edges,) column numbers of TF and target.
    donor, cell_type
        (cells,) integer labels from 0.
    names
        (genes,) symbols of the columns.
    """

    x: np.ndarray
    source: np.ndarray
    target: np.ndarray
    donor: np.ndarray
    cell_type: np.ndarray
    names: np.ndarray

    @property
    def n_donors(self) -> int:
        """Number of donors."""
        return np.unique(self.donor).size

    def permuted(self, rng: np.random.Generator) -> np.ndarray:
        """Return donor labels permuted among the cells of each cell type."""
        labels = self.donor.copy()
        for value in np.unique(self.cell_type):
            rows = np.flatnonzero(self.cell_type == value)
            labels[rows] = self.donor[rng.permutation(rows)]
        return labels


def no_donors(adata: AnnData) -> NotEstimable | None:
    """Return why donors cannot be compared within cell types, or None where they can."""
    for role in ("donor", "cell_type"):
        if role not in adata.obs:
            has = in_words(adata.obs)
            return NotEstimable(f"no {role} ({role}=COLUMN names it; obs has {has})")
    many = int((adata.obs["donor"].value_counts() >= LEAST_CELLS).sum())
    if many < 2:
        return NotEstimable(f"{many} donors with {LEAST_CELLS} cells or more; two are needed")
    return None


def donor_cells(adata: AnnData, edges: pd.DataFrame, least_detected: float = 0.0) -> DonorCells:
    """Normalise counts, keep edges between detected genes, drop donors with few cells.

    Parameters
    ----------
    adata
        Counts (layer ``counts``) with ``donor`` and ``cell_type``.
    edges
        ``source, target``: gene names.
    least_detected
        Smallest share of cells that must hold a gene.

    Raises
    ------
    DataError
        If no edge is left.
    """
    sizes = adata.obs["donor"].value_counts()
    adata = adata[adata.obs["donor"].isin(sizes.index[sizes >= LEAST_CELLS])]
    counts = sparse.csr_matrix(adata.layers["counts"])
    total = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1.0)
    held = np.asarray((counts > 0).mean(axis=0)).ravel()
    names = pd.Index(adata.var_names.astype(str))
    used = np.unique(edges[["source", "target"]].to_numpy().astype(str))
    column = names.get_indexer(used)
    column = column[column >= 0]
    column = column[(held[column] > 0) & (held[column] >= least_detected)]
    x = np.log1p(counts[:, column].toarray() / total[:, None] * 1e4)
    source = names[column].get_indexer(edges["source"].astype(str))
    target = names[column].get_indexer(edges["target"].astype(str))
    keep = (source >= 0) & (target >= 0) & (source != target)
    if not keep.any():
        raise DataError("no edge joins two detected genes; lower least_detected")
    codes = [pd.factorize(adata.obs[name].astype(str))[0] for name in ("donor", "cell_type")]
    return DonorCells(x.astype(float), source[keep], target[keep], *codes, names[column])


def edge_products(cells: DonorCells, n_edges: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return per-cell products of the most variable edges, and the genes they are made of.

    Expression is standardised within cell type first, so that composition is no donor effect.

    Returns
    -------
    tuple
        (cells, edges) products and (cells, genes) standardised expression.
    """
    z = cells.x.copy()
    for kind in np.unique(cells.cell_type):
        rows = cells.cell_type == kind
        spread = z[rows].std(axis=0)
        z[rows] = (z[rows] - z[rows].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    products = z[:, cells.source] * z[:, cells.target]
    # The edges i -> j and j -> i have the same products: ties are certain here.
    best = np.argsort(-products.var(axis=0), kind="stable")[:n_edges]
    return products[:, best], z[:, np.union1d(cells.source[best], cells.target[best])]


def edge_correlations(cells: DonorCells, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Return Pearson r of every edge over some cells; 0 for a gene that is constant there."""
    part = cells.x[rows]
    z = part - part.mean(axis=0)
    length = np.sqrt(np.einsum("ij,ij->j", z, z))
    length[length == 0] = 1.0
    # Rows of regulators only: targets outnumber them.
    rows_of, row = np.unique(cells.source, return_inverse=True)
    product = (z[:, rows_of].T @ z)[row, cells.target]
    return np.clip(product / (length[cells.source] * length[cells.target]), -1.0, 1.0)


def correlations_in_sets(cells: DonorCells, sets: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield what `edge_correlations` returns, of many sets of cells.

    Parameters
    ----------
    cells
        Cells and edges.
    sets
        Batches (sets, cells) of booleans, what belongs to each set; one (sets, edges) for each.
    """
    x, s, t = cells.x - cells.x.mean(axis=0), cells.source, cells.target
    squares, products = x**2, x[:, s] * x[:, t]
    for batch in sets:
        share = batch / batch.sum(axis=1, keepdims=True)
        mean = share @ x
        variance = share @ squares - mean**2
        variance[variance < CONSTANT] = np.inf
        covariance = share @ products - mean[:, s] * mean[:, t]
        yield np.clip(covariance / np.sqrt(variance[:, s] * variance[:, t]), -1.0, 1.0)
