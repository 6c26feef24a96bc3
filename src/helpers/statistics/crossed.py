"""AUROC of pairs that share rows and columns: two-way (TF x target) standard errors and tests.

The pairs of one TF are dependent, and so are the pairs of one target: a prominent gene is attended
to by every TF, and a few targets hold many of the positives of a network. Clustering on TFs alone
takes targets as fixed and makes intervals too short. Here the influence of every pair is summed
over rows and over columns, and both sums count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import presort
from helpers.statistics.checks import both_classes, cluster_codes, label_vector, score_matrix
from helpers.statistics.clusters import cluster_counts
from helpers.statistics.delong import shares_beaten
from helpers.statistics.equivalence import tost
from helpers.statistics.results import Outcome

UNIT = "TF x target"
MIN_UNITS = 5
"""Fewest TFs, and targets, with a positive for which a two-way standard error is given."""
POWER = 0.8


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of AUROCs with its two-way standard error and degrees of freedom."""

    value: float
    se: float
    df: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return value -+ t(df) se."""
        half = stats.t.ppf((1 + level) / 2, self.df) * self.se
        return self.value - half, self.value + half


@dataclass(frozen=True)
class CrossedAuroc:
    """AUROCs of k scores on the same pairs, and the three sums behind their covariance.

    Parameters
    ----------
    auroc
        (k,) values.
    by_row, by_column, by_pair
        (k, k) cross products of the influences summed over rows, over columns, and of single
        pairs; the first two with the n / (n - 1) correction.
    n_pairs, n_positive, n_tfs_with_positive, n_targets_with_positive
        Counts.
    """

    auroc: np.ndarray
    by_row: np.ndarray
    by_column: np.ndarray
    by_pair: np.ndarray
    n_pairs: int
    n_positive: int
    n_tfs_with_positive: int
    n_targets_with_positive: int

    @property
    def df(self) -> int:
        """Degrees of freedom: the smaller number of units with a positive, minus one."""
        return min(self.n_tfs_with_positive, self.n_targets_with_positive) - 1

    @property
    def covariance(self) -> np.ndarray:
        """Covariance (k, k), rows + columns - pairs, with negative eigenvalues set to zero.

        The difference of three positive semi-definite matrices need not be one itself (Cameron,
        Gelbach, Miller 2011). :meth:`contrast` is safer for a single question.
        """
        values, vectors = np.linalg.eigh(self.by_row + self.by_column - self.by_pair)
        return (vectors * np.clip(values, 0.0, None)) @ vectors.T

    @property
    def se(self) -> np.ndarray:
        """Standard errors (k,), each never below the larger of the two one-way ones."""
        parts = [np.diag(part) for part in (self.by_row, self.by_column, self.by_pair)]
        return np.sqrt(_never_below_one_way(*parts))

    def contrast(self, weights: np.ndarray) -> Contrast:
        """Return sum_k w_k AUROC_k with its standard error."""
        weights = np.asarray(weights, dtype=np.float64)
        if weights.shape != self.auroc.shape:
            raise ParameterError(f"{weights.size} weights for {self.auroc.size} AUROCs")
        parts = [weights @ part @ weights for part in (self.by_row, self.by_column, self.by_pair)]
        se = float(np.sqrt(_never_below_one_way(*parts)))
        return Contrast(float(weights @ self.auroc), se, self.df)

    def counts(self) -> dict:
        """Return the counts that stand beside every result."""
        return {
            "n_pairs": self.n_pairs,
            "n_positive": self.n_positive,
            "n_tfs_with_positive": self.n_tfs_with_positive,
            "n_targets_with_positive": self.n_targets_with_positive,
        }

    def too_few(self) -> NotEstimable | None:
        """Return why there is no standard error, or None when there are enough units."""
        tfs, targets = self.n_tfs_with_positive, self.n_targets_with_positive
        if min(tfs, targets) >= MIN_UNITS:
            return None
        return NotEstimable(
            f"{tfs} TFs and {targets} targets with a positive; at least {MIN_UNITS} of each needed"
        )

    def difference(self, weights: np.ndarray, level: float = 0.95) -> Outcome | NotEstimable:
        """Test sum_k w_k AUROC_k = 0, two-sided, by t with :attr:`df` degrees of freedom.

        ``detail`` has se, df, the counts, and mde: the smallest true value that would be found
        with power 0.8.
        """
        if (reason := self.too_few()) is not None:
            return reason
        found = self.contrast(weights)
        if found.se <= 1e-10:
            return NotEstimable("the scores rank the pairs alike; their difference has no variance")
        low, high = found.interval(level)
        return Outcome(
            estimate=found.value,
            p=float(2 * stats.t.sf(abs(found.value) / found.se, found.df)),
            sides="two",
            test="t, TF x target standard error",
            null="equal AUROC",
            unit=UNIT,
            n_units=found.df + 1,
            low=low,
            high=high,
            level=level,
            detail=self.counts()
            | {"se": found.se, "df": found.df, "mde": smallest_effect(found.se, found.df, level)},
        )

    def equivalent(self, to: float, margin: float, alpha: float = 0.05) -> Outcome | NotEstimable:
        """Test that the first AUROC lies within `margin` of `to`, by two one-sided t tests.

        ``detail`` has, besides what :meth:`difference` gives, ``to``, ``margin``, the power if the
        truth were `to`, and as ``mde`` the smallest margin that such a truth would be shown to
        keep with power 0.8.
        """
        if (reason := self.too_few()) is not None:
            return reason
        se = float(self.se[0])
        if se <= 1e-10:
            return NotEstimable("the score does not vary, so its AUROC has no standard error")
        found = tost(self.auroc[0], se, to - margin, to + margin, self.df, alpha, UNIT, self.df + 1)
        within = stats.t.ppf(1 - alpha, self.df) + stats.t.ppf((1 + POWER) / 2, self.df)
        more = {"to": float(to), "margin": float(margin), "df": self.df, "mde": float(within * se)}
        return Outcome(
            **{
                **vars(found),
                "null": "outside the margin around the null's mean",
                "detail": self.counts() | found.detail | more,
            }
        )


def smallest_effect(
    se: float, df: float = np.inf, level: float = 0.95, sides: str = "two", power: float = POWER
) -> float:
    r"""Return the smallest true effect that a test of this standard error finds with `power`.

    .. math:: \delta = (t_{1-\alpha/s} + t_{power})\, SE

    with s = 2 for two-sided tests; the standard error is taken as known.

    Examples
    --------
    >>> round(smallest_effect(0.02), 3)
    0.056
    """
    tail = (1 - level) / (2 if sides == "two" else 1)
    return float((stats.t.ppf(1 - tail, df) + stats.t.ppf(power, df)) * se)


def influences(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return AUROCs (k,) and the influence of every pair on each, (k, n).

    .. math:: \psi = (V_{10} - A)/n_1 \text{ for a positive, } (V_{01} - A)/n_0 \text{ otherwise}

    with DeLong's placements V; the influences of a score sum to zero.
    """
    n_positive = int(labels.sum())
    weight = np.where(labels, 1.0 / n_positive, 1.0 / (labels.size - n_positive))
    auroc, psi = np.empty(len(scores)), np.empty(scores.shape)
    for k, row in enumerate(scores):
        psi[k] = shares_beaten(row, labels)
        auroc[k] = psi[k, labels].mean()
        psi[k] = (psi[k] - auroc[k]) * weight
    return auroc, psi


def crossed_auroc(
    scores: np.ndarray, labels: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> CrossedAuroc | NotEstimable:
    r"""Return AUROCs of k scores with their two-way (row x column) covariance.

    .. math:: \widehat{\mathrm{var}} = \tfrac{T}{T-1}\sum_i a_i^2 + \tfrac{G}{G-1}\sum_j b_j^2
              - \sum_{ij}\psi_{ij}^2

    where a and b are the sums of the influences over rows and columns; never below the larger of
    the two one-way sums.

    Parameters
    ----------
    scores
        (n,) or (k, n) finite scores; larger means more likely positive.
    labels
        (n,) booleans.
    rows, columns
        (n,) names of the row (TF) and column (target) of every pair; no pair twice.

    Returns
    -------
    CrossedAuroc or NotEstimable
        Not estimable without positives or without negatives.

    References
    ----------
    Obuchowski NA (1997), Biometrics 53:567-578; Cameron AC, Gelbach JB, Miller DL (2011),
    J Bus Econ Stat 29:238-249; DeLong ER et al. (1988), Biometrics 44:837-845.

    Examples
    --------
    >>> import numpy as np
    >>> rows, columns = np.divmod(np.arange(200), 20)
    >>> found = crossed_auroc(np.arange(200.0), np.arange(200) % 7 == 0, rows, columns)
    >>> found.auroc.round(3), found.df
    (array([0.491]), 9)
    """
    scores = score_matrix(scores)
    n = scores.shape[1]
    labels = label_vector(labels, n)
    row_names, row = cluster_codes(rows, n)
    column_names, column = cluster_codes(columns, n)
    if np.unique(row * column_names.size + column).size < n:
        raise ParameterError("a pair of row and column stands twice")
    if (reason := both_classes(labels)) is not None:
        return reason
    auroc, psi = influences(scores, labels)
    return CrossedAuroc(
        np.clip(auroc, 0.0, 1.0),
        _cross_products(psi, row, row_names.size),
        _cross_products(psi, column, column_names.size),
        psi @ psi.T,
        n,
        int(labels.sum()),
        np.unique(row[labels]).size,
        np.unique(column[labels]).size,
    )


def pigeonhole_draws(
    scores: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 1000,
) -> np.ndarray | NotEstimable:
    """Return bootstrap draws (n_boot, k) that resample rows and columns independently.

    A pair counts as often as its row times its column was drawn (Owen 2007, Ann Appl Stat
    1:386-411). The draws spread somewhat too widely, never too little: a check on the closed form.
    A draw without positives or negatives is NaN.
    """
    scores = score_matrix(scores)
    labels = label_vector(labels, scores.shape[1])
    if (reason := both_classes(labels)) is not None:
        return reason
    row_names, row = cluster_codes(rows, labels.size)
    column_names, column = cluster_codes(columns, labels.size)
    sorted_once = presort(scores, labels)
    by_row = cluster_counts(row_names.size, rng, n_boot)
    by_column = cluster_counts(column_names.size, rng, n_boot)
    draws = [
        sorted_once.weighted(by_row[b : b + 64, row] * by_column[b : b + 64, column])
        for b in range(0, n_boot, 64)  # as many at once as the kernel takes
    ]
    return np.concatenate(draws)


def _cross_products(psi: np.ndarray, codes: np.ndarray, n_groups: int) -> np.ndarray:
    """Return n / (n - 1) S S' of the group sums S (k, groups); zero where there is one group."""
    sums = np.stack([np.bincount(codes, weights=one, minlength=n_groups) for one in psi])
    # The influences of one single group sum to zero, whatever the correction.
    return sums @ sums.T * (n_groups / max(n_groups - 1, 1))


def _never_below_one_way(by_row, by_column, by_pair):
    return np.maximum(np.maximum(by_row, by_column), by_row + by_column - by_pair)
