"""Aggregation of strata by hand, by formula and against scipy."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import sparse, stats

from helpers.edges import (
    aggregate,
    blend,
    calibrated,
    rank_sum,
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


def stack(values):
    return xr.DataArray(np.asarray(values, float), dims=("stratum", "source", "target"))


def test_every_aggregator_by_hand():
    strata = stack([[[0.1, -0.8]], [[0.5, 0.2]]])
    pooled = xr.DataArray([[0.3, -0.1]], dims=("source", "target"))
    sizes = np.array([30, 10])
    expected = {
        "max": [0.5, 0.2],
        "mean": [0.2, -0.55],
        "range": [0.4, 1.0],
        "sd": [0.2, 0.5],
        "deviation": [0.2, 0.7],
        "weighted-deviation": [0.2, 0.6],
    }
    for method, values in expected.items():
        np.testing.assert_allclose(aggregate(strata, pooled, sizes, method)[0], values, atol=1e-12)
    strongest = aggregate(strata, pooled, sizes, "max", absolute=True)
    np.testing.assert_allclose(strongest[0], [0.5, 0.8])
    np.testing.assert_allclose(blend(pooled, strongest, 0.3)[0], [0.44, 0.53])


def test_one_stratum_is_the_pooled_score_with_a_notice():
    pooled = xr.DataArray([[0.3, -0.1]], dims=("source", "target"))
    result = aggregate(pooled.expand_dims("stratum"), pooled, np.array([5]), "max")
    np.testing.assert_array_equal(result, pooled)
    assert "one stratum" in result.attrs["notice"]


def test_mean_of_count_weighted_attention_is_the_pooled_score():
    rng = np.random.default_rng(0)
    count = rng.integers(1, 30, size=(4, 5, 5))
    total = rng.random((4, 5, 5)) * count
    pooled = total.sum(axis=0) / count.sum(axis=0)
    weights = count / count.sum(axis=0)
    np.testing.assert_allclose((weights * total / count).sum(axis=0), pooled)
    equal = aggregate(stack(total / count), stack([pooled])[0], np.ones(4), "mean")
    assert abs(equal.values - pooled).max() > 1e-3  # other weights: another score


def test_a_missing_stratum_gives_its_weight_to_the_others():
    strata = stack([[[np.nan, 1.0]], [[0.5, 3.0]]])
    pooled = xr.DataArray([[0.0, 0.0]], dims=("source", "target"))
    result = aggregate(strata, pooled, np.array([10, 30]), "mean")
    np.testing.assert_allclose(result[0], [0.5, 2.5])


def test_sidak_p_is_uniform_and_does_not_grow_with_strata():
    rng = np.random.default_rng(4)
    for n_strata in (1, 3, 12):
        rho = np.tanh(rng.standard_normal((n_strata, 50, 80)) / np.sqrt(97))
        for combine in ("sidak", "chi2"):
            found = calibrated(stack(rho), np.full(n_strata, 100), combine, variance=1)
            assert stats.kstest(found.p.values.ravel(), "uniform").pvalue > 1e-3


def test_sidak_equals_its_formula_and_small_strata_are_left_out():
    rho = stack([[[0.5, -0.4]], [[0.1, 0.3]], [[0.9, np.nan]]])
    found = calibrated(rho, np.array([50, 80, 9]))
    z = np.sqrt(np.array([47, 77]) / 1.06)[:, None] * np.arctanh(rho.values[:2, 0])
    p = (2 * stats.norm.sf(abs(z))).min(axis=0)
    np.testing.assert_allclose(found.p[0], 1 - (1 - p) ** 2, rtol=1e-8)
    assert found.strata_used.values.tolist() == [[2, 2]]
    np.testing.assert_allclose(found.score[0], -np.log10(found.p[0]))
    with pytest.raises(DataError, match="10 cells"):
        calibrated(rho, np.array([5, 5, 5]))


def test_rank_sum_equals_scipy():
    values = np.random.default_rng(6).random((3, 4, 5))
    expected = sum(stats.rankdata(layer).reshape(4, 5) for layer in values)
    np.testing.assert_allclose(rank_sum(stack(values)), expected)


def test_bad_aggregation_is_refused():
    pooled = xr.DataArray([[0.0]], dims=("source", "target"))
    with pytest.raises(ParameterError, match="CSSI method"):
        aggregate(stack([[[0.0]]]), pooled, np.ones(1), "median")
    with pytest.raises(DataError, match="sizes"):
        aggregate(stack([[[0.0]]]), pooled, np.ones(2))
    with pytest.raises(ParameterError, match="alpha"):
        blend(pooled, pooled, 1.5)
