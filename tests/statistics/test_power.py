"""Sample sizes by power, against statsmodels, closed forms and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from helpers.errors import ParameterError
from helpers.statistics.equivalence import tost_mean
from helpers.statistics.power import smallest_detected, t_test_mde, units_for_equivalence


def test_equivalence_needs_3_2_times_as_many_as_a_half_width_equal_to_the_margin():
    se, n, margin = 0.02, 1000, 0.01
    half_width = n * (stats.norm.ppf(0.95) * se / margin) ** 2
    assert units_for_equivalence(margin, se, n) / half_width == pytest.approx(3.17, abs=0.01)


def test_equivalence_is_found_in_four_of_five_samples_of_that_size():
    margin, rng = 0.5, np.random.default_rng(0)
    n = units_for_equivalence(margin, 1 / np.sqrt(20), 20)
    found = [tost_mean(rng.normal(size=n), -margin, margin).p <= 0.05 for _ in range(600)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_what_cannot_be_found_is_refused():
    for bad in ((0.0, 0.1, 10), (0.1, 0.0, 10), (0.1, 0.1, 1)):
        with pytest.raises(ParameterError, match="positive"):
            units_for_equivalence(*bad)
    with pytest.raises(ParameterError, match="more than"):
        units_for_equivalence(1e-9, 1.0, 10)


@pytest.mark.parametrize("n", [4, 8, 12, 30])
def test_equals_statsmodels(n):
    oracle = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    assert t_test_mde(1 / np.sqrt(n), n) == pytest.approx(oracle, rel=1e-4)


@pytest.mark.parametrize("n", [2, 3])
def test_few_cells_by_drawing(n):
    effect = t_test_mde(1 / np.sqrt(n), n)
    x = np.random.default_rng(n).normal(effect, 1, size=(40_000, n))
    from scipy.stats import ttest_1samp

    assert (ttest_1samp(x, 0, axis=1).pvalue <= 0.05).mean() == pytest.approx(0.8, abs=0.01)


def test_grid_is_bisected_to_the_first_that_reaches_the_power():
    asked = []

    def power(effect):
        asked.append(effect)
        return effect / 10

    assert smallest_detected(power, range(11)) == 8
    assert len(asked) <= 4
    assert smallest_detected(lambda effect: 0.5, range(5)) is None


def test_no_spread_is_refused():
    with pytest.raises(ParameterError, match="two units"):
        t_test_mde(0.0, 5)
    with pytest.raises(ParameterError, match="two units"):
        t_test_mde(1.0, 1)
