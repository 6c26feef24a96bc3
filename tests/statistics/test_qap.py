"""The quadratic assignment procedure against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.jackknife import jackknife_se
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.qap import qap_test


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
