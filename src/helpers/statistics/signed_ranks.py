"""Wilcoxon's signed-rank test of paired differences, with the smallest p that it can give."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.estimates import NotEstimable
from helpers.statistics.results import Outcome


def signed_rank_test(
    difference: np.ndarray, sides: str, unit: str, null: str = "no difference"
) -> Outcome | NotEstimable:
    """Test paired differences by Wilcoxon's signed ranks; the estimate is their mean.

    Fewer than 3 differences, or none that differs from zero: not estimable.
    """
    difference = np.asarray(difference, dtype=float)
    if difference.size < 3:
        return NotEstimable(f"{difference.size} paired {unit}s; at least 3 needed")
    if not np.any(np.abs(difference) > 1e-12):
        return NotEstimable("every paired difference is zero; signed ranks do not exist")
    # 1e-12: F1 values of equal hits may differ in the last bit
    rounded = np.round(difference, 12)
    return Outcome(
        estimate=float(difference.mean()),
        p=_p(rounded[rounded != 0], rounded, sides),
        sides=sides,
        test="Wilcoxon signed rank",
        null=null,
        unit=unit,
        n_units=difference.size,
        p_floor=_smallest_p(int((np.abs(difference) > 1e-12).sum()), sides),
        detail={"zero_differences": int((np.abs(difference) <= 1e-12).sum())},
    )


def _p(kept: np.ndarray, difference: np.ndarray, sides: str) -> float:
    """Return p; all signs at once where scipy would go through them one by one."""
    if difference.size > 13 or np.unique(np.abs(difference)).size == difference.size == kept.size:
        how = "greater" if sides == "one" else "two-sided"
        return float(stats.wilcoxon(difference, alternative=how).pvalue)
    ranks = stats.rankdata(np.abs(kept))
    positive = np.arange(2**kept.size)[:, None] >> np.arange(kept.size) & 1
    null, observed = positive @ ranks, ranks[kept > 0].sum()
    above, below = np.mean(null >= observed), np.mean(null <= observed)
    return float(above if sides == "one" else min(1.0, 2 * min(above, below)))


def _smallest_p(n: int, sides: str) -> float:
    """Return a bound below every p of the signed-rank test of n differences: exact, or normal.

    The normal approximation, used where ties occur, is smallest when all differences are tied.
    """
    variance = n * (n + 1) * (2 * n + 1) / 24 - (n**3 - n) / 48
    tied = float(stats.norm.sf(n * (n + 1) / 4 / np.sqrt(variance)))
    return min(1.0, (1 if sides == "one" else 2) * min(0.5**n, tied))
