"""The tests of page 10 are functions of the page; here they meet worlds whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from helpers.datasets.simulate import world
from helpers.edges import edge_scores, pool
from helpers.estimates import NotEstimable
from bookkit.declared import load
from bookkit import definitions, notebooks
from helpers.statistics import Outcome

NAME = "10_coexpression"


@pytest.fixture(scope="module")
def page():
    return definitions(NAME, n_permutations=199)


@pytest.fixture(scope="module", params=["coexp-only", "pair-signal", "prominence-only"])
def battery(page, request):
    """A world, and what the tests of the page find in it."""
    w, rng = world(request.param, 0), np.random.default_rng(1)
    A, R, terms = page["side_by_side"](w.adata, pool(edge_scores(w.attention)))
    pairs, (a, r) = page["candidate_pairs"](w.reference, A, R)
    found = page["gene_tests"](A, R, terms, rng) | page["edge_tests"](pairs, a, r, rng)
    return request.param, (w, A, R, terms), (pairs, a), found


def test_every_world_gives_the_answers_that_were_planted(battery):
    _, (w, *_), _, found = battery
    for number in set(w.expect) & set(found):
        rejected = found[number].p <= 0.05
        assert rejected == (w.expect[number] == "reject"), (number, str(found[number]))


def test_outcomes_are_those_that_the_page_declares(battery):
    *_, found = battery
    stated = load(notebooks.statements_path(NAME))
    for number, outcome in found.items():
        row = stated.record(number, ("a", "b"), outcome)
        assert row.p == outcome.p and row.unit == stated.tests[number].unit


def test_the_plain_code_equals_the_package(page, battery):
    _, (_, A, R, terms), (pairs, a), found = battery
    held = [*terms, *page["gene_effects"](A.values, R.values)]
    by_hand = page["shares_by_hand"](A.values, R.values, held)
    packaged = [found["10.2"].detail[name] for name in ("partial", "r2_both")]
    np.testing.assert_allclose(by_hand, packaged, atol=1e-9)
    kept, scores = page["drop_missing"](pairs, a)
    np.testing.assert_allclose(page["crossed_se"](kept, scores), found["10.5"].detail["se"])
    draws = page["relabelled"](*page["matrices"](pairs, a), np.random.default_rng(2), 60)
    null = found["10.3"].detail
    assert abs(draws.mean() - null["null_mean"]) < 5 * null["null_sd"] / np.sqrt(60)


def test_the_margin_lies_around_the_mean_of_the_null(battery):
    *_, found = battery
    assert found["10.5"].detail["to"] == found["10.3"].detail["null_mean"]
    for number in ("10.3", "10.4", "10.8", "10.5"):
        assert found[number].detail["mde"] > 0


def test_pairs_as_units_is_the_published_procedure(page):
    w = world("prominence-only", 0, n_genes=100, n_tfs=15, n_cells=500)
    A, *_ = page["side_by_side"](w.adata, pool(edge_scores(w.attention)))
    found = page["pairs_as_units"](A, w.adata)
    row = load(notebooks.statements_path(NAME)).record("10.1", ("a",), found, variant="published")
    assert (row.unit, row.null, row.sides) == ("pair", "pairs independent", "two")


def test_estimates_are_of_the_size_that_was_planted(battery):
    name, *_, found = battery
    if name == "coexp-only":
        assert found["10.1"].estimate > 0.3 and found["10.2"].estimate > 0.05
    if name == "pair-signal":
        assert found["10.3"].estimate > 0.9 and found["10.4"].estimate < -0.2
        assert found["10.2"].estimate < 0.01


def test_source_is_the_row(page):
    w = world("pair-signal", 0)
    A, R, _ = page["side_by_side"](w.adata, pool(edge_scores(w.attention)))
    flipped = A.copy(data=A.values.T)
    pairs, (a, r) = page["candidate_pairs"](w.reference, flipped, R)
    assert page["edge_tests"](pairs, a, r, np.random.default_rng(1))["10.3"].estimate < 0.6


def test_constant_attention_is_flagged(page):
    w = world("coexp-only", 0)
    A, R, terms = page["side_by_side"](w.adata, pool(edge_scores(w.attention)))
    flat = A.copy(data=np.ones(A.shape))
    found = page["gene_tests"](flat, R, terms, np.random.default_rng(0))
    assert all(isinstance(found[number], NotEstimable) for number in ("10.1", "10.2", "10.9"))


def test_constant_genes_are_left_out(page):
    w = world("coexp-only", 0)
    score = pool(edge_scores(w.attention))
    whole, *_ = page["side_by_side"](w.adata, score)
    silent, gene = w.adata.copy(), str(whole["source"].values[-1])
    counts = silent.layers["counts"].tolil()
    counts[:, silent.var_names.get_loc(gene)] = 0
    silent.layers["counts"] = counts.tocsr()
    A, R, terms = page["side_by_side"](silent, score)
    assert gene not in A["source"].values and len(A) == len(whole) - 1
    assert terms[0].shape == A.shape == R.shape


def test_attention_without_structure_follows_coexpression_through_the_number_of_tokens(page):
    w = world("no-signal", 1, attention_cells=0, n_cells=800, n_genes=120, n_tfs=15, log_mean=-0.5)
    score = pool(edge_scores(w.attention.sum("stratum")))
    present = w.adata.X > 0
    tokens = np.asarray(present.sum(axis=1)).ravel()
    uniform = page["uniform_attention"](present, tokens, w.genes)
    rng, found = np.random.default_rng(0), []
    for blank in (None, uniform):
        A, R, terms = page["side_by_side"](w.adata, score, blank)
        found.append(page["matrix_regression"](A.values, R.values, terms, rng, 199))
    before, after = found
    assert before.p <= 0.05 < after.p
    assert after.detail["partial"] < before.detail["partial"] / 2


@pytest.mark.slow
def test_prominence_alone_is_rejected_at_the_nominal_rate_given_gene_effects(page):
    rejected, plain = [], []
    for seed in range(80):
        w = world("prominence-only", seed, n_genes=100, n_tfs=15, n_cells=500)
        A, R, terms = page["side_by_side"](w.adata, pool(edge_scores(w.attention)))
        a, r, rng = A.values, R.values, np.random.default_rng(seed)
        test = page["matrix_regression"]
        rejected.append(test(a, r, [*terms, *page["gene_effects"](a, r)], rng, 99).p <= 0.05)
        plain.append(test(a, r, terms, rng, 99, studentised=False).p <= 0.05)
    assert sum(rejected) <= stats.binom.ppf(0.995, 80, 0.05)
    assert sum(plain) > sum(rejected)


def test_too_few_tfs_are_said_so(page):
    w = world("coexp-only", 0)
    few = w.reference[w.reference["source"].isin(w.reference["source"].unique()[:2])]
    A, R, _ = page["side_by_side"](w.adata, pool(edge_scores(w.attention)))
    pairs, (a, r) = page["candidate_pairs"](few, A, R)
    for found in page["edge_tests"](pairs, a, r, np.random.default_rng(0)).values():
        assert isinstance(found, NotEstimable) and "of each needed" in found.reason


def test_a_cosine_of_a_context_with_itself_is_one(page):
    class Same:
        def scores(self, min_count, context):
            values = np.arange(1.0, 17).reshape(4, 4)
            return page["xr"].DataArray(values, dims=("source", "target"))

    assert page["cosine"](Same()) == pytest.approx(1)
    assert page["cosine"](Same(), np.random.default_rng(0)) < 1


def test_answers_of_worlds_are_tabulated(page):
    outcome = Outcome(0.6, 0.01, "two", "t", "n", "gene", 9)
    page["run"] = type("Run", (), {"alpha": 0.05})
    table = page["against_truth"]({"10.3": outcome}, {"10.3": "reject", "10.4": "reject"}, "w")
    assert table[["planted", "found"]].to_numpy().tolist() == [[True, True]]
