"""Natural cubic splines: a smooth curve of one covariate as a few columns of a regression."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from helpers.errors import ParameterError

KNOTS = (0.05, 0.35, 0.65, 0.95)
"""Quantiles of the four knots (Harrell 2015, Regression Modeling Strategies, table 2.3)."""


def natural_cubic(values: np.ndarray, quantiles: tuple[float, ...] = KNOTS) -> np.ndarray:
    r"""Return a basis of natural cubic splines with knots at quantiles of the values.

    With knots :math:`t_1 < \dots < t_k` and :math:`x_+ = \max(x, 0)` the columns are x and, for
    j = 1 to k - 2,

    .. math:: \frac{1}{(t_k - t_1)^2} \Bigl[(x - t_j)_+^3
              - (x - t_{k-1})_+^3 \frac{t_k - t_j}{t_k - t_{k-1}}
              + (x - t_k)_+^3 \frac{t_{k-1} - t_j}{t_k - t_{k-1}}\Bigr]

    so that the curve is linear beyond the outer knots. A constant is not among them.

    Parameters
    ----------
    values
        (n,) finite values.
    quantiles
        Increasing shares of the values below each knot, at least 3.

    Returns
    -------
    ndarray
        (n, k - 1); only (n, 1), the values, where knots coincide because of ties.

    Examples
    --------
    >>> natural_cubic(np.arange(100.0)).shape
    (100, 3)
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ParameterError("a vector of finite values is expected")
    if len(quantiles) < 3 or (np.diff(quantiles) <= 0).any():
        raise ParameterError(f"quantiles {quantiles}: at least 3, increasing")
    knots = np.quantile(values, quantiles)
    if (np.diff(knots) <= 1e-12 * max(np.ptp(values), 1e-300)).any():
        return values[:, None]
    last = knots[-1] - knots[-2]
    cubes = np.maximum(values[:, None] - knots, 0.0) ** 3
    before, beyond = cubes[:, -2:-1], cubes[:, -1:]
    bent = cubes[:, :-2]
    bent = bent - before * (knots[-1] - knots[:-2]) / last
    bent = bent + beyond * (knots[-2] - knots[:-2]) / last
    return np.column_stack([values, bent / (knots[-1] - knots[0]) ** 2])


def unit_ranks(values: np.ndarray) -> np.ndarray:
    """Return mid-ranks with mean 0 and SD 1; zeros where all values are equal.

    Examples
    --------
    >>> unit_ranks([5.0, 9.0])
    array([-1.,  1.])
    """
    ranks = rankdata(values)
    return (ranks - ranks.mean()) / max(ranks.std(), 1e-12)
