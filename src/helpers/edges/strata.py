"""Strata of cells: given labels, Leiden or k-means clusters, and thinning against double use."""

from __future__ import annotations

import anndata as ad
import numpy as np
import scanpy as sc
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from helpers.edges.expression import counts_of
from helpers.errors import DataError, ParameterError


def embedding(adata: ad.AnnData, components: int = 30, seed: int = 0) -> np.ndarray:
    """Return principal components (cells, components) of log-normalised counts."""
    counts = counts_of(adata)
    library = np.asarray(counts.sum(axis=1)).ravel()
    scaled = sparse.diags(1e4 / np.maximum(library, 1)) @ counts
    values = np.log1p(scaled.toarray())
    components = min(components, *(size - 1 for size in values.shape))
    return PCA(components, random_state=seed, svd_solver="auto").fit_transform(values)


def leiden(
    space: np.ndarray, *, resolution: float = 1.0, neighbours: int = 15, seed: int = 0
) -> np.ndarray:
    """Return Leiden cluster labels of cells in an embedding (PCs, or a model's hidden states).

    Parameters
    ----------
    space
        Array (cells, components).
    resolution, neighbours
        Leiden resolution and size of the neighbourhood in the graph.
    seed
        Seed of graph and clustering.
    """
    cells = ad.AnnData(np.asarray(space, dtype=np.float32))
    neighbours = min(neighbours, len(space) - 1)
    # Gaussian weights: the UMAP weights would first compile for half a minute
    sc.pp.neighbors(
        cells,
        n_neighbors=neighbours,
        use_rep="X",
        method="gauss",
        transformer="sklearn",
        random_state=seed,
    )
    sc.tl.leiden(
        cells,
        resolution=resolution,
        flavor="igraph",
        n_iterations=2,
        directed=False,
        random_state=seed,
    )
    return cells.obs["leiden"].to_numpy().astype(int)


def kmeans(space: np.ndarray, n_strata: int, *, seed: int = 0) -> np.ndarray:
    """Return k-means labels of cells in an embedding.

    Raises
    ------
    ParameterError
        If more strata than cells are asked for.
    """
    if not 1 <= n_strata <= len(space):
        raise ParameterError(f"{n_strata} strata for {len(space)} cells")
    return KMeans(n_strata, n_init=10, random_state=seed).fit_predict(space)


def members(labels: np.ndarray, min_cells: int = 50) -> dict[str, np.ndarray]:
    """Return the row numbers of each stratum that holds at least `min_cells` cells.

    Raises
    ------
    DataError
        If no stratum is large enough.
    """
    labels = np.asarray(labels).astype(str)
    found = {name: np.flatnonzero(labels == name) for name in np.unique(labels)}
    kept = {name: rows for name, rows in found.items() if len(rows) >= min_cells}
    if not kept:
        largest = max((len(rows) for rows in found.values()), default=0)
        raise DataError(f"No stratum has {min_cells} cells (largest: {largest})")
    return kept


def thin(
    adata: ad.AnnData, rng: np.random.Generator, share: float = 0.5
) -> tuple[ad.AnnData, ad.AnnData]:
    """Split counts into two data sets by binomial thinning.

    Each molecule goes to the first half with probability `share`. For Poisson counts the halves
    are independent, so clusters found in one do not share noise with scores from the other.
    """
    if not 0 < share < 1:
        raise ParameterError(f"share is {share}; it must lie in (0, 1)")
    counts = counts_of(adata)
    first = counts.copy()
    first.data = rng.binomial(np.rint(counts.data).astype(np.int64), share).astype(np.float32)
    second = counts.copy()
    second.data = (counts.data - first.data).astype(np.float32)
    halves = []
    for half in (first, second):
        half.eliminate_zeros()
        halves.append(
            ad.AnnData(half, obs=adata.obs.copy(), var=adata.var.copy(), layers={"counts": half})
        )
    return halves[0], halves[1]


def split_gaussian(values: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Split standard normal data into :math:`X + Z` and :math:`X - Z` with Z of equal variance.

    For independent normal values of unit variance the two results are independent.
    """
    noise = rng.standard_normal(np.shape(values))
    return values + noise, values - noise
