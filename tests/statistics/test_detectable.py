"""The smallest effect found with power 0.8: closed form, drawn, and none where none is found."""

import numpy as np
import pytest
from scipy import stats

from helpers.statistics.detectable import detectable_effect
from helpers.statistics.results import Outcome


def outcome(**changes):
    words = {"sides": "one", "test": "t", "null": "n", "unit": "cell", "n_units": 10}
    return Outcome(0.1, 0.5, **words, **changes)


def test_a_standard_error_gives_the_closed_form():
    expected = (stats.norm.ppf(0.95) + stats.norm.ppf(0.8)) * 0.1
    assert detectable_effect(outcome(detail={"se": 0.1})) == pytest.approx(expected)
    law = stats.t(5)
    with_t = (law.ppf(0.95) + law.ppf(0.8)) * 0.1
    assert detectable_effect(outcome(detail={"se": 0.1, "df": 5})) == pytest.approx(with_t)


def test_draws_find_the_effect_in_four_of_five_simulations():
    rng = np.random.default_rng(0)
    draws = rng.normal(0.3, 0.1, 4000)
    effect = detectable_effect(outcome(draws=draws))
    found = rng.normal(0.3 + effect, 0.1, 4000) >= np.quantile(draws, 0.95)
    assert found.mean() == pytest.approx(0.8, abs=0.025)


def test_no_effect_is_found_by_a_test_whose_p_cannot_reach_the_level():
    draws = np.random.default_rng(0).normal(size=100)
    assert detectable_effect(outcome(draws=draws, p_floor=1 / 6)) is None
    assert detectable_effect(outcome(draws=draws, p_floor=0.05)) is not None
    assert detectable_effect(outcome()) is None
