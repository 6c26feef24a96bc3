"""Tests from summaries, banded rank tests and set functions, against independent oracles."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.banded_ranks import banded_test
from helpers.statistics.from_summaries import (
    chance_corrected_share,
    effective_number,
    mean_test,
    normal_noncoverage,
    top_share,
)
from helpers.statistics.set_functions import (
    first_in,
    last_in,
    moebius,
    pair_interactions,
    shapley,
    shapley_by_orders,
)


def test_mean_test_equals_scipy_on_the_cells():
    x = np.random.default_rng(0).normal(0.4, 1, size=7)
    found = mean_test(x.mean(), x.std(ddof=1) / np.sqrt(7), 7, student=True)
    oracle = stats.ttest_1samp(x, 0)
    interval = oracle.confidence_interval()
    assert found.p == pytest.approx(oracle.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_one_cell_has_no_interval():
    found = mean_test(np.array([1.0]), np.array([np.nan]), np.array([1]), student=True)
    assert np.isnan(found.low).all()
    assert not found.excludes_zero.any()


def test_normal_noncoverage_against_drawing():
    rng = np.random.default_rng(1)
    for n in (2, 6, 12):
        x = rng.normal(size=(40_000, n))
        half = 1.959964 * x.std(1, ddof=1) / np.sqrt(n)
        missed = (np.abs(x.mean(1)) > half).mean()
        assert normal_noncoverage(n) == pytest.approx(missed, abs=0.008)


def test_concentration_at_its_ends():
    assert top_share(np.ones(20), 5) == pytest.approx(0.25)
    assert chance_corrected_share(np.ones(20), 5) == pytest.approx(0)
    assert effective_number(np.ones(20)) == pytest.approx(20)
    assert chance_corrected_share(np.eye(20)[0], 5) == pytest.approx(1)
    assert effective_number(np.eye(20)[0]) == pytest.approx(1)


def test_banded_p_equals_enumeration():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 10))
    bands = np.repeat(np.arange(5), 2)
    found = banded_test(a, b, bands, draws=20_000, rng=rng)
    ra, rb = stats.rankdata(a), stats.rankdata(b)
    values = []
    for flips in np.ndindex(*(2,) * 5):
        moved = rb.reshape(5, 2).copy()
        moved[np.array(flips) == 1] = moved[np.array(flips) == 1][:, ::-1]
        values.append(np.corrcoef(ra, moved.ravel())[0, 1])
    assert found.statistic == pytest.approx(stats.spearmanr(a, b).statistic)
    assert found.p_exact == pytest.approx(np.mean(np.array(values) >= found.statistic - 1e-9))
    assert found.p_drawn == pytest.approx(found.p_exact, abs=0.015)
    assert found.arrangements == 32


def test_banded_test_ignores_depth_and_the_naive_one_does_not():
    rng = np.random.default_rng(3)
    depth = np.repeat(np.arange(11), 2)
    naive, banded = [], []
    for _ in range(200):
        a, b = np.exp(-depth / 4) * rng.lognormal(sigma=0.5, size=(2, depth.size))
        naive.append(stats.spearmanr(a, b).pvalue < 0.05)
        banded.append(banded_test(a, b, depth, draws=10, rng=rng).p_exact <= 0.05)
    assert np.mean(naive) > 0.9
    assert np.mean(banded) < 0.1


def test_banded_test_refuses_what_it_cannot_do():
    rng = np.random.default_rng(4)
    with pytest.raises(ParameterError, match="structural zero"):
        banded_test(np.zeros(8), np.ones(8), np.arange(8) // 2, draws=10, rng=rng)
    few = banded_test(np.arange(8.0), np.arange(8.0), np.arange(8), draws=10, rng=rng)
    assert isinstance(few, NotEstimable)


def _brute_shapley(v, k):
    total = np.zeros(k)
    for order in permutations(range(k)):
        mask = 0
        for i in order:
            total[i] += v[mask | (1 << i)] - v[mask]
            mask |= 1 << i
    return total / np.prod(np.arange(1, k + 1))


@given(st.integers(0, 10_000))
def test_shapley_equals_all_orders_and_is_efficient(seed):
    v = np.random.default_rng(seed).normal(size=32)
    exact = shapley(v)
    assert np.allclose(exact, _brute_shapley(v, 5), atol=1e-10)
    assert exact.sum() == pytest.approx(v[-1] - v[0])


def test_moebius_inverts_and_definitions_follow_from_it():
    v = np.random.default_rng(5).normal(size=16)
    mu = moebius(v)
    for mask in range(16):
        inside = [s for s in range(16) if s & mask == s]
        assert mu[inside].sum() == pytest.approx(v[mask])
    assert np.allclose(first_in(v), mu[[1, 2, 4, 8]])
    members = [[s for s in range(16) if s >> i & 1] for i in range(4)]
    assert np.allclose(last_in(v), [mu[m].sum() for m in members])
    assert pair_interactions(v)[0, 1] == pytest.approx(mu[3])


def test_or_gate():
    v = np.array([0.0, 1, 1, 1])
    assert first_in(v).tolist() == [1, 1]
    assert last_in(v).tolist() == [0, 0]
    assert shapley(v).tolist() == [0.5, 0.5]


def test_sampled_shapley_is_within_three_standard_errors():
    rng = np.random.default_rng(6)
    v = rng.normal(size=64)
    powers = 1 << np.arange(6)
    drawn = shapley_by_orders(lambda s: v[int(s @ powers)], 6, 2000, rng)
    assert (np.abs(drawn.value - shapley(v)) < 3.5 * drawn.se).all()
    assert drawn.value.sum() == pytest.approx(v[-1] - v[0])


def test_too_many_components_are_refused():
    with pytest.raises(ParameterError, match="not one per set"):
        shapley(np.zeros(6))
