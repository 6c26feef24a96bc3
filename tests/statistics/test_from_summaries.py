"""Tests and intervals from summaries, against scipy on the cells and by drawing."""

import numpy as np
import pytest
from scipy import stats

from helpers.statistics.from_summaries import (
    chance_corrected_share,
    effective_number,
    mean_test,
    normal_noncoverage,
    top_share,
)


def test_mean_test_equals_scipy_on_the_cells():
    x = np.random.default_rng(0).normal(0.4, 1, size=7)
    found = mean_test(x.mean(), x.std(ddof=1) / np.sqrt(7), 7, student=True)
    oracle = stats.ttest_1samp(x, 0)
    interval = oracle.confidence_interval()
    assert found.p == pytest.approx(oracle.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_one_cell_has_no_interval():
    found = mean_test(np.array([1.0]), np.array([np.nan]), np.array([1]), student=True)
    assert np.isnan(found.low).all()
    assert not found.excludes_zero.any()


def test_normal_noncoverage_against_drawing():
    rng = np.random.default_rng(1)
    for n in (2, 6, 12):
        x = rng.normal(size=(40_000, n))
        half = 1.959964 * x.std(1, ddof=1) / np.sqrt(n)
        missed = (np.abs(x.mean(1)) > half).mean()
        assert normal_noncoverage(n) == pytest.approx(missed, abs=0.008)


def test_concentration_at_its_ends():
    assert top_share(np.ones(20), 5) == pytest.approx(0.25)
    assert chance_corrected_share(np.ones(20), 5) == pytest.approx(0)
    assert effective_number(np.ones(20)) == pytest.approx(20)
    assert chance_corrected_share(np.eye(20)[0], 5) == pytest.approx(1)
    assert effective_number(np.eye(20)[0]) == pytest.approx(1)
