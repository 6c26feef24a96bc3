"""Scores as probabilities: maps onto probabilities, how well these hold, and sets of labels.

A probability is calibrated if of all pairs that are given p a share p is positive. Pairs that share
a row (perturbed gene) or a column (target) are dependent, so intervals count rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import both_classes, cluster_codes, label_vector, one_of
from helpers.statistics.crossed_means import crossed_df, crossed_variance

MAPS = ("raw", "Platt", "isotonic", "beta", "constant")
EDGE = 1e-6


@dataclass(frozen=True)
class CalibrationError:
    """How far probabilities are from the shares of positives, in bins of equal numbers.

    Parameters
    ----------
    ece
        Mean over pairs of |mean probability - share of positives| of the pair's bin.
    debiased
        Root of the squared error less what sampling of labels adds to it (Kumar, Liang, Ma 2019);
        0 where sampling explains all of it.
    bins
        Number of bins that hold a pair.
    """

    ece: float
    debiased: float
    bins: int


def probability_map(
    name: str, score: np.ndarray, label: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    r"""Fit a map from scores to probabilities.

    Parameters
    ----------
    name
        ``raw``: the score on a scale from its smallest to its largest value, clipped there;
        ``Platt``: :math:`\sigma(a s + b)` (Platt 1999); ``isotonic``: the best rising step function
        (Zadrozny, Elkan 2002); ``beta``: :math:`\sigma(a\ln s - b\ln(1-s) + c)` of the raw
        probability, a and b not negative (Kull, Filho, Flach 2017); ``constant``: the share of
        positives.
    score, label
        (n,) of the pairs that the map is fitted to.

    Examples
    --------
    >>> to = probability_map("constant", np.array([0.1, 0.4, 0.5]), np.array([0, 1, 0]))
    >>> to(np.array([2.0])).round(3)
    array([0.333])
    """
    one_of("name", name, MAPS)
    score = np.asarray(score, dtype=np.float64)
    label = label_vector(label, score.size)
    low, width = float(score.min()), float(np.ptp(score))
    if name == "constant" or (width == 0 and name != "raw") or both_classes(label) is not None:
        share = float(label.mean())
        return lambda new: np.full(np.shape(new), share)

    def raw(new: np.ndarray) -> np.ndarray:
        return np.clip((np.asarray(new, dtype=np.float64) - low) / (width or 1.0), 0.0, 1.0)

    if name == "raw":
        return raw
    if name == "isotonic":
        return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, label).predict

    def terms(new: np.ndarray) -> np.ndarray:
        p = np.clip(raw(new), EDGE, 1 - EDGE)
        return np.column_stack([np.log(p), -np.log1p(-p)]) if name == "beta" else p[:, None]

    used = terms(score)
    kept = np.arange(used.shape[1])
    model = LogisticRegression(C=np.inf).fit(used, label)
    if name == "beta" and (model.coef_ < 0).any():  # a falling part is left out and fitted anew
        kept = np.flatnonzero(model.coef_[0] == model.coef_[0].max())
        model = LogisticRegression(C=np.inf).fit(used[:, kept], label)
        if model.coef_[0, 0] < 0:
            return probability_map("constant", score, label)
    return lambda new: model.predict_proba(terms(new)[:, kept])[:, 1]


def shifted(p: np.ndarray, before: float, after: float) -> np.ndarray:
    """Return probabilities moved, on the logit scale, from one share of positives to another."""
    at, before, after = (np.clip(x, EDGE, 1 - EDGE) for x in (p, before, after))
    return expit(logit(at) + logit(after) - logit(before))


def equal_bins(p: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the bin, 0 to n_bins - 1, of each value; bins of equal numbers, ties in one bin."""
    p = np.asarray(p, dtype=np.float64)
    inner = np.quantile(p, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
    return np.unique(np.searchsorted(np.unique(inner), p, side="left"), return_inverse=True)[1]


def calibration_error(p: np.ndarray, label: np.ndarray, n_bins: int = 15) -> CalibrationError:
    """Return the expected calibration error with adaptive bins, and its debiased form.

    Parameters
    ----------
    p, label
        (n,) probabilities and labels.
    n_bins
        Bins of equal numbers of pairs; tied probabilities stay together, so there may be fewer.
    """
    at, n, mean, share = _binned(p, label, n_bins)
    gap = mean - share
    # A bin of one pair has no estimate of its sampling variance: at most a quarter.
    variance = np.where(n > 1, share * (1 - share) / np.maximum(n - 1, 1), 0.25)
    squared = float((n * (gap**2 - variance)).sum() / n.sum())
    return CalibrationError(
        float((n * np.abs(gap)).sum() / n.sum()), max(squared, 0.0) ** 0.5, int(at.max()) + 1
    )


def sampling_floor(
    p: np.ndarray, rng: np.random.Generator, n_bins: int = 15, draws: int = 100
) -> float:
    """Return the mean ECE of labels drawn from `p` itself, pair by pair: no map can be below it.

    Labels that depend on each other within rows or columns have a higher floor.
    """
    p = np.asarray(p, dtype=np.float64)
    drawn = rng.random((draws, p.size)) < p
    return float(np.mean([calibration_error(p, one, n_bins).ece for one in drawn]))


def brier_parts(p: np.ndarray, label: np.ndarray, n_bins: int = 15) -> dict[str, float]:
    r"""Return the Brier score and its parts: B = reliability - resolution + uncertainty + within.

    .. math:: B = \tfrac1n\sum_b n_b(\bar p_b-\bar y_b)^2 - \tfrac1n\sum_b n_b(\bar y_b-\bar y)^2
              + \bar y(1-\bar y) + \text{within}

    ``within`` is what varies inside bins, 0 where bins hold one probability each (Murphy 1973;
    Stephenson, Coelho, Jolliffe 2008).
    """
    _, n, mean, share = _binned(p, label, n_bins)
    y = np.asarray(label, dtype=np.float64)
    weights = n / n.sum()
    parts = {
        "Brier": float(np.mean((p - y) ** 2)),
        "reliability": float((weights * (mean - share) ** 2).sum()),
        "resolution": float((weights * (share - y.mean()) ** 2).sum()),
        "uncertainty": float(y.mean() * (1 - y.mean())),
    }
    sums = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    return parts | {"within": parts["Brier"] - sums}


def reliability_curve(
    p: np.ndarray,
    label: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    n_bins: int = 10,
    level: float = 0.95,
) -> dict[str, np.ndarray]:
    """Return the mean probability and share of positives of each bin, with a two-way interval.

    Returns
    -------
    dict
        ``probability``, ``share``, ``low``, ``high``, ``n``, one value per bin. The interval is
        that of `crossed_variance`, so pairs of one row, and of one column, count as dependent.
    """
    at, n, mean, share = _binned(p, label, n_bins)
    y, half = np.asarray(label, dtype=np.float64), []
    for b in range(n.size):
        inside = at == b
        influence = (y[inside] - share[b]) / n[b]
        about = influence, np.asarray(rows)[inside], np.asarray(columns)[inside]
        t = stats.t.ppf((1 + level) / 2, crossed_df(*about))
        half.append(t * float(np.sqrt(crossed_variance(*about)[0, 0])))
    limits = np.clip([share - half, share + half], 0.0, 1.0)
    return {"probability": mean, "share": share, "low": limits[0], "high": limits[1], "n": n}


def crossed_folds(
    rows: np.ndarray, columns: np.ndarray, n_folds: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]] | NotEstimable:
    """Return (train, test) masks: a test block shares no row and no column with its training pairs.

    Rows and columns are cut into `n_folds` each, at random; every pair is tested once. Not
    estimable with fewer rows or columns than twice the folds.
    """
    codes = [cluster_codes(names, len(rows)) for names in (rows, columns)]
    if (fewest := min(names.size for names, _ in codes)) < 2 * n_folds:
        return NotEstimable(f"{fewest} rows or columns; {2 * n_folds} are needed")
    fold = [(rng.permutation(names.size) % n_folds)[code] for names, code in codes]
    cells = [(i, j) for i in range(n_folds) for j in range(n_folds)]
    return (((fold[0] != i) & (fold[1] != j), (fold[0] == i) & (fold[1] == j)) for i, j in cells)


def hierarchical_threshold(scores: np.ndarray, groups: np.ndarray, alpha: float) -> float:
    r"""Return the conformal threshold for a pair of a new group, groups being exchangeable.

    The smallest q with :math:`\tfrac{1}{K+1}\sum_k \tfrac{1}{n_k}\#\{i: s_{ki}\le q\}\ge 1-\alpha`:
    every group has the weight of the new one, whatever its size. Infinite with fewer than
    :math:`1/\alpha - 1` groups. With one pair per group it is that of split conformal prediction.

    Parameters
    ----------
    scores, groups
        (n,) nonconformity of the calibration pairs and the group (perturbation) of each.
    alpha
        A pair of a new group exceeds the threshold with at most this probability.

    References
    ----------
    Lee Y, Barber RF, Willett R (2023), arXiv:2306.06342; Dunn R, Wasserman L, Ramdas A (2023),
    J Am Stat Assoc 118:2491.

    Examples
    --------
    >>> hierarchical_threshold(np.arange(1.0, 20), np.arange(19), 0.05)
    19.0
    >>> hierarchical_threshold(np.arange(1.0, 19), np.arange(18), 0.05)
    inf
    """
    if not 0 < alpha < 1:
        raise ParameterError(f"alpha is {alpha}; between 0 and 1 expected")
    scores = np.asarray(scores, dtype=np.float64)
    names, codes = cluster_codes(groups, scores.size)
    weight = 1.0 / (names.size + 1) / np.bincount(codes)[codes]
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weight[order]) >= 1 - alpha - 1e-12
    return float(scores[order][np.argmax(reached)]) if reached.any() else float("inf")


def _binned(p: np.ndarray, label: np.ndarray, n_bins: int):
    p = np.asarray(p, dtype=np.float64)
    y = label_vector(label, p.size).astype(np.float64)
    if p.size == 0 or not ((p >= 0) & (p <= 1)).all():
        raise ParameterError("probabilities between 0 and 1 are expected, at least one")
    at = equal_bins(p, n_bins)
    n = np.bincount(at).astype(np.float64)
    return at, n, np.bincount(at, p) / n, np.bincount(at, y) / n
