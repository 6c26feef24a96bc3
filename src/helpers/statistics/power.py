"""How many units a question needs, and the smallest effect that given units find.

The half width of an interval equals a margin long before a test finds anything there: a true effect
as large as the critical value is found half of the time, and equivalence, whose interval must lie
inside the margin on both sides, almost never. Planning takes the power with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from helpers.errors import ParameterError
from helpers.statistics.crossed import POWER

ALPHA = 0.05
MOST = 10_000_000


def units_for_equivalence(
    margin: float, se: float, n_units: int, alpha: float = 0.05, power: float = POWER
) -> int:
    r"""Return how many units two one-sided tests need, if the truth is the middle of the margins.

    .. math:: (t_{1-\alpha} + t_{(1 + power)/2})\, SE \le margin

    With many units that is 3.2 times the number at which the half width of the interval of level
    1 - 2 alpha equals the margin.

    Examples
    --------
    >>> units_for_equivalence(0.05, 0.0275, 89)
    233
    """

    def needs(n: int) -> float:
        return float(stats.t.ppf(1 - alpha, n - 1) + stats.t.ppf((1 + power) / 2, n - 1))

    return _smallest(needs, margin, se, n_units)


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


def _smallest(needs: Callable[[int], float], effect: float, se: float, n_units: int) -> int:
    """Return the smallest n >= 2 with needs(n) se sqrt(n_units / n) <= effect, by bisection."""
    if not effect > 0 or not se > 0 or n_units < 2:
        raise ParameterError(f"effect {effect}, standard error {se}, {n_units} units: all positive")

    def enough(n: int) -> bool:
        return needs(n) * se * np.sqrt(n_units / n) <= effect

    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > MOST:
            raise ParameterError(f"more than {MOST} units needed for an effect of {effect}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
