"""Page 42: its functions, on worlds whose answer is planted, and on input that has none."""

import numpy as np
import pandas as pd
import pytest

from bookkit.page_functions import definitions
from helpers.datasets.simulate.contexts import context_world
from helpers.estimates import NotEstimable
from helpers.registry.error_rates import binomial_range
from papers.claims import printed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page():
    return definitions("42_cell_contexts", draws=39)


def rejections(page, equal, draws, weights):
    p = []
    for seed in range(draws):
        made = context_world("same-contexts", 1000 + seed, equal_cells=equal)
        p.append(page["both_contexts"](made)[0].difference(np.array(weights, float)).p)
    return int((np.array(p) <= 0.05).sum())


def test_same_contexts_differ_at_the_level_with_equal_cells_and_often_without(page):
    gap, draws = [-1, 1, 1, -1], 100
    assert rejections(page, True, draws, gap) <= binomial_range(draws)[1]
    assert rejections(page, False, 30, [-1, 0, 1, 0]) > 20


def test_a_real_difference_of_contexts_is_found(page):
    found = 0
    for seed in range(20):
        made = context_world("same-contexts", seed, equal_cells=True)
        moved, scores = page["of_world"](made)
        rng = np.random.default_rng(seed)
        noise = pd.DataFrame(rng.normal(size=made.coexpression.shape), *scores["attention"].axes)
        tables = []
        for edge, x in zip((scores["attention"], noise), moved.values(), strict=True):
            used = [edge, scores["co-expression"]]
            tables.append(page["pairs"](x, used, list(x.index), list(x.columns)))
        found += page["tested"](tables, [1, -1, -1, 1])[1].p <= 0.05
    assert found >= 14


def test_the_shift_of_a_universe_is_put_on_the_genes_that_are_ranked(page):
    parts = [page["shift_of"](context_world("universe-shift", 50 + k)) for k in range(10)]
    total, rows, genes, given = np.mean(parts, axis=0)
    assert total == pytest.approx(rows + genes + given, abs=1e-12)
    assert genes < -0.05 and abs(rows) < 0.04 and abs(given) < 0.03


def test_relabelled_genes_hold_the_level_and_prominent_genes_do_not_matter(page):
    rng, draws, rejected = np.random.default_rng(0), 80, 0
    genes = [f"g{k}" for k in range(60)]
    rows = genes[:8]
    prominent = rng.gamma(0.5, 1.0, 60)
    for _ in range(draws):
        moved = pd.DataFrame(rng.normal(size=(8, 60)) ** 2 * rng.gamma(0.5, 1, 60), rows, genes)
        scores = {
            name: pd.DataFrame(rng.normal(size=(8, 60)) + prominent * k, rows, genes)
            for k, name in enumerate(("co-expression", "attention"))
        }
        about = {
            "moved": moved,
            "scores": {"co-expression": scores["co-expression"]},
            "attention": {"m forward": [scores["attention"]]},
        }
        rejected += page["relabelled_p"](about, "m forward", genes, rng) <= 0.05
    assert rejected <= binomial_range(draws)[1]


def test_what_cannot_be_had_says_why(page):
    genes = ["a", "b", "c", "d", "e", "f"]
    square = pd.DataFrame(np.eye(6), genes, genes)
    about = {
        "moved": square.iloc[:3],
        "scores": {"co-expression": square, "mean": square},
        "attention": {"m forward": [square]},
        "spread": pd.Series(1.0, genes),
    }
    assert isinstance(page["in_universe"](about, "m forward", ["d", "e", "f"]), NotEstimable)
    assert isinstance(page["nested_test"](about, "m forward", genes)[0], NotEstimable)
    parts = page["taken_apart"](about["moved"], [square] * 2, [square] * 2, genes, ["e", "f"])
    assert isinstance(parts, NotEstimable)
    assert page["known_genes"]({"a": about | {"attention": NotEstimable("none")}}) == []


def test_a_gene_with_unknown_pairs_leaves_and_takes_few_with_it(page):
    known = np.ones((4, 4), bool)
    known[1, :] = False
    known[1, 1] = True
    assert page["whole"](known, list("abcd")) == list("acd")


def test_only_equal_numbers_of_genes_are_called_changed(page):
    moved = pd.DataFrame(np.random.default_rng(0).normal(size=(3, 20)))
    moved.iloc[0, 0] = np.nan
    assert page["responders"](moved).sum(axis=1).tolist() == [4, 4, 4]


def test_the_printed_means_of_layer_15_cannot_be_of_the_same_perturbations():
    assert printed("a2t/nested#3").value == 0.04
    assert printed("a2t/nested#1").value == printed("a2t/nested#2").value == 5
    assert printed("a2t/hvg-boot#0").value == 0.06
