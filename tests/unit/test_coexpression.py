"""The co-expression page's estimates on worlds whose truth is known, and against second sources."""

from functools import cache

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from helpers.analyses.coexpression import (
    analyse,
    confirmatory,
    equivalence_test,
    scored,
)
from helpers.datasets.simulate import world
from helpers.edges import edge_scores, pool, uniform_attention
from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.gene_level import gene_effects
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.qap import naive_p


@cache
def drawn(name, seed=0, **changes):
    one = world(name, seed, **changes)
    score = pool(edge_scores(one.attention))
    return one, scored(name, score, one.adata, one.reference)


@cache
def findings(name):
    return confirmatory(drawn(name)[1], np.random.default_rng(1), n_perm=199, n_boot=300)


@pytest.mark.parametrize("name", ["coexp-only", "pair-signal", "prominence-only"])
def test_every_world_gives_the_answer_that_was_planted(name):
    tests = findings(name)
    for number, expected in drawn(name)[0].expect.items():
        if number in tests:
            assert (tests[number].p <= 0.05) == (expected == "reject"), (number, str(tests[number]))


def test_attention_made_of_coexpression_follows_it_and_misses_regulation():
    tests = findings("coexp-only")
    assert tests["10.1"].p <= 0.01 and tests["10.1"].estimate > 0.3
    assert tests["10.2"].estimate > 0.05
    assert abs(tests["10.3"].estimate - 0.5) < 0.05


def test_attention_made_of_edges_finds_them():
    tests = findings("pair-signal")
    assert tests["10.3"].estimate > 0.9
    assert tests["10.4"].estimate < -0.2
    assert tests["10.2"].estimate < 0.01


def test_permuted_labels_leave_nothing():
    _, data = drawn("coexp-only")
    order = np.random.default_rng(3).permutation(len(data.genes))
    shuffled = data.attention.copy(data=data.attention.values[np.ix_(order, order)])
    again = scored(
        "shuffled", shuffled, drawn("coexp-only")[0].adata, drawn("coexp-only")[0].reference
    )
    tests = confirmatory(again, np.random.default_rng(4), n_perm=199, n_boot=300)
    assert abs(tests["10.1"].estimate) < 0.05
    assert min(tests["10.1"].p, tests["10.2"].p) > 0.01


def test_all_estimates_come_with_what_they_need():
    _, data = drawn("coexp-only", n_genes=120, n_tfs=20, n_cells=400)
    found = analyse(data, np.random.default_rng(0), n_perm=99, n_boot=200)
    labels = data.evaluation.label.astype(float)
    scores = data.evaluation.scores_from(data.attention)
    assert found.rho_regulation == pytest.approx(
        stats.spearmanr(scores, labels).statistic, abs=2e-3
    )
    assert abs(found.rho_regulation) <= found.ceiling
    assert found.universe["n_positive"] == int(labels.sum())
    assert (
        found.shared.naive < 1e-10 < found.tests["10.1"].p
    )  # pairs as units against genes as units
    assert found.shared.order is None


def test_the_order_of_tokens_is_tested_as_a_competitor():
    one, data = drawn("coexp-only", n_genes=120, n_tfs=20, n_cells=400)
    order = data.attention.copy(data=np.random.default_rng(2).random(data.attention.shape))
    again = scored("ordered", data.attention, one.adata, one.reference, order=order)
    found = analyse(again, np.random.default_rng(0), n_perm=99, n_boot=200)
    assert abs(found.shared.order.estimate) < 0.1
    assert found.shared.given_order.detail["partial"] > 0.2


def test_source_is_the_row():
    one, data = drawn("pair-signal")
    flipped = data.attention.copy(data=data.attention.values.T)
    again = scored("flipped", flipped, one.adata, one.reference)
    assert confirmatory(again, np.random.default_rng(1), 99, 200)["10.3"].estimate < 0.6


# degenerate input


def test_too_few_tfs_or_positives_are_said_so():
    one, data = drawn("coexp-only")
    few = one.reference[one.reference["source"].isin(one.reference["source"].unique()[:2])]
    tests = confirmatory(
        scored("few", data.attention, one.adata, few), np.random.default_rng(0), 99, 99
    )
    for number in ("10.3", "10.4", "10.5"):
        assert isinstance(tests[number], NotEstimable)
        assert "TFs with a positive; at least 3" in tests[number].reason
    none = one.reference.assign(target="NOWHERE").drop_duplicates(["source", "target"])
    with pytest.raises(DataError, match="no positives"):
        scored("none", data.attention, one.adata, none)


def test_constant_attention_is_flagged():
    one, data = drawn("coexp-only")
    flat = data.attention.copy(data=np.ones(data.attention.shape))
    found = analyse(
        scored("flat", flat, one.adata, one.reference), np.random.default_rng(0), 49, 99
    )
    assert found.auroc.value == 0.5 and found.auroc.detail["flag"] == "constant score"
    for number in ("10.1", "10.2", "10.5"):
        assert isinstance(found.tests[number], NotEstimable)


def test_constant_genes_are_left_out_and_missing_pairs_dropped():
    one, data = drawn("coexp-only")
    silent = one.adata.copy()
    gene = str(data.genes[-1])
    counts = silent.layers["counts"].tolil()
    counts[:, silent.var_names.get_loc(gene)] = 0
    silent.layers["counts"] = counts.tocsr()
    holes = data.attention.copy()
    holes[0, 1:5] = np.nan
    again = scored("holes", holes, silent, one.reference)
    assert gene not in again.genes
    assert np.isfinite(again.evaluation.scores_from(again.attention)).all()


# the studentised matrix regression


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


def test_naive_p_equals_scipy():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 500))
    expected = stats.spearmanr(x, y)
    assert naive_p(expected.statistic, 500) == pytest.approx(expected.pvalue, rel=1e-9)


def test_uniform_attention_by_hand():
    present = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]])
    found = uniform_attention(present, np.array([2, 4, 1]), ["A", "B", "C"])
    assert float(found.sel(source="A", target="B")) == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert float(found.sel(source="A", target="C")) == pytest.approx(1 / 4)
    with pytest.raises(DataError, match="positive number"):
        uniform_attention(present, np.array([2, 4, 0]), ["A", "B", "C"])


def test_attention_without_structure_follows_coexpression_through_the_number_of_tokens():
    one = world(
        "no-signal", 1, attention_cells=0, n_cells=800, n_genes=120, n_tfs=15, log_mean=-0.5
    )
    score = pool(edge_scores(one.attention.sum("stratum")))
    present = one.adata.X > 0
    uniform = uniform_attention(present, np.asarray(present.sum(axis=1)).ravel(), one.genes)
    without = scored("without", score, one.adata, one.reference)
    given = scored("given", score, one.adata, one.reference, uniform=uniform)
    rng = np.random.default_rng(0)
    before, after = (
        matrix_regression(d.attention.values, d.coexpression["lognorm"].values, d.terms, rng, 199)
        for d in (without, given)
    )
    assert before.p <= 0.05 < after.p
    assert after.detail["partial"] < before.detail["partial"] / 2


def test_equivalence_needs_an_auroc_near_one_half():
    _, near = drawn("coexp-only")
    _, far = drawn("pair-signal")
    assert equivalence_test(near.evaluation, near.evaluation.scores_from(near.attention)).p <= 0.05
    assert equivalence_test(far.evaluation, far.evaluation.scores_from(far.attention)).p > 0.9


# error rates


@pytest.mark.slow
def test_prominence_alone_is_rejected_at_the_nominal_rate_given_gene_effects():
    rejected, plain = [], []
    for seed in range(80):
        _, data = drawn.__wrapped__("prominence-only", seed, n_genes=100, n_tfs=15, n_cells=500)
        a, r = data.attention.values, data.coexpression["lognorm"].values
        rng = np.random.default_rng(seed)
        terms = [*data.terms, *gene_effects(a, r)]
        rejected.append(matrix_regression(a, r, terms, rng, 99).p <= 0.05)
        plain.append(matrix_regression(a, r, data.terms, rng, 99, studentised=False).p <= 0.05)
    limit = stats.binom.ppf(0.995, 80, 0.05)
    assert sum(rejected) <= limit
    assert sum(plain) > sum(rejected)
