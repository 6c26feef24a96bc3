"""Conditional edge scores against residuals and ridge regression."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from helpers.datasets.simulate import world
from helpers.edges.conditional import partial_edges, regression_edges, shrunk_correlation
from helpers.errors import DataError


def gaussian(values, names):
    """Return cells whose counts are exp of the values, finely grained."""
    counts = np.rint(np.exp(6 + 0.3 * values))
    return ad.AnnData(counts, var=pd.DataFrame(index=list(names)))


def test_partial_correlation_is_the_correlation_of_residuals():
    rng = np.random.default_rng(0)
    cells = gaussian(rng.normal(size=(3000, 5)) @ rng.normal(size=(5, 5)), "abcde")
    found = partial_edges(cells, scale="raw")
    assert found.attrs["shrinkage"] < 0.01
    ranks = stats.rankdata(cells.X, axis=0)
    X = np.column_stack([np.ones(3000), ranks[:, 2:]])
    left = [y - X @ np.linalg.lstsq(X, y, rcond=None)[0] for y in ranks[:, :2].T]
    assert found.values[0, 1] == pytest.approx(np.corrcoef(*left)[0, 1], abs=0.01)


def test_regression_is_ridge_regression_of_standardised_ranks():
    rng = np.random.default_rng(1)
    cells = gaussian(rng.normal(size=(80, 7)) @ rng.normal(size=(7, 7)), "abcdefg")
    found = regression_edges(cells, list("abcd"), scale="raw")
    ranks = stats.rankdata(cells.X, axis=0)
    z = (ranks - ranks.mean(axis=0)) / ranks.std(axis=0)
    _, shrinkage = shrunk_correlation(cells.X)
    penalty = 80 * shrinkage / (1 - shrinkage)
    for target, others in ((5, [0, 1, 2, 3]), (1, [0, 2, 3])):
        fit = Ridge(alpha=penalty, fit_intercept=False).fit(z[:, others], z[:, target])
        assert found.values[others, target] == pytest.approx(fit.coef_, abs=1e-9)
    assert found.values[1, 1] == 0.0


def test_constant_genes_are_left_out_and_a_regulator_is_needed():
    cells = world("null-expression", 0, n_cells=60, n_genes=30, n_tfs=6).adata
    with pytest.raises(DataError, match="None of"):
        regression_edges(cells, ["NOT-HERE"])
    silent, counts = cells.copy(), cells.layers["counts"].tolil()
    counts[:, 3] = 0
    silent.layers["counts"] = counts.tocsr()
    gone = silent.var_names[3]
    assert gone not in partial_edges(silent)["target"].values
    assert gone not in regression_edges(silent, list(silent.var_names[:6]))["source"].values
