"""AUROC of pairs that share rows and columns: two-way (TF x target) standard errors and tests.

The pairs of one TF are dependent, and so are the pairs of one target: a prominent gene is attended
to by every TF, and a few targets hold many of the positives of a network. Clustering on TFs alone
takes targets as fixed and makes intervals too short. Here the AUROC without each row and without
each column is compared with the AUROC of all pairs, and both kinds of change count.

Three choices matter where few hubs hold many positives; without them the 95 % intervals of
differences cover 0.89 under relabelled genes (shipped models with TRRUST and DoRothEA): exact
leave-one-out changes instead of linear influences, the product of the changes of a gene that is row
and column, and degrees of freedom that fall with the concentration of the changes, and of the
positives, in few genes. ``tests/calibration`` measures what they cover with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics import auroc_kernels as kernels
from helpers.statistics.checks import both_classes, cluster_codes, label_vector, score_matrix
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
    df: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return value -+ t(df) se."""
        half = stats.t.ppf((1 + level) / 2, self.df) * self.se
        return self.value - half, self.value + half


@dataclass(frozen=True)
class CrossedAuroc:
    """AUROCs of k scores on the same pairs, and what each row, column and pair does to them.

    Parameters
    ----------
    auroc
        (k,) values.
    without_row, without_column
        (k, T) and (k, G): AUROC without a row (column) minus AUROC, times sqrt((n - 1) / n), so
        that sums of squares are jackknife variances.
    same_gene
        (T,) column of the gene that is also a row, -1 where it is none.
    by_pair
        (k, k) cross products of the influences of single pairs.
    n_pairs, n_positive, n_tfs_with_positive, n_targets_with_positive
        Counts.
    effective_units
        The smaller effective number of TFs, or targets, with a positive (`effective_units`).
    """

    auroc: np.ndarray
    without_row: np.ndarray
    without_column: np.ndarray
    same_gene: np.ndarray
    by_pair: np.ndarray
    n_pairs: int
    n_positive: int
    n_tfs_with_positive: int
    n_targets_with_positive: int
    effective_units: float

    @property
    def covariance(self) -> np.ndarray:
        """Covariance (k, k), rows + columns + both roles - pairs, negative eigenvalues set to zero.

        The difference of positive semi-definite matrices need not be one itself (Cameron, Gelbach,
        Miller 2011). :meth:`contrast` is safer for a single question.
        """
        rows, columns, roles = self._parts()
        values, vectors = np.linalg.eigh(rows + columns + roles - self.by_pair)
        return (vectors * np.clip(values, 0.0, None)) @ vectors.T

    @property
    def contrasts(self) -> list[Contrast]:
        """Each AUROC with its standard error."""
        return [self.contrast(one) for one in np.eye(self.auroc.size)]

    def contrast(self, weights: np.ndarray) -> Contrast:
        """Return sum_k w_k AUROC_k with its standard error, never below the larger one-way one."""
        weights = np.asarray(weights, dtype=np.float64)
        if weights.shape != self.auroc.shape:
            raise ParameterError(f"{weights.size} weights for {self.auroc.size} AUROCs")
        row, column = weights @ self.without_row, weights @ self.without_column
        both = self.same_gene >= 0
        roles = 2 * row[both] @ column[self.same_gene[both]]
        by_row, by_column, by_pair = row @ row, column @ column, weights @ self.by_pair @ weights
        two_way = by_row + by_column - by_pair
        variance = max(by_row, by_column, two_way, two_way + roles)
        df = max(
            1.0, min(self.effective_units - 1, satterthwaite_df(row), satterthwaite_df(column))
        )
        return Contrast(float(weights @ self.auroc), float(np.sqrt(variance)), float(df))

    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        both = self.same_gene >= 0
        roles = self.without_row[:, both] @ self.without_column[:, self.same_gene[both]].T
        rows = self.without_row @ self.without_row.T
        return rows, self.without_column @ self.without_column.T, roles + roles.T

    def counts(self) -> dict:
        """Return the counts that stand beside every result."""
        return {
            "n_pairs": self.n_pairs,
            "n_positive": self.n_positive,
            "n_tfs_with_positive": self.n_tfs_with_positive,
            "n_targets_with_positive": self.n_targets_with_positive,
        }

    @property
    def n_units(self) -> int:
        """The smaller number of TFs, or targets, with a positive."""
        return min(self.n_tfs_with_positive, self.n_targets_with_positive)

    def too_few(self) -> NotEstimable | None:
        """Return why there is no standard error, or None when there are enough units."""
        if self.n_units >= MIN_UNITS:
            return None
        tfs, targets = self.n_tfs_with_positive, self.n_targets_with_positive
        return NotEstimable(
            f"{tfs} TFs and {targets} targets with a positive; at least {MIN_UNITS} of each needed"
        )

    def difference(self, weights: np.ndarray, level: float = 0.95) -> Outcome | NotEstimable:
        """Test sum_k w_k AUROC_k = 0, two-sided, by t.

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
            n_units=self.n_units,
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
        own = self.contrast(np.eye(self.auroc.size)[0])
        if own.se <= 1e-10:
            return NotEstimable("the score does not vary, so its AUROC has no standard error")
        limits = (to - margin, to + margin)
        found = tost(own.value, own.se, *limits, own.df, alpha, UNIT, self.n_units)
        within = stats.t.ppf(1 - alpha, own.df) + stats.t.ppf((1 + POWER) / 2, own.df)
        more = {"to": float(to), "margin": float(margin), "df": own.df}
        more["mde"] = float(within * own.se)
        detail = self.counts() | found.detail | more
        return replace(found, null="outside the margin around the null's mean", detail=detail)


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


def crossed_auroc(
    scores: np.ndarray, labels: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> CrossedAuroc | NotEstimable:
    r"""Return AUROCs of k scores with their two-way (row x column) covariance.

    .. math:: \widehat{\mathrm{var}} = \tfrac{T-1}{T}\sum_i (A_{(i)} - A)^2
              + \tfrac{G-1}{G}\sum_j (A_{(j)} - A)^2 - \sum_{ij}\psi_{ij}^2

    where A(i) is the AUROC without row i, A(j) without column j, and :math:`\psi` the influence of
    a pair, (V - A) / n of its class with DeLong's placement V; to this comes twice the product of
    both changes for every gene that is a row and a column. To first order the changes are sums of
    influences, and the formula that of Obuchowski (1997). Never below the larger one-way sum.

    Degrees of freedom: the smaller effective number of units with a positive minus one
    (`effective_units`), or Satterthwaite's :math:`3 (\sum c^2)^2 / \sum c^4` of the changes c over
    rows or columns, whichever is least.

    Parameters
    ----------
    scores
        (n,) or (k, n) finite scores; larger means more likely positive.
    labels
        (n,) booleans.
    rows, columns
        (n,) names of the row (TF) and column (target) of every pair; no pair twice. A name that
        stands in both is one gene in two roles.

    Returns
    -------
    CrossedAuroc or NotEstimable
        Not estimable without positives or without negatives.

    References
    ----------
    Obuchowski NA (1997), Biometrics 53:567-578; Cameron AC, Gelbach JB, Miller DL (2011),
    J Bus Econ Stat 29:238-249; DeLong ER et al. (1988), Biometrics 44:837-845. Leaving out units:
    MacKinnon JG, Nielsen MO, Webb MD (2023), J Econometrics 232:272-299; genes in two roles:
    Aronow PM, Samii C, Assenova VA (2015), Polit Anal 23:564-577; effective numbers: Carter AV,
    Schnepel KT, Steigerwald DG (2017), Rev Econ Stat 99:698-709.

    Examples
    --------
    >>> import numpy as np
    >>> rows, columns = np.divmod(np.arange(200), 20)
    >>> found = crossed_auroc(np.arange(200.0), np.arange(200) % 7 == 0, rows, columns)
    >>> found.auroc.round(3), found.n_units
    (array([0.491]), 10)
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
    n_positive = int(labels.sum())
    n_other = np.where(labels, n - n_positive, n_positive).astype(np.float64)
    groups = [_Groups(row, row_names.size, labels), _Groups(column, column_names.size, labels)]
    auroc, psi = np.empty(len(scores)), np.empty(scores.shape)
    changes = [np.empty((len(scores), group.size)) for group in groups]
    for k, score in enumerate(scores):
        order = np.argsort(score, kind="stable")
        last = kernels.tie_ends(score[order])
        share = kernels.placements(order, last, labels)
        auroc[k] = share[labels].mean()
        psi[k] = (share - auroc[k]) / (n - n_other)
        for change, group in zip(changes, groups, strict=True):
            change[k] = group.changes(auroc[k], share * n_other, psi[k], order, last)
    place = np.searchsorted(column_names, row_names).clip(max=column_names.size - 1)
    return CrossedAuroc(
        np.clip(auroc, 0.0, 1.0),
        *changes,
        np.where(column_names[place] == row_names, place, -1),
        psi @ psi.T,
        n,
        n_positive,
        np.unique(row[labels]).size,
        np.unique(column[labels]).size,
        min(effective_units(row[labels]), effective_units(column[labels])),
    )


class _Groups:
    """Rows, or columns, as the units that are left out in turn."""

    def __init__(self, codes: np.ndarray, size: int, labels: np.ndarray) -> None:
        self.codes, self.size, self.labels = codes, size, labels
        positives = np.bincount(codes, weights=labels, minlength=size)
        negatives = np.bincount(codes, minlength=size) - positives
        self.left = (positives.sum() - positives) * (negatives.sum() - negatives)
        self.comparisons = float(positives.sum() * negatives.sum())

    def changes(self, auroc, wins, psi, order, last) -> np.ndarray:
        """Return (AUROC without a unit - AUROC) sqrt((n - 1) / n) for every unit."""
        total = np.bincount(self.codes, weights=wins, minlength=self.size)
        # Wins inside a unit are in its positives' and in its negatives' sums: given back once.
        inside = kernels.wins_inside(order, last, self.labels, self.codes, self.size)
        kept = auroc * self.comparisons - total + inside
        # A unit with all of a class leaves no AUROC; its first-order influence stands in.
        linear = -np.bincount(self.codes, weights=psi, minlength=self.size)
        without = np.where(self.left > 0, kept / np.maximum(self.left, 1) - auroc, linear)
        return without * np.sqrt((self.size - 1) / self.size)


def effective_units(names: np.ndarray) -> float:
    """Return (sum n)^2 / sum n^2 of the numbers n of values per unit: all units only if n is even.

    Examples
    --------
    >>> effective_units(["a", "a", "b", "b"]), effective_units(["a", "a", "a", "b"])
    (2.0, 1.6)
    """
    n = np.unique(names, return_counts=True)[1].astype(np.float64)
    return float(n.sum() ** 2 / (n**2).sum())


def satterthwaite_df(changes: np.ndarray) -> float:
    """Return the degrees of freedom of a sum of squares of unequal normal terms."""
    fourth = (changes**4).sum()
    return np.inf if fourth == 0 else float(3 * (changes**2).sum() ** 2 / fourth)
