"""The smallest effect that a test would have found with a given power, beside a non-rejection."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scipy import stats
from scipy.optimize import brentq

from helpers.errors import ParameterError

POWER = 0.8
ALPHA = 0.05


def t_test_mde(se: float, n: int, alpha: float = ALPHA, power: float = POWER) -> float:
    r"""Return the smallest true mean that a two-sided one-sample t test finds with `power`.

    Solves :math:`P(|T_{n-1}(\delta/se)| > t_{1-\alpha/2,n-1}) = power` for :math:`\delta`, with
    the noncentral t law.

    Parameters
    ----------
    se
        Standard error of the mean, positive.
    n
        Number of units, at least 2.
    alpha, power
        Level of the test and power asked for.

    Raises
    ------
    ParameterError
        If there are fewer than two units or no spread.

    Examples
    --------
    >>> round(t_test_mde(se=1.0, n=12), 2)
    3.08
    """
    if n < 2 or not se > 0:
        raise ParameterError(f"n = {n} and se = {se}: a t test needs two units and some spread")
    df = n - 1
    critical = stats.t.ppf(1 - alpha / 2, df)

    def short(effect: float) -> float:
        # The other tail is left out: at this power it holds less than 1e-5.
        return float(stats.nct.sf(critical, df, effect)) - power

    high = critical + 1.0
    while short(high) < 0:
        high *= 2
    return se * float(brentq(short, 1e-9, high))


def smallest_detected(
    power_at: Callable[[float], float], grid: Sequence[float], power: float = POWER
) -> float | None:
    """Return the first effect of an ascending grid whose power is at least `power`.

    The power is taken as non-decreasing, so the grid is bisected; ``None`` where even the last
    effect is found too seldom.

    Parameters
    ----------
    power_at
        Effect -> share of simulated data sets in which the test rejects.
    grid
        Effects, ascending.
    power
        Power asked for.
    """
    low, high = 0, len(grid)
    while low < high:
        middle = (low + high) // 2
        if power_at(grid[middle]) >= power:
            high = middle
        else:
            low = middle + 1
    return grid[low] if low < len(grid) else None
