"""What a published list of p values allows when some of its rows are lost."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from helpers.errors import ParameterError
from helpers.statistics.multiplicity import adjust, adjust_bounds

ROUNDING = 1e-12
"""Slack for p values that stand exactly on a threshold."""


def q_range(
    low: np.ndarray, high: np.ndarray, missing: int, silent: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and largest BH-adjusted p of each known row.

    BH-adjusted values never fall when a p rises, so setting every unknown p to 0 and then to 1
    gives the exact range over all completions.

    Parameters
    ----------
    low, high
        Bounds of the known p values.
    missing
        Rows that were lost: their p may be anything in [0, 1].
    silent
        Rows without a p that nevertheless count in m (intervals, descriptions); they enter as 1.
    """
    if missing < 0 or silent < 0:
        raise ParameterError("numbers of rows must not be negative")
    known = len(low)
    low = np.concatenate([low, np.zeros(missing), np.ones(silent)])
    high = np.concatenate([high, np.ones(missing), np.ones(silent)])
    below, above = adjust_bounds(low, high, "bh")
    return below[:known], above[:known]


@dataclass(frozen=True)
class Completions:
    """The completions of a list that agree with a printed number of significant tests.

    Parameters
    ----------
    n_significant
        Possible numbers of significant tests over all completions, increasing.
    low, high
        Range of each known row's adjusted p over the completions with the printed number; empty
        when there is none.
    unknown_significant
        How many of the lost rows can be significant in those completions, increasing.
    """

    n_significant: tuple[int, ...]
    low: np.ndarray
    high: np.ndarray
    unknown_significant: tuple[int, ...]

    @property
    def possible(self) -> bool:
        """Whether any completion gives the printed number."""
        return len(self.low) > 0


def completions(
    p: np.ndarray, missing: int, printed: int, *, silent: int = 0, alpha: float = 0.05
) -> Completions:
    """Try all completions of the lost rows on the grid where BH can change.

    Parameters
    ----------
    p
        Known p values; bounded ones at their upper end.
    missing, silent
        As in `q_range`.
    printed
        Printed number of significant tests.
    alpha
        Level of the printed calls.

    Notes
    -----
    The number of calls changes only where an unknown p crosses a threshold alpha j / m with j
    between the smallest and the largest possible number of calls. Between thresholds every adjusted
    p is non-decreasing in the unknown ones, so its range is reached at the ends of these intervals:
    the grid is 0, 1, each such threshold, and the next number above it. Lost rows are alike, so
    their order does not matter.
    """
    m = len(p) + missing + silent
    fixed = np.concatenate([p, np.ones(silent)])
    ends = _adjust_rows(fixed, np.array([[1.0] * missing, [0.0] * missing]))
    fewest, most = (ends <= alpha * (1 + ROUNDING)).sum(axis=1)
    thresholds = alpha * np.arange(max(fewest, 1), most + 1) / m
    grid = np.unique(np.concatenate([[0.0, 1.0], thresholds, thresholds * (1 + 1e-9)]))
    numbers: set[int] = set()
    inside: set[int] = set()
    low, high = np.full(len(p), np.inf), np.full(len(p), -np.inf)
    draws = itertools.combinations_with_replacement(grid, missing)
    for chunk in iter(lambda: list(itertools.islice(draws, 50_000)), []):
        unknown = np.array(chunk, dtype=float).reshape(len(chunk), missing)
        q = _adjust_rows(fixed, unknown)
        counts = (q <= alpha * (1 + ROUNDING)).sum(axis=1)
        numbers.update(counts.tolist())
        if len(fitting := q[counts == printed]):
            low = np.minimum(low, fitting[:, : len(p)].min(axis=0))
            high = np.maximum(high, fitting[:, : len(p)].max(axis=0))
            inside.update((fitting[:, len(fixed) :] <= alpha * (1 + ROUNDING)).sum(axis=1).tolist())
    found = bool(inside)
    empty = np.empty(0)
    return Completions(
        tuple(sorted(numbers)),
        low if found else empty,
        high if found else empty,
        tuple(sorted(inside)),
    )


def _adjust_rows(fixed: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Return BH-adjusted p of every completion at once, (completions, fixed + unknown)."""
    together = np.concatenate([np.broadcast_to(fixed, (len(unknown), len(fixed))), unknown], axis=1)
    order = np.argsort(together, axis=1, kind="stable")
    m = together.shape[1]
    steps = np.take_along_axis(together, order, axis=1) * m / np.arange(1, m + 1)
    steps = np.minimum(np.minimum.accumulate(steps[:, ::-1], axis=1)[:, ::-1], 1.0)
    q = np.empty_like(steps)
    np.put_along_axis(q, order, steps, axis=1)
    return q


def smallest_m(p: np.ndarray, index: int, alpha: float = 0.05, limit: int = 1000) -> int | None:
    """Return the smallest number of tests m at which row `index` stops being significant.

    Rows beyond the given ones are added with p = 1. ``None`` if `limit` is reached first.
    """
    for m in range(len(p), limit + 1):
        if adjust(np.concatenate([p, np.ones(m - len(p))]), "bh")[index] > alpha:
            return m
    return None
