"""Page 40: its functions, on screens whose answer is planted."""

import numpy as np
import pandas as pd
import pytest

from bookkit.page_functions import definitions
from helpers.estimates import NotEstimable
from helpers.evaluation.responders import by_threshold
from helpers.evaluation.screens import pair_table

NAME = "40_gene_level_baselines"
pytestmark = pytest.mark.slow
SMALL = {"world_genes": 300, "world_perturbations": 8, "pseudo": 3}


def excess_of(world, seed):
    page = definitions(NAME, seed=seed, **SMALL)
    (found, genes, by_gene, edges), _, source = page["read_world"](world)
    rule = by_threshold
    calls = {who: rule(one) for who, one in found.items()}
    scores = page["FEATURES"]
    mine = page["aurocs"](pair_table(calls, genes, by_gene, edges), scores)
    seen = page["what_is_seen"](*source, rule, np.random.default_rng(seed))
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
    page = definitions(NAME, **SMALL)
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
    page = definitions(NAME, **SMALL)
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
    page = definitions(NAME, **SMALL)
    table = pd.DataFrame(
        {"perturbation": list("aabbcc"), "gene": list("xyxyxy"), "label": [1, 0, 1, 1, 0, 0]}
    )
    assert page["elsewhere"](table)["elsewhere"].tolist() == [0.5, 0.5, 0.5, 0.0, 1.0, 0.5]
