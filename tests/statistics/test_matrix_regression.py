"""The studentised matrix regression, against ordinary least squares."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.regression.linear_model import OLS

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.matrix_regression import matrix_regression


def pairs(seed, genes=40):
    rng = np.random.default_rng(seed)
    r = rng.standard_normal((genes, genes))
    z = rng.standard_normal(genes)
    a = 0.3 * r + z[:, None] + rng.standard_normal((genes, genes))
    return a, r, [np.broadcast_to(z[:, None], a.shape)]


def test_variance_shares_equal_ordinary_least_squares():
    a, r, terms = pairs(0)
    found = matrix_regression(a, r, terms, np.random.default_rng(0), 19)
    off = ~np.eye(len(a), dtype=bool)
    y, x = stats.rankdata(a[off]), stats.rankdata(r[off])
    few = OLS(y, np.column_stack([np.ones_like(y), terms[0][off]])).fit()
    both = OLS(y, np.column_stack([np.ones_like(y), terms[0][off], x])).fit()
    assert found.detail["r2_terms"] == pytest.approx(few.rsquared, abs=1e-10)
    assert found.detail["r2_both"] == pytest.approx(both.rsquared, abs=1e-10)
    assert found.estimate == pytest.approx(both.rsquared - few.rsquared, abs=1e-10)
    assert found.detail["partial"] > 0 and found.p == 0.05


def test_an_opposite_association_is_not_evidence():
    a, r, terms = pairs(1)
    found = matrix_regression(-a, r, terms, np.random.default_rng(0), 19)
    assert found.detail["partial"] < 0 and found.p > 0.5


def test_what_cannot_be_tested_is_said_so():
    a, r, terms = pairs(2)
    rng = np.random.default_rng(0)
    assert "10 needed" in matrix_regression(a[:5, :5], r[:5, :5], [], rng).reason
    assert "does not vary" in matrix_regression(np.ones_like(a), r, terms, rng, 9).reason
    explained = matrix_regression(a, terms[0], [stats.rankdata(terms[0]).reshape(a.shape)], rng, 9)
    assert isinstance(explained, NotEstimable)
    with pytest.raises(ParameterError, match="finite"):
        matrix_regression(a, np.where(r > 2, np.nan, r), terms, rng, 9)
    with pytest.raises(ParameterError, match="shape"):
        matrix_regression(a, r[:4], terms, rng, 9)


@pytest.fixture
def matrices():
    rng = np.random.default_rng(0)
    r = rng.normal(size=(25, 25))
    r = r + r.T
    return rng.normal(size=(25, 25)) + 0.3 * r, r


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
