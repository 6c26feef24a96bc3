"""Correlation edges against scipy, and what partialling removes."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from helpers.edges import (
    correlation_edges,
    expression,
)


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


@pytest.mark.parametrize("scale", ["raw", "lognorm"])
def test_correlations_equal_scipy(counts, scale):
    values = expression(counts, scale=scale).values
    spearman = correlation_edges(counts, "spearman", scale=scale)
    np.testing.assert_allclose(spearman, stats.spearmanr(values).statistic, atol=1e-10)
    pearson = correlation_edges(counts, "pearson", scale=scale)
    np.testing.assert_allclose(pearson, np.corrcoef(values.T), atol=1e-10)
    assert spearman.name == f"spearman-{scale}"


def test_partial_correlation_equals_its_formula(counts):
    found = expression(counts, scale="raw")
    r = stats.spearmanr(np.column_stack([found.values, found.log_library])).statistic
    z = r[:-1, -1]
    expected = (r[:-1, :-1] - np.outer(z, z)) / np.sqrt(np.outer(1 - z**2, 1 - z**2))
    np.testing.assert_allclose(
        correlation_edges(counts, "partial", scale="raw"), expected, atol=1e-9
    )


def test_depth_alone_correlates_raw_counts_and_partial_removes_it():
    rng = np.random.default_rng(5)
    depth = rng.lognormal(0, 1, size=(800, 1))
    data = cells(rng.poisson(depth * np.full((1, 20), 4.0)))
    off = ~np.eye(20, dtype=bool)
    assert correlation_edges(data, scale="raw").values[off].mean() > 0.5
    assert abs(correlation_edges(data, "partial", scale="raw").values[off].mean()) < 0.1
