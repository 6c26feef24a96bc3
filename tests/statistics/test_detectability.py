"""Numbers of cells and power: closed forms against statsmodels, scipy and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.robust.norms import HuberT
from statsmodels.robust.scale import mad
from statsmodels.stats.power import TTestPower

from helpers.errors import ParameterError
from helpers.statistics import detectability as theory


@pytest.mark.parametrize(("snr", "n"), [(0.2, 30), (0.5, 12), (1.0, 5), (0.05, 900)])
def test_the_exact_power_is_that_of_statsmodels(snr, n):
    other = TTestPower().power(snr, n, 0.05, alternative="two-sided")
    assert theory.power_of_t(snr, n) == pytest.approx(other, abs=1e-9)


@given(st.floats(0.05, 2), st.floats(0.1, 5), st.integers(1, 10**6), st.floats(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_formula_and_its_power_are_inverse(effect, sd, tests, inflation):
    n = theory.cells_needed(effect, sd, tests, inflation=inflation)
    power = theory.power_by_formula(effect / sd / inflation, n, 0.05 / tests)
    assert power == pytest.approx(0.8)


def test_a_common_inflation_cancels_and_the_ratio_is_the_square_of_the_effects():
    for tau in (1.0, 3.0, 7.0):
        first = theory.cells_needed(1.5, 1.0, 1000, inflation=tau)
        second = theory.cells_needed(1.0, 1.0, 1000, inflation=tau)
        assert first / second == pytest.approx(4 / 9)


def test_no_effect_needs_infinitely_many_and_bad_values_are_refused():
    assert theory.cells_needed(0.0, 1.0) == float("inf")
    for bad in ({"sd": 0.0}, {"tests": 0}, {"inflation": 0.9}, {"effect": np.nan}):
        with pytest.raises(ParameterError):
            theory.cells_needed(**({"effect": 1.0, "sd": 1.0} | bad))
    with pytest.raises(ParameterError, match="two values"):
        theory.power_of_t(0.2, 1)
    with pytest.raises(ParameterError, match="fewer than 3"):
        theory.rejected_by("mean", np.ones((4, 2)))
    with pytest.raises(ParameterError, match="estimator"):
        theory.relative_variance("mode")


@pytest.mark.parametrize(("share", "scale"), [(0.0, 1.0), (0.1, 5.0)])
def test_the_variances_are_those_of_simulated_estimates(share, scale):
    rng, n = np.random.default_rng(0), 400
    x = theory.contaminated((3000, n), share, scale, rng)
    centres = {"mean": x.mean(axis=1), "median": np.median(x, axis=1)}
    centres["Huber"] = theory._huber(x)[0]
    for name, found in centres.items():
        expected = theory.relative_variance(name, share, scale)
        assert n * found.var() == pytest.approx(expected, rel=0.1), name


def test_hubers_estimate_solves_its_equation_as_statsmodels_writes_it():
    x = np.random.default_rng(1).standard_t(3, (5, 200)) + 1
    for row, centre in zip(x, theory._huber(x)[0], strict=True):
        scale = mad(row, center=np.median(row))
        assert HuberT(theory.HUBER).psi((row - centre) / scale).sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", theory.ESTIMATORS)
@pytest.mark.parametrize(("share", "scale"), [(0.0, 1.0), (0.1, 5.0)])
def test_tests_hold_their_level(name, share, scale):
    x = theory.contaminated((4000, 60), share, scale, np.random.default_rng(2))
    assert theory.rejected_by(name, x).mean() <= 0.065


def test_the_sign_test_is_exact():
    x = np.random.default_rng(3).normal(0.3, 1, (20, 25))
    by_scipy = [stats.binomtest(int((row > 0).sum()), 25).pvalue <= 0.05 for row in x]
    np.testing.assert_array_equal(theory.rejected_by("median", x), by_scipy)


def test_higher_criticism_by_hand_and_under_the_null():
    p = np.array([0.3, 0.02, 0.9, 0.4, 0.12, 0.7, 0.8, 0.6, 0.5, 0.95])
    first = [0.02, 0.12, 0.3, 0.4, 0.5]
    terms = [
        np.sqrt(10) * (k / 10 - q) / np.sqrt(q * (1 - q)) if q > 0.1 else 0.0
        for k, q in enumerate(first, 1)
    ]
    assert theory.higher_criticism(p)[0] == pytest.approx(max(*terms, 0.0))
    null = theory.higher_criticism(np.random.default_rng(4).random((500, 300)))
    assert 1.0 < np.median(null) < 3.0


def test_the_design_effect_is_the_variance_of_a_clustered_mean():
    rng, donors, each, icc = np.random.default_rng(5), 20, 10, 0.3
    shape = (4000, donors)
    x = np.sqrt(icc) * rng.standard_normal(shape)[..., None]
    x = x + np.sqrt(1 - icc) * rng.standard_normal((*shape, each))
    ratio = x.mean(axis=(1, 2)).var() * donors * each
    assert ratio == pytest.approx(theory.design_effect(each, icc), rel=0.1)
