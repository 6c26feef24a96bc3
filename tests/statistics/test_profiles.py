"""Reliability, agreement beyond depth and Welch tests from summaries."""

import numpy as np
import pytest
from scipy import stats

from helpers.datasets.simulate.circuits import tissue_profiles
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.banded_ranks import banded_test
from helpers.statistics.profiles import (
    agreement_beyond_depth,
    detectable_correlation,
    reliability,
    welch_level,
    welch_tests,
)


def test_reliability_is_the_share_of_true_variance():
    rng = np.random.default_rng(0)
    truth, se = rng.normal(size=20_000), np.full(20_000, 0.5)
    assert reliability(truth + se * rng.normal(size=truth.size), se) == pytest.approx(0.8, abs=0.02)
    assert reliability(rng.normal(size=50), np.full(50, 5.0)) == 0.0
    with pytest.raises(ParameterError, match="no variance"):
        reliability(np.ones(4), np.ones(4))


def test_agreement_has_the_p_of_the_banded_test():
    rng = np.random.default_rng(1)
    first, second, layers = tissue_profiles("same-circuit", rng)
    found = agreement_beyond_depth(first, second, layers, 8, 1, rng, draws=99)
    assert found.p == banded_test(first, second, layers, draws=1, rng=rng).p_exact <= 0.05
    assert found.estimate == pytest.approx(stats.spearmanr(first, second).statistic)


def test_power_at_the_stated_smallest_correlation():
    rng = np.random.default_rng(2)
    layers = np.repeat(np.arange(11), 2)
    r = detectable_correlation(layers, 1, rng, simulated=400)
    assert 0.3 < r < 1
    pairs = rng.normal(size=(600, 2, 22))
    pairs[:, 1] = r * pairs[:, 0] + np.sqrt(1 - r**2) * pairs[:, 1]
    rejected = [banded_test(a, b, layers, draws=1, rng=rng).p_exact <= 0.05 for a, b in pairs]
    assert 0.75 < np.mean(rejected) < 0.92  # the grid has steps of 0.05


def test_too_few_cells_or_arrangements_are_said_so():
    rng = np.random.default_rng(3)
    few = agreement_beyond_depth(*rng.normal(size=(2, 8)), np.arange(8) // 2, 2, 1, rng)
    assert isinstance(few, NotEstimable) and "fewer than 3 cells" in few.reason
    none = agreement_beyond_depth(*rng.normal(size=(2, 8)), np.arange(8), 5, 1, rng)
    assert isinstance(none, NotEstimable) and "arrangements" in none.reason


def test_where_no_correlation_is_found_none_is_named():
    layers = np.arange(8)  # one component per layer, bands of two: 16 arrangements, too few
    assert detectable_correlation(layers, 2, np.random.default_rng(7), simulated=5) is None


def test_welch_equals_scipy_on_the_cells():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(3, 6)), rng.normal(1, 2, size=(3, 9))
    found = welch_tests(
        *((x.mean(1), x.std(1, ddof=1), np.full(3, x.shape[1])) for x in (a, b)),
    )
    assert found == pytest.approx(stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue)


def test_welch_level_at_few_cells():
    rng = np.random.default_rng(5)
    sds = (rng.lognormal(size=12), rng.lognormal(size=12))
    rate = welch_level(sds, (np.full(12, 5), np.full(12, 8)), 2000, rng)
    assert rate == pytest.approx(0.05, abs=0.012)
