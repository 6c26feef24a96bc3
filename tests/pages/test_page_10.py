"""The tests of page 10 are functions of the page; here they meet worlds whose truth is known."""

import numpy as np
import pytest

from helpers.datasets.simulate import world
from helpers.edges import edge_scores, pool
from helpers.estimates import NotEstimable
from helpers.registry.declared import load
from helpers.running import definitions, sources
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
    return w, (A, R, terms), (pairs, a), found


def test_every_world_gives_the_answers_that_were_planted(battery):
    w, _, _, found = battery
    for number in set(w.expect) & set(found):
        rejected = found[number].p <= 0.05
        assert rejected == (w.expect[number] == "reject"), (number, str(found[number]))


def test_outcomes_are_those_that_the_page_declares(battery):
    *_, found = battery
    stated = load(sources.statements_path(NAME))
    for number, outcome in found.items():
        row = stated.record(number, ("a", "b"), outcome)
        assert row.p == outcome.p and row.unit == stated.tests[number].unit


def test_the_plain_code_equals_the_package(page, battery):
    _, (A, R, terms), (pairs, a), found = battery
    held = [*terms, *page["gene_effects"](A.values, R.values)]
    by_hand = page["shares_by_hand"](A.values, R.values, held)
    packaged = [found["10.2"].detail[name] for name in ("partial", "r2_both")]
    np.testing.assert_allclose(by_hand, packaged, atol=1e-9)
    kept, scores = page["drop_missing"](pairs, a)
    auroc, psi = page["influences"](kept, scores)
    np.testing.assert_allclose(auroc, found["10.3"].estimate)
    se = found["10.5"].detail["se"]
    np.testing.assert_allclose(page["crossed_se"](kept, psi), se)
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
    row = load(sources.statements_path(NAME)).record("10.1", ("a",), found, variant="published")
    assert (row.unit, row.null, row.sides) == ("pair", "pairs independent", "two")


def test_too_few_tfs_are_said_so(page):
    w = world("coexp-only", 0)
    few = w.reference[w.reference["source"].isin(w.reference["source"].unique()[:2])]
    A, R, _ = page["side_by_side"](w.adata, pool(edge_scores(w.attention)))
    pairs, (a, r) = page["candidate_pairs"](few, A, R)
    for found in page["edge_tests"](pairs, a, r, np.random.default_rng(0)).values():
        assert isinstance(found, NotEstimable) and "at least 5" in found.reason


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
