"""The smallest effect found with power 0.8, against statsmodels and by drawing."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from helpers.errors import ParameterError
from helpers.statistics.power import smallest_detected, t_test_mde


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
