"""Who moves first along an order of cells: correlations of binned series at every lag."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import stats
from scipy.ndimage import uniform_filter1d

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import one_of

LEAST_CELLS, LEAST_BINS = 200, 20
WEAK = 0.2
"""Size of the largest correlation below which a pair is said to be weak."""
CALLS = ("leads", "simultaneous", "target leads", "wrong sign", "weak")


def bin_means(
    values: np.ndarray, order: np.ndarray, n_bins: int = 50, equal: str = "count", window: int = 3
) -> np.ndarray | NotEstimable:
    """Return mean expression along an order of cells, smoothed, (genes, bins).

    Parameters
    ----------
    values
        (cells, genes) expression.
    order
        (cells,) pseudotime; cells where it is not finite are left out.
    n_bins
        Number of bins.
    equal
        ``count``: bins of equally many cells (cells of equal pseudotime stay together, bins that
        this leaves empty are dropped); ``width``: bins of equal width (empty ones are
        interpolated).
    window
        Bins of the running mean; 1 for none.

    Returns
    -------
    ndarray or NotEstimable
        Not estimable with fewer than 200 cells or 20 bins that hold one.

    Examples
    --------
    >>> time = np.arange(400.0)
    >>> bin_means(time[:, None], time, n_bins=20, window=1)[0, :3]
    array([ 9.5, 29.5, 49.5])
    """
    one_of("equal", equal, ("count", "width"))
    held = np.isfinite(order)
    values, order = np.asarray(values, float)[held], np.asarray(order, float)[held]
    if order.size < LEAST_CELLS:
        return NotEstimable(f"{order.size} cells with a pseudotime; {LEAST_CELLS} needed")
    spread = stats.rankdata(order) - 0.5 if equal == "count" else order - order.min()
    top = order.size if equal == "count" else max(float(np.ptp(order)), 1e-300)
    bins = np.minimum((spread / top * n_bins).astype(int), n_bins - 1)
    sizes = np.bincount(bins, minlength=n_bins)
    if (full := int((sizes > 0).sum())) < LEAST_BINS:
        return NotEstimable(f"{full} bins of pseudotime hold a cell; {LEAST_BINS} needed")
    sums = np.zeros((n_bins, values.shape[1]))
    np.add.at(sums, bins, values)
    used = np.flatnonzero(sizes)
    means = (sums[used] / sizes[used, None]).T
    if equal == "width":
        means = np.array([np.interp(np.arange(n_bins), used, row) for row in means])
    return uniform_filter1d(means, window, axis=1, mode="nearest")


def lagged_correlations(x: np.ndarray, y: np.ndarray, max_lag: int = 10) -> np.ndarray:
    """Return Pearson r of x at t and y at t + lag, over the t that both have.

    Parameters
    ----------
    x, y
        (n, bins) series of TFs and of targets, row by row.
    max_lag
        Lags -max_lag to max_lag; at a positive lag x moves first.

    Returns
    -------
    ndarray
        (2 max_lag + 1, n); 0 where a series is constant over the overlap.

    Raises
    ------
    ParameterError
        If the shapes differ, or fewer than 3 bins would overlap.

    Examples
    --------
    >>> x = np.sin(np.arange(30.0))[None]
    >>> int(lagged_correlations(x, np.roll(x, 2), 3).argmax()) - 3
    2
    """
    bins = x.shape[-1]
    if x.shape != y.shape or x.ndim != 2:
        raise ParameterError(f"series of shapes {x.shape} and {y.shape}; equal (n, bins) expected")
    if max_lag < 1 or bins - max_lag < 3:
        raise ParameterError(f"max_lag is {max_lag} with {bins} bins; 1 to {bins - 3} expected")
    return _lagged(*(np.ascontiguousarray(part, np.float64) for part in (x, y)), max_lag)


@njit(cache=True, nogil=True)
def _lagged(x, y, max_lag):  # pragma: no cover - compiled
    n, bins = x.shape
    found = np.zeros((2 * max_lag + 1, n))
    for i in range(n):
        for lag in range(-max_lag, max_lag + 1):
            a = x[i, max(0, -lag) : bins - max(0, lag)]
            b = y[i, max(0, lag) : bins - max(0, -lag)]
            of_a, of_b = a.mean(), b.mean()
            product, first, second = 0.0, 0.0, 0.0
            for t in range(a.size):
                product += (a[t] - of_a) * (b[t] - of_b)
                first += (a[t] - of_a) ** 2
                second += (b[t] - of_b) ** 2
            length = np.sqrt(first * second)
            if length > 1e-12:
                found[lag + max_lag, i] = min(1.0, max(-1.0, product / length))
    return found


def direction_score(r: np.ndarray, sign: np.ndarray | None = None) -> np.ndarray:
    r"""Return :math:`D=\frac1L\sum_{l>0}s\,r(l)-\frac1L\sum_{l<0}s\,r(l)` of every pair, (n,).

    Positive where x moves first. Exchanging x and y, or reversing the order of the bins, changes
    its sign and nothing else, so it lies symmetrically around 0 where neither moves first.

    Parameters
    ----------
    r
        (2 L + 1, n) from `lagged_correlations`.
    sign
        (n,) expected signs s of the correlation; without them its size :math:`|r(l)|` is taken.
    """
    strength = np.abs(r) if sign is None else r * np.asarray(sign)
    lags = len(r) // 2
    return strength[lags + 1 :].mean(axis=0) - strength[:lags].mean(axis=0)


def peak_lags(r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lag of the largest absolute correlation of every pair, and that correlation."""
    best = np.abs(r).argmax(axis=0)
    return best - len(r) // 2, np.take_along_axis(r, best[None], axis=0)[0]


def call_pairs(r: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Return which of `CALLS` each pair is, by the place and sign of its largest correlation.

    ``leads``: at a positive lag, with the expected sign (the criterion of paper A, section 2.9).
    The others fail, in this order: ``weak`` (size below 0.2), ``simultaneous`` (lag of at most 1
    bin), ``target leads`` (negative lag), ``wrong sign``.
    """
    lag, peak = peak_lags(r)
    leads = (lag > 0) & (np.sign(peak) == sign)
    failures = [np.abs(peak) < WEAK, np.abs(lag) <= 1, lag < 0]
    names = ["weak", "simultaneous", "target leads"]
    return np.where(leads, "leads", np.select(failures, names, "wrong sign"))


def shift_rows(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return series (n, bins), each moved in a circle by its own random number of bins, never 0."""
    bins = x.shape[1]
    moved = rng.integers(1, bins, size=len(x))
    return np.take_along_axis(x, (np.arange(bins) - moved[:, None]) % bins, axis=1)
