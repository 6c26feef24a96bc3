"""Tests of (TF, target) pairs by name: what they record, and when they give no answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from small_networks import GENES, edges_of

from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation import crossed, gene_level, nulls, scoring
from helpers.evaluation.sets import EvaluationSet, drop_missing, evaluation_set
from helpers.statistics.crossed import crossed_auroc

COUNTS = {"n_positive", "n_tfs_with_positive", "n_targets_with_positive"}


def world(seed: int, k: int = 3, n_tfs: int = 12, n_genes: int = 60, signal=(0.0, 0.0, 1.5)):
    """An evaluation set with hubs, and k scores that prefer targets; `signal` is planted."""
    rng = np.random.default_rng(seed)
    genes = np.array([f"g{i:02d}" for i in range(n_genes)])
    row, column = np.nonzero(~np.eye(n_genes, dtype=bool)[:n_tfs])
    label = rng.random(row.size) < 0.08 * rng.pareto(2.5, n_genes)[column]
    pairs = EvaluationSet("world", genes[row], genes[column], label, "planted")
    effects = rng.normal(size=n_genes)[column]
    noise = rng.normal(size=(k, row.size))
    return pairs, effects + noise + np.array(signal[:k])[:, None] * label


def test_profile_has_counts_and_limits():
    pairs, scores = world(0)
    scores[1, 5] = np.nan
    profile = crossed.auroc_profile(pairs, scores)
    kept, values = drop_missing(pairs, scores)
    found = crossed_auroc(values, kept.label, kept.source, kept.target)
    for one, contrast in zip(profile, found.contrasts, strict=True):
        limits = contrast.interval()
        assert (one.value, one.low, one.high) == pytest.approx((contrast.value, *limits))
        assert one.unit == "TF x target" and one.n_units == found.n_units
        assert COUNTS <= set(one.detail) and one.detail["n_missing"] == 1
    alone = crossed.auroc_with_interval(pairs, scores[1])
    assert str(alone) == str(profile[1])


def test_comparison_and_equivalence_say_what_they_could_find():
    pairs, scores = world(1)
    outcome = crossed.compare_scores(pairs, scores[2], scores[0])
    assert outcome.p < 0.01 and outcome.estimate > 0 and outcome.sides == "two"
    assert outcome.null == "equal AUROC" and outcome.unit == "TF x target"
    assert COUNTS | {"se", "mde", "auroc_first"} <= set(outcome.detail)
    turned = crossed.compare_scores(pairs, scores[0], scores[2])
    assert turned.estimate == pytest.approx(-outcome.estimate) and turned.p == outcome.p
    wide = crossed.equivalent(pairs, scores[0], 0.5, 0.3)
    assert wide.p < 0.01 and wide.detail["power_at_centre"] > 0.9 and wide.detail["mde"] < 0.3
    assert wide.null == "outside the margin around the null's mean" and wide.sides == "one"
    assert crossed.equivalent(pairs, scores[2], 0.5, 0.01).p > 0.5


def test_signal_is_found_where_planted_and_its_null_is_not_a_half():
    pairs, scores = world(2)
    rng = np.random.default_rng(0)
    found = crossed.signal_test(pairs, scores[2], rng, 499, "one")
    assert found.p <= 0.01 and found.unit == "gene" and found.null == "gene labels permuted"
    assert found.detail["mde"] == pytest.approx(
        (stats.norm.ppf(0.95) + stats.norm.ppf(0.8)) * found.detail["null_sd"]
    )
    assert found.n_units == 60 and COUNTS <= set(found.detail)
    null = crossed.signal_test(pairs, scores[0], rng, 499)
    assert null.p > 0.01 and null.sides == "two"
    # A score that separates TFs among the targets, which the network prefers as well.
    is_tf = np.isin(pairs.target, pairs.tfs)
    prefers = EvaluationSet("tf", pairs.source, pairs.target, pairs.label | is_tf, "planted")
    prominent = crossed.signal_test(prefers, is_tf + 0.01 * scores[0], rng, 499)
    assert prominent.estimate > 0.9 and prominent.detail["null_mean"] > 0.9 and prominent.p > 0.01


def test_best_and_range_and_choice_find_the_planted_score():
    pairs, scores = world(3)
    rng = np.random.default_rng(0)
    best = crossed.best_of(pairs, scores, rng, 299)
    assert best.best == 2 and best.best_p < 0.02
    flat = crossed.flatness(pairs, scores, rng, 299)
    assert flat.p < 0.02 and flat.detail["n_scores"] == 3
    held = crossed.held_out_choice(pairs, scores, rng, 199, 3)
    assert held.signal.p < 0.05 and held.choice.p < 0.05 and held.picked[2] > 0.9
    assert crossed.flatness(pairs, scores[:2], rng, 299).p > 0.01


@pytest.mark.parametrize("units", ["tfs", "targets"])
def test_few_units_give_reasons(units):
    pairs, scores = world(4)
    names = pairs.source if units == "tfs" else pairs.target
    two = np.unique(names[pairs.label])[:2]
    few = EvaluationSet(
        "few", pairs.source, pairs.target, pairs.label & np.isin(names, two), "planted"
    )
    rng = np.random.default_rng(0)
    for found in (
        crossed.compare_scores(few, scores[0], scores[1]),
        crossed.equivalent(few, scores[0], 0.5, 0.05),
        crossed.signal_test(few, scores[0], rng, 99),
        crossed.best_of(few, scores, rng, 99),
        crossed.flatness(few, scores, rng, 99),
        crossed.held_out_choice(few, scores, rng, 99),
    ):
        assert isinstance(found, NotEstimable) and found.reason.startswith("few: ")
    estimate = crossed.auroc_with_interval(few, scores[0])
    assert isinstance(estimate, Estimate) and estimate.low is None
    assert "at least 5" in estimate.detail["interval"]
    none = EvaluationSet("none", pairs.source, pairs.target, pairs.label & False, "planted")
    assert "no positives" in crossed.auroc_with_interval(none, scores[0]).reason


def test_a_comparison_turned_round_has_the_other_sign(prominent):
    reference, features, scores = prominent
    universe = evaluation_set(reference, GENES)
    values = universe.scores_from(edges_of(scores))
    product = gene_level.gene_level_scores(universe, features)["mean product"].to_numpy()
    found = crossed.compare_scores(universe, product, values)
    expected = roc_auc_score(universe.label, product) - roc_auc_score(universe.label, values)
    assert found.estimate == pytest.approx(expected, abs=1e-12)
    assert found.estimate > 0.1 and found.p < 0.05
    flipped = crossed.compare_scores(universe, values, product)
    assert flipped.estimate == pytest.approx(-found.estimate)
    assert flipped.p == found.p
    metrics = scoring.metrics(universe, product)
    assert metrics["base_rate"] == pytest.approx(universe.positive_rate)


def test_few_tfs_print_a_point_and_no_test(prominent):
    reference, _, scores = prominent
    few = reference[reference["source"].isin(GENES[:4])]
    universe = evaluation_set(few, GENES)
    values = universe.scores_from(edges_of(scores))
    rng = np.random.default_rng(0)
    found = crossed.auroc_with_interval(universe, values)
    assert found.low is None and "4 TFs" in found.detail["interval"]
    assert isinstance(crossed.compare_scores(universe, values, -values), NotEstimable)
    two = evaluation_set(few[few["source"].isin(GENES[:2])], GENES)
    values = two.scores_from(edges_of(scores))
    for test in (crossed.signal_test, nulls.rewire):
        assert isinstance(test(two, values, rng, 10), NotEstimable)


def test_best_head_is_corrected_for_the_search(prominent):
    reference, _, _ = prominent
    universe = evaluation_set(reference, GENES)
    rng = np.random.default_rng(1)
    heads = rng.normal(size=(40, universe.n_pairs))
    null = crossed.best_of(universe, heads, rng, 400)
    assert null.best_p > 0.05
    heads[7] += 0.8 * universe.label
    found = crossed.best_of(universe, heads, rng, 400)
    assert found.best == 7 and found.best_p < 0.01


def test_flatness_sees_a_layer_that_differs(prominent):
    reference, _, _ = prominent
    universe = evaluation_set(reference, GENES)
    rng = np.random.default_rng(1)
    common = rng.normal(size=universe.n_pairs)
    layers = common + 0.3 * rng.normal(size=(6, universe.n_pairs))
    assert crossed.flatness(universe, layers, rng, 400).p > 0.05
    layers[2] += universe.label
    assert crossed.flatness(universe, layers, rng, 400).p < 0.01
