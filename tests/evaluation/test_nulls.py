"""Nulls absorb what prominence explains, and one TF that carries all is named."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import GENES, edges_of

from helpers.evaluation import crossed, gene_level, matched, nulls
from helpers.evaluation.sets import evaluation_set
from helpers.statistics.permutation import permutation_test


def test_nulls_absorb_what_prominence_explains(prominent):
    reference, features, _ = prominent
    universe = evaluation_set(reference, GENES)
    target = gene_level.gene_level_scores(universe, features)["mean target"].to_numpy()
    rng = np.random.default_rng(0)
    raw = crossed.auroc_with_interval(universe, target).value
    nearest = matched.matched_negatives(universe, features, 5)
    assert raw > 0.7
    assert abs(matched.matched_auroc(nearest, target).value - 0.5) < 0.5 * (raw - 0.5)
    free = permutation_test(target, universe.label, rng, 500)
    assert free.p < 0.01 and free.detail["null_mean"] == pytest.approx(0.5, abs=0.01)
    rewired = nulls.rewire(universe, target, rng, 100)
    parts = nulls.decompose(rewired)
    assert parts["beyond"] == pytest.approx(0, abs=1e-12)
    assert sum(parts.values()) == pytest.approx(rewired.estimate)


def test_one_tf_world_is_flagged_by_leaving_it_out(prominent):
    reference, _, scores = prominent
    universe = evaluation_set(reference, GENES)
    planted = scores.copy()
    planted[4] += 10 * np.isin(GENES, reference.query("source == 'G004'")["target"])
    found = nulls.leave_one_tf_out(universe, universe.scores_from(edges_of(planted)))
    assert found.most_influential == "G004"
    assert found.share_of_excess > 0.5
