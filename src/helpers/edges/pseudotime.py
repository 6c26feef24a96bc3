"""Diffusion pseudotime: how far cells are from a root along the walks between neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import anndata as ad
import numpy as np
import scanpy as sc
from sklearn.decomposition import PCA

from helpers.errors import DataError, ParameterError

MOST_UNREACHED = 0.2


def diffusion_pseudotime(
    values: np.ndarray,
    roots: Sequence[int],
    *,
    n_variable: int = 2000,
    components: int = 30,
    neighbours: int = 15,
    seed: int = 0,
) -> np.ndarray:
    """Return diffusion pseudotime from each of some root cells, (roots, cells), from 0 to 1.

    The most variable genes, principal components, a graph of nearest neighbours with Gaussian
    weights, ten diffusion components (scanpy's ``dpt``). Cells without a way to the root are NaN.

    Parameters
    ----------
    values
        (cells, genes) log-normalised expression.
    roots
        Row numbers of the root cells.
    n_variable, components, neighbours
        Genes, components and neighbours; those of paper A by default.
    seed
        Of the components.

    Raises
    ------
    ParameterError
        If a root is no cell.
    DataError
        If more than a fifth of the cells cannot be reached from a root.

    References
    ----------
    Haghverdi L et al. (2016), Nat Methods 13:845-848.
    """
    values = np.asarray(values, dtype=np.float64)
    roots = np.asarray(roots, dtype=int)
    if roots.size == 0 or roots.min() < 0 or roots.max() >= len(values):
        raise ParameterError(f"roots must be rows of the {len(values)} cells, not {roots.tolist()}")
    variable = np.argsort(-values.var(axis=0), kind="stable")[:n_variable]
    components = min(components, variable.size - 1, len(values) - 1)
    space = PCA(components, svd_solver="covariance_eigh").fit_transform(values[:, variable])
    cells = ad.AnnData(space.astype(np.float32))
    graph = {"use_rep": "X", "method": "gauss", "transformer": "sklearn", "random_state": seed}
    sc.pp.neighbors(cells, n_neighbors=min(neighbours, len(values) - 1), **graph)
    sc.tl.diffmap(cells, n_comps=min(10, len(values) - 2), random_state=seed)
    found = np.empty((roots.size, len(values)))
    for k, root in enumerate(roots):
        cells.uns["iroot"] = int(root)
        sc.tl.dpt(cells)
        found[k] = cells.obs["dpt_pseudotime"].to_numpy(float)
    found[~np.isfinite(found)] = np.nan
    if (lost := np.isnan(found).mean(axis=1).max()) > MOST_UNREACHED:
        raise DataError(f"{lost:.0%} of the cells cannot be reached from the root; leave them out")
    return found


def central_root(values: np.ndarray, first: np.ndarray) -> int:
    """Return the row, among those where `first` holds, that is nearest to their mean.

    Examples
    --------
    >>> central_root(np.array([[0.0], [1.0], [9.0], [2.0]]), np.array([True, True, False, True]))
    1
    """
    rows = np.flatnonzero(first)
    if rows.size == 0:
        raise DataError("no cell is where the order should begin; name another root")
    far = ((values[rows] - values[rows].mean(axis=0)) ** 2).sum(axis=1)
    return int(rows[far.argmin()])
