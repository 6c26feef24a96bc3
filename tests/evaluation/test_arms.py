"""Many scores of one model under one null."""

import numpy as np
import pandas as pd
import pytest
from hub_networks import GENES, network, relabelled
from scipy import stats

from helpers.estimates import NotEstimable
from helpers.evaluation import best_of, evaluation_set
from helpers.evaluation.arms import ALL, arm_tests

NAMES, ARMS = ["a, 0", "a, 1", "b, 0", "b, 1", "b, 2"], ["a", "a", "b", "b", "b"]


def prominent_scores(pairs, rng, k=5):
    """Scores that depend on the genes alone, as those of hubs do, with a little noise."""
    genes = {gene: rng.pareto(2, k) for gene in GENES}
    both = np.array([genes[s] + genes[t] for s, t in zip(pairs.source, pairs.target, strict=True)])
    return both.T + 0.1 * rng.normal(size=(k, pairs.n_pairs))


def test_the_best_of_all_is_that_of_the_maximum_statistic():
    pairs, rng = network(1.0), np.random.default_rng(1)
    scores = prominent_scores(pairs, rng)
    found = arm_tests(pairs, scores, NAMES, ARMS, np.random.default_rng(2), 199)
    peer = best_of(pairs, scores, np.random.default_rng(2), 199)
    assert found[ALL].p == pytest.approx(peer.best_p)
    assert found[ALL].detail["best"] == NAMES[peer.best]
    assert found[ALL].detail["n_scores"] == 5 and found["a"].detail["n_scores"] == 2
    assert found[ALL].estimate == max(found["a"].estimate, found["b"].estimate)
    assert found[ALL].detail["mde"] >= found["a"].detail["mde"] > 0


def test_a_planted_score_is_found_in_its_arm_and_in_no_other():
    pairs, rng = network(1.0), np.random.default_rng(3)
    scores = prominent_scores(pairs, rng)
    scores[3] += 3 * pairs.label
    found = arm_tests(pairs, scores, NAMES, ARMS, rng, 199)
    assert found["b"].p == found[ALL].p == 1 / 200
    assert found["b"].detail["best"] == "b, 1" and found["a"].p > 0.05


def test_looking_at_many_scores_is_corrected_for_where_hubs_are_shared():
    rng = np.random.default_rng(4)
    pairs = network(1.0)
    scores = prominent_scores(pairs, rng)
    p = [arm_tests(relabelled(pairs, rng), scores, NAMES, ARMS, rng, 99)[ALL].p for _ in range(100)]
    assert (np.array(p) <= 0.05).sum() <= stats.binom.ppf(0.999, 100, 0.05)


def test_scores_without_variation_and_small_networks():
    pairs, rng = network(), np.random.default_rng(5)
    scores = rng.normal(size=(2, pairs.n_pairs))
    scores[0], scores[1] = 1.0, scores[1] + pairs.label
    found = arm_tests(pairs, scores, ["a", "b"], ["a", "b"], rng, 99)
    assert found["a"].p == 1.0 and found[ALL].detail["best"] == "b"
    few = evaluation_set(pd.DataFrame({"source": ["g0"], "target": ["g3"]}), GENES)
    none = arm_tests(few, rng.normal(size=(2, few.n_pairs)), ["a", "b"], ["a", "b"], rng, 99)
    assert isinstance(none, NotEstimable)
