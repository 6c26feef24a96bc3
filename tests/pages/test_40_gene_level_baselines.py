"""Page 40: its functions, on screens whose answer is planted."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bookkit.page_functions import definitions
from helpers.estimates import NotEstimable
from helpers.evaluation.pseudobulk import by_shrunken_change
from helpers.evaluation.responders import by_threshold
from helpers.evaluation.screens import pair_table

NAME = "40_gene_level_baselines"
pytestmark = pytest.mark.slow
SMALL = {"world_genes": 300, "world_perturbations": 8, "pseudo": 3}


def functions(**parameters):
    """Return what the page defines, with its rules and its logistic model."""
    page = definitions(NAME, **SMALL, **parameters)
    page["RULES"] = {"published": by_threshold, "pseudobulk": by_shrunken_change}
    page["MODELS"] = {"logistic": make_pipeline(StandardScaler(), LogisticRegression())}
    return page


def excess_of(world, seed):
    page = functions(seed=seed)
    (found, genes, by_gene, edges), _, source = page["read_world"](world)
    calls = {who: page["called_by"]("published", one, source[1]) for who, one in found.items()}
    scores = page["FEATURES"]
    mine = page["aurocs"](pair_table(calls, genes, by_gene, edges), scores)
    seen = page["what_is_seen"](*source, "published", np.random.default_rng(seed))
    return page["excess"](mine, page["aurocs"](pair_table(seen, genes, by_gene, edges), scores))


def test_random_responders_exceed_what_can_be_seen_at_the_level_only():
    draws = 25
    called = np.zeros(3)
    for seed in range(draws):
        outcomes = excess_of("random-targets", seed)
        called += [one.p <= 0.05 for one in outcomes]
    assert (called <= 4).all(), called  # P(more than 4 of 25 at 5 %) = 0.7 %


def test_the_declared_unit_and_sides_are_those_of_the_outcome():
    for one in excess_of("abundant-targets", 0):
        assert (one.unit, one.sides, one.null) == ("perturbation x gene", "one", "equal AUROC")
        assert 0 < one.detail["mde"] < 1


def test_a_screen_without_responders_has_no_answer():
    page = functions()
    genes = np.array(["A", "B", "C", "D", "E", "F", "G", "H"])
    table = pair_table(
        {"A": np.zeros(8, bool)}, genes, {f: np.arange(8.0) for f in page["FEATURES"]}
    )
    found = page["aurocs"](table, page["FEATURES"])
    assert isinstance(found, NotEstimable)
    assert all(isinstance(one, NotEstimable) for one in page["excess"](found, found))
    table["edge"] = 1.0
    assert isinstance(page["ready"](table, "edge"), NotEstimable)
    assert isinstance(page["added"](page["ready"](table, "edge"), "both", "logistic"), NotEstimable)


def test_relabelled_genes_hold_the_level_where_genes_have_effects_of_their_own():
    rng = np.random.default_rng(0)
    page = functions()
    genes = np.array([f"g{k}" for k in range(60)])
    rejected, draws = 0, 30
    for _ in range(draws):
        often = rng.gamma(0.5, 1.0, 60)
        calls = {f"p{k}": rng.random(60) < 0.3 * often for k in range(8)}
        table = pair_table(calls, genes, {"score": rng.normal(size=60)})
        table = table[table.groupby("perturbation")["label"].transform("sum") >= 3]
        rejected += page["permuted"](table, "score", 39, rng).p <= 0.05
    assert rejected <= 5, rejected  # P(more than 5 of 30 at 5 %) = 0.3 %


def test_other_perturbations_are_counted_without_the_own():
    page = functions()
    table = pd.DataFrame(
        {"perturbation": list("aabbcc"), "gene": list("xyxyxy"), "label": [1, 0, 1, 1, 0, 0]}
    )
    assert page["elsewhere"](table)["elsewhere"].tolist() == [0.5, 0.5, 0.5, 0.0, 1.0, 0.5]


def screen_of(rng, page, edges, genes=80, rows=10):
    """Return pairs whose calls follow a gene's own tendency and, where asked, the edge score."""
    names = np.array([f"g{k}" for k in range(genes)])
    often = rng.gamma(1.0, 1.0, genes)
    scores = rng.normal(size=(rows, genes)) + 0.5 * rng.normal(size=genes)
    calls, strength = {}, {"nothing": 0.0, "calls": 1.5, "genes": 0.0}[edges]
    for k in range(rows):
        log_odds = np.log(0.15 * often + 0.01) + strength * scores[k]
        calls[f"p{k}"] = rng.random(genes) < 1 / (1 + np.exp(-log_odds))
    if edges == "genes":
        scores = np.tile(often, (rows, 1)) + 0.3 * rng.normal(size=(rows, genes))
    by_gene = {name: rng.normal(size=genes) for name in page["FEATURES"]}
    frame = pd.DataFrame(scores, list(calls), names)
    return page["elsewhere"](page["ready"](pair_table(calls, names, by_gene, {"e": frame}), "e"))


def test_matched_and_rewired_calls_find_pairs_and_not_genes():
    page, rng = functions(), np.random.default_rng(1)
    for edges, expected in (("calls", True), ("genes", False)):
        table = screen_of(rng, page, edges)
        rewired = page["beyond_degrees"](table, "e", 99, rng)
        assert (rewired.p <= 0.05) == expected
        matched = page["matched_test"](table, "e")
        assert isinstance(matched, NotEstimable) or (matched.p <= 0.05) == expected
    assert page["aurocs"](table, ["e"]).auroc[0] > 0.6


def test_error_rates_under_permuted_names_lie_within_binomial_limits():
    page, rng = functions(), np.random.default_rng(2)
    table = screen_of(rng, page, "nothing")
    rates = page["error_rates"](table, "e", 40, rng, 0.05)
    assert (rates["draws"] > 20).any() and (rates["rejected"] <= rates["most"]).all(), rates


def test_an_imbalance_is_named_and_no_test_is_made():
    page, rng = functions(), np.random.default_rng(3)
    table = screen_of(rng, page, "nothing")
    table["mean"] = table["label"] * 5.0 + rng.normal(size=len(table))
    found = page["matched_test"](table, "e")
    assert isinstance(found, NotEstimable)
    few = NotEstimable("too few")
    assert page["matched_test"](few, "e") is few
    assert page["beyond_degrees"](few, "e", 99, rng) is few


def test_a_verdict_needs_all_its_tests():
    page = functions()
    assert set(page["clauses"]({}, 0.05).values()) == {"not asked"}
    table = screen_of(np.random.default_rng(4), page, "nothing")
    found = page["against_genes"](table, "e")
    assert page["clauses"](found, 0.05)["better"] == "no"
    assert page["clauses"]({"40.20": NotEstimable("few")}, 0.05)["residual"] == "not asked"


def test_aurocs_within_rows_are_those_of_scikit_learn():
    page, rng = functions(), np.random.default_rng(5)
    scores, hits = rng.integers(0, 9, (4, 40)).astype(float), rng.random((4, 40)) < 0.3
    expected = np.mean([roc_auc_score(h[1:], s[1:]) for h, s in zip(hits, scores, strict=True)])
    scores[:, 0] = np.nan
    assert page["mean_auroc"](scores, hits.astype(float)) == pytest.approx(expected)


def test_files_get_names_that_values_may_bear():
    page = functions()
    assert page["short_name"]("renge") == "renge"
    assert page["short_name"]("/some where/my.screen 2.h5ad") == "own-my-screen-2"
