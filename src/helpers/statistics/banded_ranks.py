"""Rank correlation of two profiles when only components of equal depth are exchangeable.

Two profiles that both fade with depth correlate whatever the components do. Here values are
permuted only within bands of components at the same depth; with small bands every arrangement
can be counted, because each band adds its own term to the correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy.stats import rankdata
from sklearn.isotonic import IsotonicRegression

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable

LEAST_ARRANGEMENTS = 20
SLACK = 1e-9


@dataclass(frozen=True)
class BandedTest:
    """Agreement of two profiles beyond depth, one-sided.

    Parameters
    ----------
    statistic
        Correlation of ranks (of what is left of them after the depth fit, if one was removed).
    p_exact, p_drawn
        Share of arrangements at or above the statistic, counted and drawn.
    floor
        Smallest p that the arrangements allow.
    arrangements
        Number of arrangements.
    """

    statistic: float
    p_exact: float
    p_drawn: float
    floor: float
    arrangements: int


def depth_residuals(values: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Return ranks minus their best monotone fit on depth (rising or falling, by least squares)."""
    ranks = rankdata(values)
    fits = [IsotonicRegression(increasing=up).fit_transform(depth, ranks) for up in (True, False)]
    return min((ranks - fit for fit in fits), key=lambda rest: float(rest @ rest))


def banded_test(
    first: np.ndarray,
    second: np.ndarray,
    bands: np.ndarray,
    *,
    draws: int,
    rng: np.random.Generator,
    detrend: np.ndarray | None = None,
) -> BandedTest | NotEstimable:
    """Test whether two profiles agree within bands.

    Parameters
    ----------
    first, second
        Values of the same components in two conditions.
    bands
        Band of each component; values of `second` are permuted within bands.
    draws, rng
        Monte-Carlo draws that accompany the count.
    detrend
        Depth of each component, if a monotone depth fit is to be removed from the ranks first
        (needed where bands span several depths).

    Raises
    ------
    ParameterError
        If all values of a profile are zero: the components cannot act at all.
    """
    first, second, bands = map(np.asarray, (first, second, bands))
    for values in (first, second):
        if not np.any(values):
            raise ParameterError("All effects are zero: a structural zero, nothing to correlate.")
    if detrend is None:
        a, b = rankdata(first), rankdata(second)
    else:
        a, b = depth_residuals(first, detrend), depth_residuals(second, detrend)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    if scale < SLACK:
        return NotEstimable("depth explains all ranks; nothing is left to correlate")
    groups = [np.flatnonzero(bands == band) for band in np.unique(bands)]
    sums = np.zeros(1)
    for group in groups:
        if group.size > 6:
            return NotEstimable(f"a band of {group.size} components has too many arrangements")
        terms = [a[group] @ b[list(order)] for order in permutations(group)]
        sums = np.add.outer(sums, terms).ravel()
        if sums.size > 2_000_000:
            return NotEstimable("too many arrangements to count; use smaller bands")
    if sums.size < LEAST_ARRANGEMENTS:
        return NotEstimable(f"{sums.size} arrangements; at least {LEAST_ARRANGEMENTS} needed")
    observed = float(a @ b)
    drawn = sum(
        (a[group] * b[group[rng.random((draws, group.size)).argsort(1, kind="stable")]]).sum(1)
        for group in groups
    )
    slack = SLACK * max(1.0, scale)
    return BandedTest(
        statistic=observed / scale,
        p_exact=float((sums >= observed - slack).mean()),
        p_drawn=(1 + int((drawn >= observed - slack).sum())) / (1 + draws),
        floor=float((sums >= sums.max() - slack).mean()),
        arrangements=int(sums.size),
    )
