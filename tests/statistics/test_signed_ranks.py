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


@pytest.mark.parametrize(("sides", "how"), [("one", "greater"), ("two", "two-sided")])
def test_p_with_ties_and_zeros_is_that_of_scipy(sides, how):
    rng = np.random.default_rng(0)
    for n in (3, 4, 7, 9):
        for _ in range(4):
            difference = rng.integers(-2, 4, n) / 3
            if difference.any():
                expected = stats.wilcoxon(np.round(difference, 12), alternative=how).pvalue
                assert signed_rank_test(difference, sides, "seed").p == pytest.approx(expected)


def test_differences_that_are_zero_or_few_are_not_estimable():
    assert "zero" in signed_rank_test(np.zeros(10), "one", "seed").reason
    assert "at least 3" in signed_rank_test([0.1, 0.2], "one", "seed").reason


@pytest.mark.parametrize("sides", ["one", "two"])
@pytest.mark.parametrize("n", [3, 6, 10, 60])
def test_no_p_lies_below_its_floor(n, sides):
    for difference in (np.ones(n), np.arange(1.0, n + 1), np.r_[np.ones(n - 1), 2.0]):
        found = signed_rank_test(difference, sides, "seed")
        assert 0 < found.p_floor <= found.p
