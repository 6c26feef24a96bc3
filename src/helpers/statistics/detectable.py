"""The smallest effect that a test would have found with a given power."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.statistics.results import Outcome

POWER = 0.8


def detectable_effect(outcome: Outcome, alpha: float = 0.05, power: float = POWER) -> float | None:
    r"""Return the distance from the null's value that the test finds with probability `power`.

    Parameters
    ----------
    outcome
        What the test found. ``detail["mde"]`` goes before everything else; ``detail["se"]`` (with
        ``detail["df"]``, else normal) gives :math:`(t_{1-a} + t_{power})\,se`, where *a* is alpha,
        halved for two sides; without either, the draws give their own critical value,
        :math:`q_{1-\alpha} + z_{power}\,sd`, both of the draws about their mean.
    alpha, power
        Level and power aimed at.

    Returns
    -------
    float or None
        In units of the statistic; ``None`` where nothing says how much the statistic scatters, and
        where no p of the test can reach `alpha`, so that no effect is ever found.

    Notes
    -----
    The effect is assumed to move the statistic without changing its spread.
    """
    detail = outcome.detail
    if outcome.p_floor > alpha:
        return None
    if detail.get("mde") is not None:
        return float(detail["mde"])
    tail = alpha / 2 if outcome.sides == "two" else alpha
    if detail.get("se"):
        law = stats.t(detail["df"]) if detail.get("df") else stats.norm
        return float((law.ppf(1 - tail) + law.ppf(power)) * detail["se"])
    if outcome.draws is None or np.size(outcome.draws) < 2:
        return None
    about = np.asarray(outcome.draws, dtype=np.float64) - np.mean(outcome.draws)
    sizes = np.abs(about) if outcome.sides == "two" else about
    return float(np.quantile(sizes, 1 - alpha) + stats.norm.ppf(power) * about.std())
