"""Precision-recall metrics whose value under ties is the mean over all orders of the ties."""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import both_classes, label_vector, score_matrix


def _runs(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (sizes, positives) of the runs of equal scores, best score first."""
    values, run = np.unique(-scores, return_inverse=True)
    sizes = np.bincount(run, minlength=values.size)
    return sizes, np.bincount(run, weights=labels, minlength=values.size)


def _checked(scores, labels) -> tuple[np.ndarray, np.ndarray]:
    scores = score_matrix(scores)
    if len(scores) != 1:
        raise ParameterError("one score at a time, shape (n,)")
    return scores[0], label_vector(labels, scores.shape[1])


def average_precision(scores: np.ndarray, labels: np.ndarray) -> float | NotEstimable:
    r"""Return the area under the precision-recall curve as average precision.

    .. math:: AP=\frac1{n_+}\sum_{p}\frac{\#\{\text{positives ranked at or above } p\}}{r_p}

    Tied pairs enter with the expectation over a uniformly random order of the ties. (Treating
    a run of ties as one threshold, as scikit-learn does, gives another value.)
    """
    scores, labels = _checked(scores, labels)
    if (reason := both_classes(labels)) is not None:
        return reason
    sizes, positives = _runs(scores, labels)
    before = np.repeat(np.cumsum(sizes) - sizes, sizes)
    positives_before = np.repeat(np.cumsum(positives) - positives, sizes)
    size = np.repeat(sizes, sizes)
    positive = np.repeat(positives, sizes)
    place = np.arange(1, scores.size + 1) - before  # 1 .. size inside the run
    # Given a positive at this place, each earlier place of the run holds one of the other
    # positives with the same probability.
    others = np.where(size > 1, (place - 1) * (positive - 1) / np.maximum(size - 1, 1), 0.0)
    precision = (positives_before + 1 + others) / (before + place)
    return float(np.sum(positive / size * precision) / labels.sum())


def precision_at(scores: np.ndarray, labels: np.ndarray, k: int) -> float | NotEstimable:
    """Return the expected share of positives among the k highest scores, ties broken at random."""
    scores, labels = _checked(scores, labels)
    if not 1 <= k <= scores.size:
        raise ParameterError(f"k is {k}; 1 to {scores.size} expected")
    if (reason := both_classes(labels)) is not None:
        return reason
    sizes, positives = _runs(scores, labels)
    above = np.cumsum(sizes) - sizes
    taken = np.clip(k - above, 0, sizes)
    return float(np.sum(taken * positives / sizes) / k)


def early_precision_ratio(scores: np.ndarray, labels: np.ndarray) -> float | NotEstimable:
    """Return precision at k = number of positives, divided by the share of positives.

    1 is chance (Pratapa et al. 2020, Nat Methods 17:147-154).
    """
    labels = np.asarray(labels, dtype=bool)
    early = precision_at(scores, labels, max(1, int(labels.sum())))
    return early if isinstance(early, NotEstimable) else early / labels.mean()


def ranking_metrics(scores: np.ndarray, labels: np.ndarray) -> dict | NotEstimable:
    """Return average precision, early precision, their base rate and ratios to it."""
    area = average_precision(scores, labels)
    if isinstance(area, NotEstimable):
        return area
    labels = np.asarray(labels, dtype=bool)
    base = float(labels.mean())
    early = precision_at(scores, labels, int(labels.sum()))
    return {
        "auprc": area,
        "auprc_ratio": area / base,
        "early_precision": early,
        "early_precision_ratio": early / base,
        "base_rate": base,
        "n_positive": int(labels.sum()),
    }
