"""Checks of arguments shared by the statistics: clear errors before any arithmetic."""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable


def score_matrix(scores: np.ndarray) -> np.ndarray:
    """Return `scores` as a float64 array of shape (k, n).

    Raises
    ------
    ParameterError
        If a score is NaN or infinite, or the array has more than two dimensions.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim not in (1, 2):
        raise ParameterError(f"scores have {scores.ndim} dimensions; give (n,) or (k, n)")
    scores = np.atleast_2d(scores)
    if not np.isfinite(scores).all():
        n_bad = int((~np.isfinite(scores)).sum())
        raise ParameterError(f"{n_bad} scores are NaN or infinite; drop those pairs explicitly")
    return scores


def label_vector(labels: np.ndarray, n: int) -> np.ndarray:
    """Return `labels` as a boolean vector of length n.

    Raises
    ------
    ParameterError
        If the length differs from n or a value is neither 0 nor 1.
    """
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ParameterError(f"labels have shape {labels.shape}; the scores need ({n},)")
    if labels.dtype != bool:
        if not np.isin(labels, (0, 1)).all():
            raise ParameterError("labels must be booleans, or 0 and 1")
        labels = labels.astype(bool)
    return labels


def both_classes(labels: np.ndarray) -> NotEstimable | None:
    """Return the reason why no ranking metric exists, or None when both classes are there."""
    n_positive = int(labels.sum())
    if n_positive == 0:
        return NotEstimable(f"no positives among {labels.size} pairs")
    if n_positive == labels.size:
        return NotEstimable(f"no negatives among {labels.size} pairs")
    return None


def cluster_codes(clusters: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (names, codes): the distinct cluster names and the code 0..T-1 of each pair."""
    clusters = np.asarray(clusters)
    if clusters.shape != (n,):
        raise ParameterError(f"clusters have shape {clusters.shape}; the scores need ({n},)")
    names, codes = np.unique(clusters, return_inverse=True)
    return names, codes.astype(np.int64)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is allowed, else raise ParameterError naming the choices."""
    if value not in allowed:
        raise ParameterError(f"{name} is {value!r}; one of {', '.join(allowed)} expected")
    return value


def monte_carlo_p(exceeding: np.ndarray | int, draws: int) -> np.ndarray | float:
    """Return (1 + b) / (1 + B), the p value of a Monte Carlo test.

    Phipson B, Smyth GK (2010), Stat Appl Genet Mol Biol 9:39.
    """
    return (1.0 + exceeding) / (1.0 + draws)
