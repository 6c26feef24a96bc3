"""Ranking measures: against scikit-learn and over every order of ties."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.ranking import (
    average_precision,
    precision_at,
    ranking_metrics,
)


def test_average_precision_equals_sklearn_without_ties():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=300), rng.random(300) < 0.1
    assert average_precision(scores, labels) == pytest.approx(
        average_precision_score(labels, scores), abs=1e-12
    )


def _every_tie_order(scores, labels, k):
    """Mean average precision and precision at k over all orders that sort the scores."""
    areas, early = [], []
    for order in permutations(range(len(scores))):
        ranked = scores[list(order)]
        if (np.diff(ranked) > 0).any():
            continue
        hits = labels[list(order)]
        precision = np.cumsum(hits) / np.arange(1, hits.size + 1)
        areas.append(precision[hits].mean())
        early.append(hits[:k].mean())
    return np.mean(areas), np.mean(early)


@pytest.mark.parametrize("seed", range(4))
def test_ties_are_averaged_over_all_orders(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 3, 7).astype(float), rng.permutation(7) < 3
    area, early = _every_tie_order(scores, labels, 3)
    assert average_precision(scores, labels) == pytest.approx(area, abs=1e-12)
    assert precision_at(scores, labels, 3) == pytest.approx(early, abs=1e-12)
    assert ranking_metrics(scores, labels)["early_precision_ratio"] == pytest.approx(
        early / (3 / 7), abs=1e-12
    )


def test_ranking_degenerate_input():
    assert isinstance(ranking_metrics(np.arange(4), np.zeros(4)), NotEstimable)
    assert isinstance(ranking_metrics(np.arange(4), np.ones(4)), NotEstimable)
    with pytest.raises(ParameterError, match="k is 9"):
        precision_at(np.arange(4), np.arange(4) < 1, 9)
    constant = ranking_metrics(np.zeros(10), np.arange(10) < 2)
    assert constant["early_precision_ratio"] == pytest.approx(1.0)
