r"""Expected share of the largest of several independent magnitudes, by numerical integration.

With magnitudes :math:`x_1, \dots, x_N`, their total :math:`S` and the sum :math:`T` of the k
largest, :math:`1/S = \int_0^\infty e^{-sS} ds` turns the expectation of the ratio into

.. math::

    E[T/S] = \int_0^\infty E[T e^{-sS}]\, ds ,

and conditioning on the largest of the magnitudes outside the top k makes the inner expectation a
coefficient of a polynomial: each other magnitude lies above it (factor z) or below.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.integrate import cumulative_trapezoid, trapezoid

from helpers.errors import ParameterError

POINTS = 200
"""Points of each logarithmic grid."""

REACH = 1e8
"""Ratio of the largest grid point to a typical magnitude, and of that to the smallest: with two
cells a mean has no variance, and shorter grids cut off what its tail contributes."""


def expected_top_share(
    density: Callable[[np.ndarray], np.ndarray], scale: float, k: int, points: int = POINTS
) -> float:
    """Return the expected share of the `k` largest of N independent positive magnitudes.

    Parameters
    ----------
    density
        Densities of the N magnitudes at given values: shape (m,) in, (N, m) out.
    scale
        A typical magnitude; both grids are centred on it.
    k
        Size of the top set, below N.
    points
        Points of each grid; with the default the error is below 0.001.

    Raises
    ------
    ParameterError
        If `k` is not below the number of magnitudes.
    """
    x = scale * np.geomspace(1 / REACH, REACH, points)
    s = np.geomspace(1 / REACH, REACH, points) / scale
    f = density(x)
    if not 0 < k < len(f):
        raise ParameterError(f"k = {k} is not between 1 and N - 1 = {len(f) - 1}; use such a k.")
    u = np.log(x)
    decay = np.exp(-s[:, None] * x)
    mass = f[:, None, :] * x * decay  # per unit of log x; shape (N, s, x)
    below = cumulative_trapezoid(mass, u, initial=0)
    above = below[..., -1:] - below
    first = cumulative_trapezoid(mass * x, u, initial=0)
    first = first[..., -1:] - first
    inner = _one_outside(above, first, below, mass, k)
    at_s = trapezoid(inner, u, axis=-1)
    return float(trapezoid(at_s * s, np.log(s)))


def _one_outside(above, first, below, mass, k: int) -> np.ndarray:
    """Return the sum over magnitudes as the largest outside the top k, per (s, log x).

    Magnitudes come one by one: coefficients of z, plain and weighted by the sum of those above,
    without (0) and with (1) one that is the largest outside.
    """
    count, weighted = np.zeros((2, 2, k + 1, *above.shape[1:]))
    count[0, 0] = 1
    for up, total, down, here in zip(above, first, below, mass, strict=True):
        for part, lifted in ((weighted, count[:, :-1] * total), (count, 0)):
            new = part * down
            new[1] += part[0] * here
            new[:, 1:] += part[:, :-1] * up + lifted
            part[...] = new
    return weighted[1, k]


def expected_noise_share(se: np.ndarray, n: np.ndarray, k: int) -> float:
    """Return the expected top-k share of means whose true values are all zero.

    The exact counterpart of drawing ``se * t(n - 1)`` with
    :func:`helpers.statistics.from_summaries.resample_means`.

    Parameters
    ----------
    se, n
        Standard errors (positive) and numbers of cells of the components, shape (N,).
    k
        Size of the top set.
    """
    se, n = np.asarray(se, dtype=float)[:, None], np.asarray(n, dtype=float)[:, None]
    return expected_top_share(
        lambda x: 2 * stats.t.pdf(x / se, n - 1) / se, float(np.median(se)), k
    )
