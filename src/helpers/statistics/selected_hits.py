r"""Expected number of false findings among the largest of several means, by integration.

A mean :math:`m_i \sim N(0, \sigma_i^2 / n_i)` is one of the k largest in size if at most k - 1
others exceed it, which is a Poisson-binomial event given its size; its interval
:math:`m_i \pm z s_i / \sqrt{n_i}` leaves zero out if the sample deviation :math:`s_i`, which is
independent of the mean, is small enough.
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.integrate import trapezoid

from helpers.errors import ParameterError

POINTS = 800
"""Points of the logarithmic grid of sizes of a mean."""

REACH, TAIL = 1e6, 9.0
"""The grid starts at the smallest standard error over REACH and ends at TAIL times the largest:
with two cells a tiny mean may still be found, beyond the end less than 1e-18 lies."""


def expected_selected_hits(sd: np.ndarray, n: np.ndarray, k: int, z: float = 1.959964) -> float:
    """Return how many of the `k` largest null means have an interval that leaves zero out.

    Parameters
    ----------
    sd, n
        True standard deviations of one cell and numbers of cells (at least 2), shape (N,).
    k
        How many of the means are selected by size, at most N.
    z
        Quantile of the interval; the default is the normal one of 95 %.

    Raises
    ------
    ParameterError
        If `k` is not between 1 and N, or a number of cells is below 2.
    """
    sd, n = np.asarray(sd, dtype=float), np.asarray(n, dtype=float)
    if not 1 <= k <= len(sd):
        raise ParameterError(f"k = {k} is not between 1 and N = {len(sd)}; use such a k.")
    if (n < 2).any():
        raise ParameterError("A mean of one cell has no deviation; give two cells or more.")
    se = (sd / np.sqrt(n))[:, None]
    x = np.geomspace(se.min() / REACH, TAIL * se.max(), POINTS)
    larger = 2 * stats.norm.sf(x / se)
    excluded = stats.chi2.cdf((n[:, None] - 1) * (x / (z * se)) ** 2, n[:, None] - 1)
    found = 2 * stats.norm.pdf(x / se) / se * excluded
    selected = [_at_most(np.delete(larger, row, axis=0), k - 1) for row in range(len(se))]
    return float(trapezoid((found * selected).sum(axis=0) * x, np.log(x)))


def drawn_selected_hits(
    sd: np.ndarray,
    n: np.ndarray,
    k: int,
    draws: int,
    rng: np.random.Generator,
    z: float = 1.959964,
) -> tuple[float, float]:
    """Monte-Carlo counterpart of `expected_selected_hits`, and the same count over all means.

    Parameters
    ----------
    sd, n, k, z
        As for `expected_selected_hits`.
    draws, rng
        Number of draws and source of randomness.

    Returns
    -------
    tuple
        Mean count among the `k` largest, and among all.
    """
    sd, n = np.asarray(sd, dtype=float), np.asarray(n, dtype=float)
    mean = rng.normal(size=(draws, sd.size)) * sd / np.sqrt(n)
    chi2 = rng.chisquare(n - 1, size=(draws, sd.size))
    hits = np.abs(mean) > z * sd * np.sqrt(chi2 / (n - 1)) / np.sqrt(n)
    largest = np.argsort(-np.abs(mean), axis=1, kind="stable")[:, :k]
    selected = np.take_along_axis(hits, largest, axis=1).sum(1).mean()
    return float(selected), float(hits.sum(1).mean())


def _at_most(probability: np.ndarray, k: int) -> np.ndarray:
    """Return the probability that at most k of the events (rows) happen, per column."""
    count = np.zeros((k + 1, probability.shape[1]))
    count[0] = 1
    for happens in probability:
        count[1:] = count[1:] * (1 - happens) + count[:-1] * happens
        count[0] *= 1 - happens
    return count.sum(axis=0)
