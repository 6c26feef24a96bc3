"""Diffusion pseudotime beside its formula on a dense graph, and on lines whose order is known."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from helpers.edges.pseudotime import central_root, diffusion_pseudotime
from helpers.errors import DataError, ParameterError


def curve(n=300, genes=40, noise=0.05, seed=0):
    """Cells along a bent line in the space of genes."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.random(n))
    angles = np.outer(time, rng.uniform(0.5, 3.0, genes)) + rng.uniform(0, 6, genes)
    return time, np.sin(angles) + noise * rng.normal(size=(n, genes))


def test_the_order_of_a_line_is_found_from_either_end():
    time, values = curve()
    from_start, from_end = diffusion_pseudotime(values, [0, len(time) - 1])
    assert spearmanr(from_start, time)[0] > 0.99
    assert spearmanr(from_end, time)[0] < -0.99
    assert from_start[0] == 0
    assert from_start.max() == pytest.approx(1)


def test_it_is_the_distance_of_accumulated_walks():
    _, values = curve(n=60)
    found = diffusion_pseudotime(values, [0], components=10)[0]
    import anndata as ad
    import scanpy as sc
    from sklearn.decomposition import PCA

    space = PCA(10, svd_solver="full").fit_transform(values)
    cells = ad.AnnData(space.astype(np.float32))
    sc.pp.neighbors(cells, 15, use_rep="X", method="gauss", transformer="sklearn")
    weights = cells.obsp["connectivities"].toarray().astype(float)
    weights /= np.outer(weights.sum(0), weights.sum(0))  # density, as Haghverdi et al.
    root = np.sqrt(weights.sum(0))
    values_, vectors = np.linalg.eigh(weights / np.outer(root, root))
    order = np.argsort(-values_, kind="stable")[1:10]
    ratio = values_[order] / (1 - values_[order])
    apart = (vectors[0, order] - vectors[:, order]) * ratio
    distance = np.sqrt((apart**2).sum(axis=1))
    np.testing.assert_allclose(found, distance / distance.max(), atol=2e-3)


def test_two_separate_clouds_are_refused():
    rng = np.random.default_rng(1)
    values = np.r_[rng.normal(size=(100, 5)), rng.normal(size=(100, 5)) + 1000]
    with pytest.raises(DataError, match="cannot be reached"):
        diffusion_pseudotime(values, [0])


def test_a_root_must_be_a_cell():
    with pytest.raises(ParameterError, match="roots"):
        diffusion_pseudotime(np.eye(30), [30])
    with pytest.raises(DataError, match="root"):
        central_root(np.eye(3), np.zeros(3, bool))
