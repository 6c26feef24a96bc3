"""All-pairs rank correlation and matrix association against scipy, statsmodels and brute force."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import sparse, stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.correlation import rho_ceiling, spearman_matrix
from helpers.statistics.jackknife import jackknife_se
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.qap import qap_test


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


@pytest.fixture
def matrices():
    rng = np.random.default_rng(0)
    r = rng.normal(size=(25, 25))
    r = r + r.T
    return rng.normal(size=(25, 25)) + 0.3 * r, r


def test_qap_statistic_and_null_equal_brute_force(matrices):
    a, r = matrices
    off = ~np.eye(25, dtype=bool)
    result = qap_test(a, r, np.random.default_rng(0), n_perm=400)
    assert result.estimate == pytest.approx(stats.spearmanr(a[off], r[off]).statistic, abs=1e-10)
    rng = np.random.default_rng(1)
    slow = []
    for _ in range(400):
        order = rng.permutation(25)
        slow.append(stats.spearmanr(a[off], r[np.ix_(order, order)][off]).statistic)
    assert stats.ks_2samp(result.draws, slow).pvalue > 1e-3
    assert result.n_units == 25
    pearson = qap_test(a, r, np.random.default_rng(0), n_perm=10, method="pearson")
    assert pearson.estimate == pytest.approx(np.corrcoef(a[off], r[off])[0, 1], abs=1e-10)


def test_qap_jackknife_equals_leaving_genes_out(matrices):
    a, r = matrices
    result = qap_test(a, r, np.random.default_rng(0), n_perm=10, method="pearson")
    values = []
    for gene in range(25):
        keep = np.delete(np.arange(25), gene)
        off = ~np.eye(24, dtype=bool)
        part = np.corrcoef(a[np.ix_(keep, keep)][off], r[np.ix_(keep, keep)][off])
        values.append(part[0, 1])
    assert result.detail["se"] == pytest.approx(jackknife_se(values), rel=1e-9)
    assert result.low < result.estimate < result.high


def test_qap_on_tf_rows_permutes_within_rows_and_others(matrices):
    a, r = matrices
    rows = np.array([20, 3, 11, 7, 0, 16])
    off = rows[:, None] != np.arange(25)
    result = qap_test(a[rows], r, np.random.default_rng(0), rows=rows, n_perm=500)
    expected = stats.spearmanr(a[rows][off], r[rows][off]).statistic
    assert result.estimate == pytest.approx(expected, abs=1e-10)
    same = qap_test(a[rows], r[rows], np.random.default_rng(0), rows=rows, n_perm=500)
    np.testing.assert_array_equal(result.draws, same.draws)
    others = np.setdiff1d(np.arange(25), rows)
    rng, slow = np.random.default_rng(1), []
    for _ in range(500):
        order = np.arange(25)
        order[rows], order[others] = rng.permutation(rows), rng.permutation(others)
        slow.append(stats.spearmanr(a[rows][off], r[np.ix_(order, order)][rows][off]).statistic)
    assert stats.ks_2samp(result.draws, slow).pvalue > 1e-3


def test_qap_direction_row_is_source():
    rng = np.random.default_rng(0)
    r = rng.normal(size=(20, 20))
    assert qap_test(r, r, rng, n_perm=50).estimate == pytest.approx(1.0)
    assert abs(qap_test(r.T, r, rng, n_perm=50).estimate) < 0.3


def test_qap_leaves_missing_pairs_out(matrices):
    a, r = matrices
    a[3, 5:9] = np.nan
    np.fill_diagonal(a, np.nan)
    result = qap_test(a, r, np.random.default_rng(0), n_perm=50)
    used = np.isfinite(a)
    assert result.detail["n_pairs"] == used.sum() == 25 * 24 - 4
    # R is ranked over all measured pairs, so the value differs from Spearman a little.
    expected = stats.spearmanr(a[used], r[used]).statistic
    assert result.estimate == pytest.approx(expected, abs=2e-3)


def ranks_off_diagonal(r):
    ranks, off = np.zeros(r.shape), ~np.eye(len(r), dtype=bool)
    ranks[off] = stats.rankdata(r[off])
    return ranks


def test_matrix_regression_equals_least_squares(matrices):
    a, r = matrices
    rng = np.random.default_rng(0)
    f, pair = rng.normal(size=25), rng.normal(size=(25, 25))
    a[2, 4] = np.nan
    used = np.isfinite(a) & ~np.eye(25, dtype=bool)
    terms = [f[:, None], f[None, :], f[:, None] * f[None, :], pair]
    found = matrix_regression(a, r, terms, rng, n_perm=200)
    y, x = stats.rankdata(a[used]), ranks_off_diagonal(r)[used]
    z = np.column_stack([np.broadcast_to(t, (25, 25))[used] for t in terms])
    small = sm.OLS(y, sm.add_constant(z)).fit().rsquared
    full = sm.OLS(y, sm.add_constant(np.column_stack([z, x]))).fit().rsquared
    assert found.detail["r2_terms"] == pytest.approx(small, abs=1e-10)
    assert found.detail["r2_both"] == pytest.approx(full, abs=1e-10)
    assert found.estimate == pytest.approx(full - small, abs=1e-10)
    assert found.detail["r2_matrix"] == pytest.approx(sm.OLS(y, sm.add_constant(x)).fit().rsquared)
    assert found.p <= 0.02 and found.p_floor == 1 / 201


def test_matrix_regression_draws_equal_refitting(matrices):
    a, r = matrices
    rows = np.array([4, 9, 1, 17, 22, 13, 8, 20, 11, 2])
    f = np.random.default_rng(0).normal(size=25)
    off = rows[:, None] != np.arange(25)
    terms = [f[rows][:, None], f[None, :]]
    found = matrix_regression(a[rows], r, terms, np.random.default_rng(2), 300, rows, "pearson")
    z = sm.add_constant(np.column_stack([np.broadcast_to(t, off.shape)[off] for t in terms]))
    residual = np.zeros((25, 25))
    residual[rows] = np.where(off, r[rows], 0)
    part = residual[rows]
    part[off] = sm.OLS(r[rows][off], z).fit().resid
    residual[rows] = part
    y = a[rows][off]
    base = sm.OLS(y, z).fit().rsquared
    others = np.setdiff1d(np.arange(25), rows)
    rng, slow = np.random.default_rng(1), []
    for _ in range(300):
        order = np.arange(25)
        order[rows], order[others] = rng.permutation(rows), rng.permutation(others)
        moved = residual[np.ix_(order, order)][rows][off]
        slow.append(sm.OLS(y, np.column_stack([z, moved])).fit().rsquared - base)
    assert stats.ks_2samp(found.draws, slow).pvalue > 1e-3


def test_matrix_degenerate_input(matrices):
    a, r = matrices
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match="rows"):
        qap_test(a[:5], r, rng)
    with pytest.raises(ParameterError, match="finite"):
        qap_test(a, np.where(np.arange(25) == 4, np.nan, r), rng)
    assert isinstance(qap_test(np.ones((25, 25)), r, rng), NotEstimable)
    assert isinstance(qap_test(a[:2], r, rng, rows=[0, 1]), NotEstimable)
    assert isinstance(qap_test(np.full((25, 25), np.nan), r, rng), NotEstimable)
    own = matrix_regression(a, r, [r], rng, method="pearson")
    assert isinstance(own, NotEstimable)
