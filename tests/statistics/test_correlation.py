"""All-pairs rank correlation against scipy and least squares."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import sparse, stats

from helpers.errors import ParameterError
from helpers.statistics.correlation import rho_ceiling, spearman_matrix


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    x = rng.poisson(rng.gamma(0.5, 1.0, 60), size=(250, 60)).astype(float)
    x[:2] = [[1], [2]]
    return x


@pytest.mark.parametrize("shift", [0.0, 0.5, -1.0])
def test_spearman_matrix_equals_scipy(counts, shift):
    x = counts + shift  # integers, halves (sorted path), negative values
    expected = stats.spearmanr(x).statistic
    np.testing.assert_allclose(spearman_matrix(x), expected, atol=1e-12)


def test_columns_that_the_covariates_explain_can_be_given_zero(counts):
    with pytest.raises(ParameterError, match=r"explained fully by the covariates, first \[4\]"):
        spearman_matrix(counts, counts[:, 4])
    found = spearman_matrix(counts, counts[:, 4], explained="zero")
    assert (np.delete(found[4], 4) == 0).all() and found[4, 4] == 1
    rest = np.delete(np.arange(60), 4)
    expected = spearman_matrix(counts[:, rest], counts[:, 4])
    np.testing.assert_allclose(found[np.ix_(rest, rest)], expected, atol=1e-14)


def test_sparse_input_equals_dense_input(counts):
    x = counts * np.where(np.arange(60) % 7 == 0, -1, 1)
    depth = counts.sum(axis=1)
    np.testing.assert_array_equal(spearman_matrix(sparse.csr_matrix(x)), spearman_matrix(x))
    found = spearman_matrix(sparse.csr_matrix(x), depth)
    np.testing.assert_array_equal(found, spearman_matrix(x, depth))


def partial_spearman(x, y, covariates):
    return spearman_matrix(np.column_stack([x, y]), covariates)[0, 1]


def test_a_partial_one_is_the_correlation_of_rank_residuals(counts):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(250, 2))
    x, y = counts[:, 0] + z[:, 0], counts[:, 1] + z[:, 0] - z[:, 1]
    design = sm.add_constant(np.column_stack([stats.rankdata(column) for column in z.T]))
    residuals = [sm.OLS(stats.rankdata(v), design).fit().resid for v in (x, y)]
    assert partial_spearman(x, y, z) == pytest.approx(np.corrcoef(residuals)[0, 1], abs=1e-10)
    one = partial_spearman(x, y, z[:, 0])
    r = stats.spearmanr(np.column_stack([x, y, z[:, 0]])).statistic
    formula = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert one == pytest.approx(formula, abs=1e-10)


def test_constant_and_missing_columns_are_refused(counts):
    counts[:, 3] = 2
    with pytest.raises(ParameterError, match=r"constant, first \[3\]"):
        spearman_matrix(counts)
    with pytest.raises(ParameterError, match="NaN"):
        spearman_matrix(np.full((5, 2), np.nan))


def test_the_ceiling_is_reached_by_a_score_that_separates_the_labels():
    labels = np.arange(20_000) < 600
    best = stats.spearmanr(labels + np.linspace(0, 0.5, labels.size), labels).statistic
    assert rho_ceiling(0.03) == pytest.approx(best, abs=1e-3)
    assert rho_ceiling(27 / (1200 * 1199)) == pytest.approx(0.0075, abs=5e-5)
