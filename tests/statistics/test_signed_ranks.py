"""Signed ranks: against scipy, and never below the smallest p."""

import numpy as np
import pytest
from scipy import stats

from helpers.statistics.signed_ranks import signed_rank_test


def test_p_is_that_of_scipy_and_the_estimate_the_mean():
    difference = np.random.default_rng(0).normal(0.3, 1, 25)
    for sides, how in (("one", "greater"), ("two", "two-sided")):
        found = signed_rank_test(difference, sides, "seed")
        expected = stats.wilcoxon(np.round(difference, 12), alternative=how).pvalue
        assert found.p == expected and found.estimate == pytest.approx(difference.mean())
    assert found.n_units == 25 and found.null == "no difference"


def test_differences_that_are_zero_or_few_are_not_estimable():
    assert "zero" in signed_rank_test(np.zeros(10), "one", "seed").reason
    assert "at least 3" in signed_rank_test([0.1, 0.2], "one", "seed").reason


@pytest.mark.parametrize("sides", ["one", "two"])
@pytest.mark.parametrize("n", [3, 6, 10, 60])
def test_no_p_lies_below_its_floor(n, sides):
    for difference in (np.ones(n), np.arange(1.0, n + 1), np.r_[np.ones(n - 1), 2.0]):
        found = signed_rank_test(difference, sides, "seed")
        assert 0 < found.p_floor <= found.p
