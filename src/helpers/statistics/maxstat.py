"""Correction for picking the best of many scores by the distribution of their maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.errors import ParameterError
from helpers.statistics.checks import monte_carlo_p


@dataclass(frozen=True)
class MaxStatistic:
    """Adjusted p values of k statistics and the best one.

    Parameters
    ----------
    adjusted
        (k,) p values that control the family-wise error rate.
    best, best_p
        Number of the largest (standardised) statistic and its adjusted p.
    null_maxima
        (B,) largest statistic of each draw.
    p_floor
        1 / (1 + B).
    """

    adjusted: np.ndarray
    best: int
    best_p: float
    null_maxima: np.ndarray
    p_floor: float


def max_statistic(
    observed: np.ndarray,
    draws: np.ndarray,
    standardise: bool = True,
    step_down: bool = False,
) -> MaxStatistic:
    """Adjust k one-sided statistics for their maximum (Westfall, Young 1993, max-T).

    Parameters
    ----------
    observed
        (k,) statistics; large values speak against the null.
    draws
        (B, k) null draws, a row being one permutation for all k.
    standardise
        Divide by the null SD of each statistic, after taking away its null mean.
        A statistic whose null does not vary gets z = 0.
    step_down
        Step-down version, which is never less powerful.
    """
    observed = np.asarray(observed, dtype=np.float64)
    draws = np.asarray(draws, dtype=np.float64)
    if draws.ndim != 2 or draws.shape[1] != observed.size:
        raise ParameterError(f"draws of shape {draws.shape} for {observed.size} statistics")
    if standardise:
        mean, sd = draws.mean(axis=0), draws.std(axis=0, ddof=1)
        scale = np.where(sd > 0, sd, np.inf)
        observed, draws = (observed - mean) / scale, (draws - mean) / scale
    order = np.argsort(-observed, kind="stable")
    if step_down:
        maxima = np.maximum.accumulate(draws[:, order[::-1]], axis=1)[:, ::-1]
    else:
        maxima = np.repeat(draws.max(axis=1)[:, None], observed.size, axis=1)
    exceeding = (maxima >= observed[order] - 1e-12).sum(axis=0)
    adjusted = np.empty(observed.size)
    adjusted[order] = np.maximum.accumulate(monte_carlo_p(exceeding, len(draws)))
    best = int(order[0])
    return MaxStatistic(
        adjusted, best, float(adjusted[best]), draws.max(axis=1), 1.0 / (1 + len(draws))
    )
