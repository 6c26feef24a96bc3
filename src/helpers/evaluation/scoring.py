"""Precision-recall metrics of edge scores in a candidate universe."""

from __future__ import annotations

import numpy as np

from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet, drop_missing
from helpers.statistics.ranking import ranking_metrics


def metrics(evaluation: EvaluationSet, scores: np.ndarray) -> dict | NotEstimable:
    """Return AUPRC, early precision and their ratios to the base rate, ties exact."""
    kept, values = drop_missing(evaluation, scores)
    return ranking_metrics(values, kept.label)
