"""Gene-level terms and gene effects, and the test of 10.2 given them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from small_networks import edges_of

from helpers.datasets.simulate import world
from helpers.errors import DataError
from helpers.evaluation import gene_level
from helpers.evaluation.gene_level import gene_effects, gene_terms, rank_matrix
from helpers.evaluation.sets import evaluation_set
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.splines import natural_cubic


@pytest.fixture(scope="module")
def drawn():
    return world("no-signal", 0, n_genes=60, n_tfs=8, n_cells=200, attention_cells=0)


def test_terms_are_splines_and_products_of_three_covariates(drawn):
    genes = [g for g in drawn.genes if np.ptp(np.asarray(drawn.adata[:, g].X.todense())) > 0]
    terms = gene_terms(drawn.adata, genes)
    assert len(terms) == 3 * (2 * 3 + 1)
    assert all(term.shape == (len(genes),) * 2 for term in terms)
    count = np.full((len(genes),) * 2, 7)
    assert len(gene_terms(drawn.adata, genes, count, count / 9)) == len(terms) + 3


def test_a_gene_that_does_not_vary_is_refused(drawn):
    cells = drawn.adata.copy()
    cells.X = np.asarray(cells.X.todense())
    cells.X[:, 0] = 0
    cells.layers.clear()
    with pytest.raises(DataError, match="genes do not vary"):
        gene_terms(cells, drawn.genes)


def test_rank_matrix_against_scipy_and_with_missing_pairs():
    m = np.random.default_rng(0).integers(0, 5, (6, 6)).astype(float)
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_array_equal(rank_matrix(m)[off], stats.rankdata(m[off]))
    m[2, 4] = np.nan
    found = rank_matrix(m)
    assert np.isnan(found[2, 4]) and (np.diag(found) == 0).all()
    used = off & np.isfinite(m)
    np.testing.assert_array_equal(found[used], stats.rankdata(m[used]))


def test_gene_effects_are_the_row_and_column_means_of_ranks():
    rng = np.random.default_rng(1)
    a, r = rng.normal(size=(2, 12, 12))
    a[3, 5] = np.nan
    found = gene_effects(a, r)
    assert len(found) == 2 * 2 + 2**2
    ranks = rank_matrix(a)
    used = np.isfinite(ranks) & ~np.eye(12, dtype=bool)
    z = (ranks - ranks[used].mean()) / ranks[used].std()
    row = [z[i, used[i]].mean() for i in range(12)]
    column = [z[used[:, j], j].mean() for j in range(12)]
    assert found[0][:, 0] == pytest.approx(row, abs=0.01)
    assert found[2][0] == pytest.approx(column, abs=0.01)
    np.testing.assert_allclose(found[4], np.outer(found[0][:, 0], found[2][0]))


def test_given_its_own_gene_effects_a_sum_of_gene_values_explains_nothing_more():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 40))
    r = x[:, None] + y[None, :]
    noise = rng.normal(size=r.shape)
    found = matrix_regression(
        r + noise, noise, gene_effects(r + noise, noise), rng, 99, method="pearson"
    )
    assert found.detail["r2_terms"] > 0.5 and found.p == 0.01


def threshold_world(rng, n_genes=50, height=0.7, signal=0.0):
    """Scores that jump where expression passes a threshold, in both matrices."""
    level = rng.normal(size=n_genes)
    mean = np.exp(level)
    covariates = mean, mean * np.exp(rng.normal(0, 0.4, n_genes)), 1 - np.exp(-0.8 * mean)
    jump = height * (level > rng.choice([0.0, 0.5, 1.0]))
    noise = rng.normal(size=(n_genes, n_genes))
    effects = rng.normal(0, 0.3, (3, n_genes))
    both = jump[:, None] + jump[None, :]
    r = (noise + noise.T) / 2 + effects[2][:, None] + effects[2][None, :] + both
    a = rng.normal(size=r.shape) + effects[0][:, None] + effects[1][None, :] + both
    return a + signal * noise, r, covariates


def curves(covariates):
    terms = []
    for values in covariates:
        ranks = stats.rankdata(values)
        unit = (ranks - ranks.mean()) / ranks.std()
        for curve in natural_cubic(unit).T:
            terms += [curve[:, None] + 0 * unit, curve[None, :] + 0 * unit[:, None]]
        terms.append(np.outer(unit, unit))
    return terms


@pytest.mark.slow
def test_a_threshold_of_a_gene_covariate_is_rejected_at_the_level_given_gene_effects():
    rejected, smooth_only, planted = [], [], []
    for seed in range(80):
        rng = np.random.default_rng([seed, 3])
        a, r, covariates = threshold_world(rng)
        terms = curves(covariates)
        rejected.append(matrix_regression(a, r, terms + gene_effects(a, r), rng, 99).p <= 0.05)
        smooth_only.append(matrix_regression(a, r, terms, rng, 99).p <= 0.05)
        a, r, covariates = threshold_world(rng, signal=0.2)
        terms = curves(covariates)
        planted.append(matrix_regression(a, r, terms + gene_effects(a, r), rng, 99).p <= 0.05)
    assert sum(rejected) <= stats.binom.ppf(0.995, 80, 0.05)
    assert np.mean(smooth_only) > 0.15  # splines alone do not follow a step
    assert np.mean(planted) > 0.9


def test_gene_features_and_products():
    rng = np.random.default_rng(1)
    x = rng.poisson(0.5, size=(40, 5)).astype(float)
    names = list("ABCDE")
    dense = gene_level.gene_features(x, names)
    pd.testing.assert_frame_equal(dense, gene_level.gene_features(sparse.csr_matrix(x), names))
    np.testing.assert_allclose(dense["variance"], x.var(axis=0, ddof=1))
    universe = evaluation_set(pd.DataFrame({"source": ["A"], "target": ["C"]}), names)
    matrix = rng.random((5, 5))
    table = gene_level.gene_level_scores(
        universe, dense, edges_of(matrix, np.array(names)), edges_of(matrix * 100, np.array(names))
    )
    k = list(universe.target).index("D")
    assert table["detection product"][k] == pytest.approx((x > 0).mean(0)[0] * (x > 0).mean(0)[3])
    assert table["mean target"][k] == pytest.approx(x.mean(0)[3])
    assert table["count"][k] == pytest.approx(100 * matrix[0, 3])
    row = matrix[0, 1:].mean()
    column = np.delete(matrix[:, 3], 3).mean()
    assert table["attention marginals"][k] == pytest.approx(row * column)
