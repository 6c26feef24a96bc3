"""How many units a question needs, from the standard error that some units gave.

The half width of an interval equals a margin long before a test finds anything there: a true effect
as large as the critical value is found half of the time, and equivalence, whose interval must lie
inside the margin on both sides, almost never. Planning takes the power with it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.statistics.crossed import POWER, smallest_effect

MOST = 10_000_000


def units_to_find(
    effect: float,
    se: float,
    n_units: int,
    level: float = 0.95,
    sides: str = "two",
    power: float = POWER,
) -> int:
    """Return how many units a test needs to find `effect` with `power`.

    Parameters
    ----------
    effect
        True distance from the null, positive.
    se, n_units
        Standard error that `n_units` units gave; it shrinks with the root of their number.
    level, sides, power
        As in :func:`helpers.statistics.crossed.smallest_effect`.

    Examples
    --------
    >>> units_to_find(0.07, 0.0275, 89)
    110
    """

    def needs(n: int) -> float:
        return smallest_effect(1.0, n - 1, level, sides, power)

    return _smallest(needs, effect, se, n_units)


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
