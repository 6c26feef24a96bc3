"""Residuals, certificates and prevalence: oracles by drawing cells and by brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from helpers.datasets.simulate.circuits import additive_runs, summaries
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.mediation import (
    ALLOCATIONS,
    certified_orders,
    prevalence_test,
    residual_rules,
    residual_test,
)


def test_closed_forms_and_draws_agree():
    rng = np.random.default_rng(0)
    draws = 20_000
    for cells in (3, 8):
        means, se = summaries(rng.lognormal(size=10), cells, rng, effects=0.1)
        found = residual_test(means, se, cells, rng, draws)
        assert found.estimate == pytest.approx(1 - means.sum())
        error = 4.5 * np.sqrt(0.25 / draws)
        assert found.p == pytest.approx(found.detail["p_bound_drawn"], abs=error)
        # Satterthwaite's degrees of freedom are an approximation.
        assert found.detail["p_free"] == pytest.approx(found.detail["p_free_drawn"], abs=0.03)


def test_one_component_is_a_t_test_of_its_cells():
    x = np.random.default_rng(1).normal(0.6, 0.5, size=8)
    found = residual_test(
        np.array([x.mean()]), np.array([x.std(ddof=1) / np.sqrt(8)]), 8, np.random.default_rng(), 99
    )
    oracle = stats.ttest_1samp(x, 1)
    assert found.p == pytest.approx(oracle.pvalue) == found.detail["p_free"]


def test_the_bound_holds_its_level_when_components_are_one():
    """Full dependence is the worst world of the bound: there its level is met exactly."""
    rng = np.random.default_rng(2)
    draws, n, k = 4000, 6, 5
    shared = 0.3 * rng.normal(size=(draws, n, 1))
    ratios = np.full(k, 1 / k) + np.repeat(shared, k, axis=2)
    assert residual_rules(ratios, 1.0)["bound"].mean() == pytest.approx(0.05, abs=0.0135)


def test_published_rule_rejects_additive_worlds_and_cells_do_not():
    rng = np.random.default_rng(3)
    for effect in (0.3, -1.5):
        rates = residual_rules(additive_runs(8, 12, 3000, rng), effect)
        assert rates["published"].mean() > 0.95
        assert rates["cells"].mean() == pytest.approx(0.05, abs=0.015)
        assert rates["bound"].mean() < 0.03


def test_power_at_the_stated_smallest_effect():
    """A residual of the size of `mde` is found in 80 % of runs whose components are one."""
    rng = np.random.default_rng(4)
    n, k = 8, 4
    sd = 0.2
    known = residual_test(np.full(k, 0.25), np.full(k, sd / np.sqrt(n)), n, rng, 99)
    noise = sd * rng.normal(size=(6000, n, 1))
    ratios = np.full(k, (1 - known.detail["mde"]) / k) + np.repeat(noise, k, axis=2)
    assert residual_rules(ratios, 1.0)["bound"].mean() == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize(("cells", "words"), [(1, "1 cell;"), (2, "2 cells;")])
def test_too_few_cells(cells, words):
    found = residual_test(np.ones(2), np.ones(2), cells, np.random.default_rng(), 9)
    assert isinstance(found, NotEstimable) and words in found.reason


def test_certificates_equal_brute_force():
    rng = np.random.default_rng(5)
    means, se = rng.normal(size=7), rng.uniform(0.01, 0.1, size=7)
    size = np.abs(means)
    for allocation in ALLOCATIONS:
        bias = {
            "uniform": np.full(7, 0.2 / 7),
            "proportional": 0.2 * size / size.sum(),
            "concentrated": np.full(7, 0.2),
        }[allocation]
        sure = [
            abs(size[i] - size[j]) - 1.96 * (se[i] + se[j]) > bias[i] + bias[j]
            for i, j in combinations(range(7), 2)
        ]
        assert certified_orders(means, se, 0.2, allocation).fraction == np.mean(sure)
    with pytest.raises(ParameterError, match="allocation"):
        certified_orders(means, se, 0.2, "even")


@given(st.integers(0, 1000), st.floats(0, 2), st.floats(0, 2))
def test_a_larger_allowance_never_certifies_more(seed, bound, more):
    rng = np.random.default_rng(seed)
    means, se = rng.normal(size=6), rng.uniform(0, 0.2, size=6)
    for allocation in ALLOCATIONS:
        small = certified_orders(means, se, bound, allocation)
        large = certified_orders(means, se, bound + more, allocation)
        assert large.fraction <= small.fraction
        assert large.top1 <= small.top1


def test_prevalence_counts_a_pair_once_and_never_too_often():
    found = prevalence_test(np.array([0.001, 0.9, 0.04, 0.9]), np.array(["a", "a", "b", "b"]))
    assert found.estimate == 1 and found.n_units == 2
    assert found.p == pytest.approx(1 - 0.95**2)
    rng = np.random.default_rng(6)
    for shared in (False, True):
        p = rng.random((4000, 3, 1 if shared else 4)).repeat(4 if shared else 1, axis=2)
        groups = np.repeat(np.arange(3), 4)
        rate = np.mean([prevalence_test(one.ravel(), groups).p <= 0.05 for one in p[:1500]])
        assert rate <= 0.03  # the binomial of three groups is coarse: two calls have p 0.007


def test_prevalence_power_at_the_stated_share():
    found = prevalence_test(np.array([0.5, 0.5, 0.5]), np.arange(3))
    assert found.detail["needed"] == 2
    assert stats.binom.sf(1, 3, found.detail["mde"]) == pytest.approx(0.8, abs=1e-6)
    assert isinstance(prevalence_test(np.array([]), np.array([])), NotEstimable)
