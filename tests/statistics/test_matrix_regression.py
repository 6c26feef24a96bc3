"""The studentised matrix regression, against ordinary least squares."""

import numpy as np
import pytest
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
