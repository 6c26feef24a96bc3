"""Strata: states that differ are recovered, small ones left out, halves independent."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.edges import (
    embedding,
    kmeans,
    leiden,
    members,
    split_gaussian,
    thin,
)
from helpers.errors import DataError, ParameterError


def cells(values, names=None):
    values = np.asarray(values)
    names = names or [f"G{i}" for i in range(values.shape[1])]
    counts = sparse.csr_matrix(values.astype(np.float32))
    return ad.AnnData(counts, var=pd.DataFrame(index=names), layers={"counts": counts.copy()})


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(1)
    depth = rng.lognormal(0, 0.4, size=(300, 1))
    values = rng.poisson(depth * rng.lognormal(0.5, 1, size=(1, 12)))
    values[:, 7] = values[:, 3] + rng.poisson(1, 300)
    return cells(values)


@pytest.fixture(scope="module")
def states():
    """Three states that differ in means."""
    rng = np.random.default_rng(8)
    state = np.repeat([0, 1, 2], 80)
    means = rng.lognormal(1, 1, size=(3, 40))
    return cells(rng.poisson(means[state])), state


def test_clusters_recover_states_that_differ_in_means(states):
    from sklearn.metrics import adjusted_rand_score

    data, state = states
    space = embedding(data)
    assert adjusted_rand_score(state, kmeans(space, 3)) > 0.95
    found = leiden(space, resolution=0.3)
    assert adjusted_rand_score(state, found) > 0.9
    np.testing.assert_array_equal(found, leiden(space, resolution=0.3))
    with pytest.raises(ParameterError, match="strata for"):
        kmeans(space[:2], 3)


def test_members_leaves_small_strata_out():
    labels = np.array(["b"] * 60 + ["a"] * 50 + ["c"] * 3)
    found = members(labels)
    assert list(found) == ["a", "b"] and len(found["b"]) == 60
    with pytest.raises(DataError, match="largest: 60"):
        members(labels, 61)


def test_thinned_halves_add_up_and_are_independent():
    rng = np.random.default_rng(9)
    data = cells(rng.poisson(6.0, size=(2000, 3)))
    first, second = thin(data, rng)
    assert ((first.X + second.X) != data.X).nnz == 0
    a, b = first.X.toarray()[:, 0], second.X.toarray()[:, 0]
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(2000)
    x, y = split_gaussian(rng.standard_normal(4000), rng)
    assert abs(np.corrcoef(x, y)[0, 1]) < 4 / np.sqrt(4000)
    with pytest.raises(ParameterError, match="share"):
        thin(data, rng, 1.0)
