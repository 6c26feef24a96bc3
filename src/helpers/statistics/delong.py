"""DeLong's covariance of AUROCs on the same pairs, tie-exact and safe for millions of pairs."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics import auroc_kernels as kernels
from helpers.statistics.checks import both_classes, label_vector, score_matrix
from helpers.statistics.results import Outcome


def shares_beaten(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return DeLong's placement of every pair, (n,): 1 is best for both classes.

    For a positive the share of negatives below it, for a negative that of positives above it.
    Ties count as half a win; one sort and one walk, in float64, so no product of class sizes is
    ever formed in integers (Sun, Xu 2014, IEEE Signal Process Lett 21:1389-1393, do so by ranks).
    """
    order = np.argsort(scores, kind="stable")
    return kernels.placements(order, kernels.tie_ends(scores[order]), labels)


def placements(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return :func:`shares_beaten` of the positives and of the negatives."""
    share = shares_beaten(scores, labels)
    return share[labels], share[~labels]


def delong_covariance(
    scores: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | NotEstimable:
    """Return (AUROCs (k,), covariance (k, k)) of k scores on the same pairs.

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL (1988), Biometrics 44:837-845.
    """
    scores = score_matrix(scores)
    labels = label_vector(labels, scores.shape[1])
    if (reason := both_classes(labels)) is not None:
        return reason
    n_positive = int(labels.sum())
    n_negative = labels.size - n_positive
    if min(n_positive, n_negative) < 2:
        return NotEstimable(f"{n_positive} positives and {n_negative} negatives; 2 of each needed")
    parts = [placements(row, labels) for row in scores]
    plus = np.stack([part[0] for part in parts])
    minus = np.stack([part[1] for part in parts])
    covariance = (
        np.atleast_2d(np.cov(plus)) / n_positive + np.atleast_2d(np.cov(minus)) / n_negative
    )
    return np.clip(plus.mean(axis=1), 0.0, 1.0), covariance


def delong_test(
    scores_a: np.ndarray, scores_b: np.ndarray, labels: np.ndarray, level: float = 0.95
) -> Outcome | NotEstimable:
    """Test AUROC(a) = AUROC(b) on the same pairs, two-sided, pairs as units.

    Pairs that share a TF are not independent, so this p is a comparison, not a decision.
    """
    scores_a, scores_b = np.asarray(scores_a, float), np.asarray(scores_b, float)
    if scores_a.shape != scores_b.shape:
        raise ParameterError(f"scores of shape {scores_a.shape} and {scores_b.shape}")
    result = delong_covariance(np.stack([scores_a, scores_b]), labels)
    if isinstance(result, NotEstimable):
        return result
    values, covariance = result
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    if variance <= 1e-20:
        return NotEstimable("the two scores rank the pairs alike; their difference has no variance")
    difference, se = float(values[0] - values[1]), float(np.sqrt(variance))
    half = stats.norm.ppf((1 + level) / 2) * se
    return Outcome(
        estimate=difference,
        p=float(2 * stats.norm.sf(abs(difference) / se)),
        sides="two",
        test="paired DeLong",
        null="equal AUROC",
        unit="pair",
        n_units=np.asarray(labels).size,
        low=difference - half,
        high=difference + half,
        level=level,
        detail={
            "se": se,
            "auroc_a": float(values[0]),
            "auroc_b": float(values[1]),
            "n_positive": int(np.asarray(labels, dtype=bool).sum()),
        },
    )
