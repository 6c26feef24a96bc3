"""What one check returns, and interval arithmetic on printed figures."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from papers.claims import Printed


@dataclass(frozen=True)
class Recomputed:
    """Recomputed interval against the printed one.

    Parameters
    ----------
    low, high
        Interval of values that the inputs allow, given their rounding.
    agrees
        Whether the printed figure is compatible with that interval.
    """

    low: float
    high: float
    agrees: bool


def overlap(low: float, high: float, target: Printed) -> Recomputed:
    """Compare a recomputed interval with the interval of a printed figure."""
    slack = 1e-9 * max(1.0, abs(low), abs(high) if high != float("inf") else 1.0)
    return Recomputed(low, high, low <= target.high + slack and high >= target.low - slack)


def spread(function: Callable[..., float], *figures: Printed) -> tuple[float, float]:
    """Return the range of a function, monotone in each argument, over rounding intervals.

    The extremes of such a function lie at corners of the box of intervals.
    """
    corners = itertools.product(*((figure.low, figure.high) for figure in figures))
    values = [function(*corner) for corner in corners]
    return min(values), max(values)
