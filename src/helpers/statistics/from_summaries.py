"""Tests and intervals from a mean, a standard deviation and a number of cells alone.

Archives keep these three numbers per component, not the cells. All functions work elementwise
on arrays; where n < 2 there is no spread and the result is missing (NaN inside the array, which
callers turn into ``NotEstimable``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class SummaryTest:
    """Interval and two-sided p of means against zero, elementwise.

    Parameters
    ----------
    low, high
        Limits of the interval.
    p
        Two-sided p value.
    """

    low: np.ndarray
    high: np.ndarray
    p: np.ndarray

    @property
    def excludes_zero(self) -> np.ndarray:
        """Where the interval leaves zero out; never where there is no interval."""
        return (self.low > 0) | (self.high < 0)


def mean_test(
    mean: np.ndarray, se: np.ndarray, n: np.ndarray, *, student: bool, level: float = 0.95
) -> SummaryTest:
    r"""Interval :math:`\bar x \pm q\,se` and p, with q from Student's t(n-1) or the normal.

    Parameters
    ----------
    mean, se, n
        Means, their standard errors, and numbers of cells, broadcastable.
    student
        Student's t with n - 1 degrees of freedom; ``False`` for the normal quantile 1.96, which
        is too small at the n of these archives (6.5-fold at n = 2).
    level
        Coverage aimed at.
    """
    mean, se, n = (np.asarray(x, dtype=float) for x in np.broadcast_arrays(mean, se, n))
    usable = (n >= 2) & (se > 0)
    freedom = np.where(usable, n - 1, np.nan)
    law = stats.t(freedom) if student else stats.norm()
    half = law.ppf(0.5 + level / 2) * np.where(usable, se, np.nan)
    z = np.divide(mean, se, out=np.full(mean.shape, np.nan), where=usable)
    return SummaryTest(mean - half, mean + half, 2 * law.sf(np.abs(z)))


def normal_noncoverage(n: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Return how often a normal interval at n cells misses the mean of normal cells.

    Closed form: ``2 * P(t(n-1) > z)`` with z the normal quantile, for n >= 2.
    """
    return 2 * stats.t(np.asarray(n) - 1).sf(stats.norm.ppf(0.5 + level / 2))


def top_share(values: np.ndarray, k: int) -> np.ndarray:
    """Return the share of the absolute total that the `k` largest entries of a row hold."""
    size = np.sort(np.abs(values), axis=-1)[..., ::-1]
    return size[..., :k].sum(-1) / size.sum(-1)


def chance_corrected_share(values: np.ndarray, k: int) -> np.ndarray:
    """Return ``(share - k/N) / (1 - k/N)``: 0 if all N entries are equal, 1 if k hold all."""
    even = k / values.shape[-1]
    return (top_share(values, k) - even) / (1 - even)


def effective_number(values: np.ndarray) -> np.ndarray:
    """Return exp(Shannon entropy) of the absolute shares: how many equal entries would do."""
    shares = np.abs(values) / np.abs(values).sum(-1, keepdims=True)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.exp(-(shares * logs).sum(-1))


def resample_means(
    mean: np.ndarray, se: np.ndarray, n: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw means from ``mean + se * t(n-1)``: a parametric bootstrap when cells are not kept.

    Returns
    -------
    numpy.ndarray
        Shape (draws, *mean.shape). Entries with ``se`` 0 or missing stay at their mean.
    """
    mean, se, n = (np.asarray(x, dtype=float) for x in np.broadcast_arrays(mean, se, n))
    spread = np.nan_to_num(se)
    freedom = np.maximum(n - 1, 1)
    return mean + spread * rng.standard_t(freedom, size=(draws, *mean.shape))
