"""Intervals: the equation that one solves, the example that another was published with."""

from __future__ import annotations

import pytest
from scipy import stats

from helpers.estimates import NotEstimable
from helpers.statistics import intervals


def test_fieller_solves_its_equation_and_knows_when_it_has_none():
    found = intervals.fieller(2.0, 4.0, 0.09, 0.16, 0.02, df=20)
    t = stats.t.ppf(0.975, 20)
    for ratio in (found.low, found.high):
        variance = 0.09 - 2 * ratio * 0.02 + ratio**2 * 0.16
        assert (2.0 - ratio * 4.0) ** 2 == pytest.approx(t**2 * variance)
    assert found.low < 0.5 < found.high
    assert isinstance(intervals.fieller(2.0, 0.3, 0.1, 0.1), NotEstimable)


def test_hanley_mcneil_example_of_the_paper():
    # Hanley and McNeil 1982: AUC 0.893, 51 abnormal and 58 normal cases, SE 0.032.
    found = intervals.hanley_mcneil(0.893, 51, 58)
    assert found.detail["se"] == pytest.approx(0.032, abs=0.001)
