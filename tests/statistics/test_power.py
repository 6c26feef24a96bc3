"""Sample sizes by power, against statsmodels, closed forms and simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from helpers.errors import ParameterError
from helpers.statistics.crossed import smallest_effect
from helpers.statistics.equivalence import tost_mean
from helpers.statistics.power import units_for_equivalence, units_to_find


@pytest.mark.parametrize("sides", ["one", "two"])
@pytest.mark.parametrize("size", [0.2, 0.3, 0.6])
def test_units_to_find_against_statsmodels(size, sides):
    found = units_to_find(size, 1 / np.sqrt(50), 50, sides=sides)
    how = "two-sided" if sides == "two" else "larger"
    expected = TTestPower().solve_power(size, alpha=0.05, power=0.8, alternative=how)
    assert found == pytest.approx(expected, abs=1.5)


def test_units_to_find_is_the_smallest_number_that_does():
    n = units_to_find(0.05, 0.03, 40)
    spread = 0.03 * np.sqrt(40)
    assert smallest_effect(spread / np.sqrt(n), n - 1) <= 0.05
    assert smallest_effect(spread / np.sqrt(n - 1), n - 2) > 0.05


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
            units_to_find(*bad)
    with pytest.raises(ParameterError, match="more than"):
        units_to_find(1e-9, 1.0, 10)
