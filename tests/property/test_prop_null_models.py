"""The degree-preserving null: parts add up, and the order of pairs does not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.evaluation import nulls
from helpers.evaluation.sets import EvaluationSet


def universe(rng, n_tfs, n_targets, positives):
    """Make a universe with a given number of random positives per TF."""
    source = np.repeat([f"T{i:02d}" for i in range(n_tfs)], n_targets)
    target = np.tile([f"G{i:03d}" for i in range(n_targets)], n_tfs)
    label = np.concatenate([rng.permutation(n_targets) < positives for _ in range(n_tfs)])
    return EvaluationSet("made", source, target, label, "made")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_decomposition_adds_up_and_order_of_pairs_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    e = universe(rng, 6, 15, 2)
    scores = rng.standard_normal(e.n_pairs)
    outcome = nulls.rewire(e, scores, np.random.default_rng(1), 30)
    assert sum(nulls.decompose(outcome).values()) == pytest.approx(outcome.estimate, abs=1e-12)
    order = rng.permutation(e.n_pairs)
    turned = EvaluationSet("made", e.source[order], e.target[order], e.label[order], "made")
    again = nulls.rewire(turned, scores[order], np.random.default_rng(1), 30)
    assert again.estimate == pytest.approx(outcome.estimate, abs=1e-12)
    assert again.p == outcome.p  # the network, not the list of pairs, is what is rewired
