"""The smallest effect found with power 0.8, against simulation and the closed form."""

import numpy as np
import pytest
from scipy import stats

from helpers.statistics import Outcome, detectable_effect, smallest_effect


def outcome(**more):
    return Outcome(0.0, 0.5, more.pop("sides", "two"), "t", "n", "gene", 20, **more)


@pytest.mark.parametrize("sides", ["one", "two"])
def test_a_standard_error_gives_the_closed_form(sides):
    found = outcome(sides=sides, detail={"se": 0.02, "df": 30})
    assert detectable_effect(found) == pytest.approx(smallest_effect(0.02, 30, sides=sides))


@pytest.mark.parametrize("sides", ["one", "two"])
def test_draws_give_an_effect_that_is_found_with_that_power(sides):
    rng = np.random.default_rng(0)
    draws = rng.normal(0.516, 0.03, 20_000)
    effect = detectable_effect(outcome(sides=sides, draws=draws))
    seen = rng.normal(0.516 + effect, 0.03, 20_000) - 0.516
    limit = 0.03 * stats.norm.ppf(0.975 if sides == "two" else 0.95)
    assert (np.abs(seen) > limit if sides == "two" else seen > limit).mean() == pytest.approx(
        0.8, abs=0.02
    )


def test_what_a_test_says_itself_goes_before_and_nothing_is_made_up():
    assert detectable_effect(outcome(detail={"mde": 0.1, "se": 3.0})) == 0.1
    assert detectable_effect(outcome()) is None
