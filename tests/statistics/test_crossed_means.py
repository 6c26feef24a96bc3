"""Two-way clustered variance and mean, against statsmodels and explicit loops."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.crossed_means import crossed_mean_test, crossed_variance


def crossed(rng, n=200, n_rows=20, n_columns=30, mean=0.0, uneven=True):
    """Values with row and column effects; some rows and columns hold most of them."""
    weight = [1 / np.arange(1, k + 1) ** uneven for k in (n_rows, n_columns)]
    row, column = (rng.choice(w.size, n, p=w / w.sum()) for w in weight)
    values = rng.normal(size=n_rows)[row] * 0.5 + rng.normal(size=n_columns)[column] * 0.5
    return values + rng.normal(size=n) + mean, row, column


def test_variance_of_a_mean_against_statsmodels():
    values, row, column = crossed(np.random.default_rng(0))
    fit = OLS(values, np.ones(values.size)).fit()
    both, by_row, by_column = (
        float(np.squeeze(part))
        for part in cov_cluster_2groups(fit, row, column, use_correction=False)
    )
    pairs = by_row + by_column - both
    t, g = np.unique(row).size, np.unique(column).size
    expected = max(
        t / (t - 1) * by_row + g / (g - 1) * by_column - pairs,
        t / (t - 1) * by_row,
        g / (g - 1) * by_column,
    )
    found = crossed_variance((values - values.mean()) / values.size, row, column)
    assert found[0, 0] == pytest.approx(expected, rel=1e-10)
    assert crossed_mean_test(values, row, column).detail["se"] ** 2 == pytest.approx(expected)


def test_covariance_against_explicit_loops():
    rng = np.random.default_rng(1)
    row, column = rng.integers(0, 4, 30), rng.integers(0, 5, 30)
    psi = rng.normal(size=(30, 2))
    expected = np.zeros((2, 2))
    t, g = np.unique(row).size, np.unique(column).size
    for a in range(30):
        for b in range(30):
            same_row, same_column = row[a] == row[b], column[a] == column[b]
            weight = same_row * t / (t - 1) + same_column * g / (g - 1)
            expected += (weight - (same_row and same_column)) * np.outer(psi[a], psi[b])
    found = crossed_variance(psi, row, column)
    assert found[0, 1] == pytest.approx(expected[0, 1])
    assert (np.diag(found) >= np.diag(expected) - 1e-12).all()


def test_names_and_order_do_not_matter():
    values, row, column = crossed(np.random.default_rng(2))
    order = np.random.default_rng(3).permutation(values.size)
    found = crossed_mean_test(values, row, column, 0.1)
    names = np.array([f"T{i}" for i in row])[order]
    again = crossed_mean_test(values[order], names, -column[order], 0.1)
    assert again.p == pytest.approx(found.p) and again.low == pytest.approx(found.low)


def test_one_sided_p_is_half_of_the_two_sided_one_above_the_null():
    values, row, column = crossed(np.random.default_rng(4), mean=0.3)
    one, two = (crossed_mean_test(values, row, column, sides=s).p for s in ("one", "two"))
    assert one == pytest.approx(two / 2)


def test_too_few_units_and_values_without_variance():
    values = np.arange(20.0)
    found = crossed_mean_test(values, np.arange(20) % 4, np.arange(20))
    assert isinstance(found, NotEstimable) and "4 TFs and 20 targets" in found.reason
    assert isinstance(crossed_mean_test(np.ones(20), np.arange(20), np.arange(20)), NotEstimable)
    with pytest.raises(ParameterError, match="finite"):
        crossed_mean_test(np.full(20, np.nan), np.arange(20), np.arange(20))


def test_level_and_power_with_shared_rows_and_columns():
    rejected, naive, planted, covered = [], [], [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        values, row, column = crossed(rng, uneven=False)
        found = crossed_mean_test(values, row, column)
        rejected.append(found.p <= 0.05)
        covered.append(found.low <= 0 <= found.high)
        naive.append(stats.ttest_1samp(values, 0).pvalue <= 0.05)
        planted.append(crossed_mean_test(values + found.detail["mde"], row, column).p <= 0.05)
    assert np.mean(rejected) <= 0.075 and np.mean(covered) >= 0.925
    assert np.mean(naive) > 0.15
    assert 0.7 < np.mean(planted) < 0.9
