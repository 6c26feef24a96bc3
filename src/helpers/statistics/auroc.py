"""Area under the ROC curve as a tie-exact Mann-Whitney statistic, for one or many scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.estimates import Estimate, NotEstimable
from helpers.statistics import auroc_kernels as kernels
from helpers.statistics.checks import both_classes, label_vector, score_matrix

CONSTANT = "constant score"
DRAWS_AT_ONCE = 64


@dataclass(frozen=True)
class Presorted:
    """Scores sorted once, so that resampling needs no further sort.

    Parameters
    ----------
    order
        (k, n) pair numbers by increasing score.
    last
        (k, n) 1 where a run of equal scores ends.
    labels
        (n,) booleans.
    """

    order: np.ndarray
    last: np.ndarray
    labels: np.ndarray

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """Return AUROC draws (draws, k) for rows of pair weights (draws, n); NaN if undefined."""
        weights = np.atleast_2d(weights)
        out = np.empty((len(weights), len(self.order)))
        for first in range(0, len(weights), DRAWS_AT_ONCE):
            draws = slice(first, first + DRAWS_AT_ONCE)
            by_pair = np.ascontiguousarray(weights[draws].T)
            for k, (order, last) in enumerate(zip(self.order, self.last, strict=True)):
                out[draws, k] = kernels.weighted_auroc_draws(order, last, self.labels, by_pair)
        return out


def presort(scores: np.ndarray, labels: np.ndarray) -> Presorted:
    """Sort one or many scores for the resampling functions.

    Parameters
    ----------
    scores
        (n,) or (k, n) finite scores; larger means more likely positive.
    labels
        (n,) booleans.
    """
    scores = score_matrix(scores)
    labels = label_vector(labels, scores.shape[1])
    order = np.empty(scores.shape, dtype=np.int32)
    last = np.empty(scores.shape, dtype=np.uint8)
    for i, row in enumerate(scores):
        order[i] = np.argsort(row)  # ties are counted as blocks, in any order
        last[i] = kernels.tie_ends(row[order[i]])
    return Presorted(order, last, labels)


def midranks(scores: np.ndarray) -> np.ndarray:
    """Return mid-ranks (1-based) of a vector, as ``scipy.stats.rankdata`` does."""
    scores = score_matrix(scores)[0]
    order = np.argsort(scores)  # ties share their mean rank, in any order
    return kernels.midranks(order, kernels.tie_ends(scores[order]))


def auroc(scores: np.ndarray, labels: np.ndarray) -> Estimate | NotEstimable:
    r"""Return the AUROC of one score, without interval.

    .. math:: A = \frac{1}{n_+ n_-}\sum_{p,q} [s_p > s_q] + \tfrac12 [s_p = s_q]

    Parameters
    ----------
    scores
        (n,) finite scores.
    labels
        (n,) booleans, True for positives.

    Returns
    -------
    Estimate or NotEstimable
        ``detail`` holds ``n_positive``, ``n_negative`` and, for a score that takes one value
        only, ``flag = "constant score"`` (the value is then exactly 0.5).
        Without positives or without negatives there is no AUROC.
    """
    values = auroc_many(scores, labels)
    if isinstance(values, NotEstimable):
        return values
    labels = np.asarray(labels, dtype=bool)
    n_positive = int(labels.sum())
    detail = {"n_positive": n_positive, "n_negative": labels.size - n_positive}
    if np.ptp(np.asarray(scores, dtype=np.float64)) == 0.0:
        detail["flag"] = CONSTANT
    return Estimate(float(values[0]), method="Mann-Whitney, mid-ranks", detail=detail)


def auroc_many(scores: np.ndarray, labels: np.ndarray) -> np.ndarray | NotEstimable:
    """Return the AUROC of each of k scores on the same pairs.

    Parameters
    ----------
    scores
        (n,) or (k, n) finite scores.
    labels
        (n,) booleans.

    Returns
    -------
    ndarray or NotEstimable
        (k,) values.
    """
    scores = score_matrix(scores)
    labels = label_vector(labels, scores.shape[1])
    if (reason := both_classes(labels)) is not None:
        return reason
    n_positive = int(labels.sum())
    out = np.empty(len(scores))
    for i, row in enumerate(scores):
        out[i] = rank_sum_auroc(midranks(row)[labels].sum(), n_positive, labels.size)
    return out


def rank_sum_auroc(rank_sum: np.ndarray | float, n_positive: int, n: int) -> np.ndarray | float:
    """Turn the sum of the positives' mid-ranks into an AUROC."""
    excess = rank_sum - n_positive * (n_positive + 1) / 2
    return np.clip(excess / (1.0 * n_positive * (n - n_positive)), 0.0, 1.0)
