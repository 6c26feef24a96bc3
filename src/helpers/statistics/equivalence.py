"""Equivalence: two one-sided tests (TOST). A null finding needs one."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.results import Outcome


def tost(
    estimate: float,
    se: float,
    low: float,
    high: float,
    df: float = np.inf,
    alpha: float = 0.05,
    unit: str = "unit",
    n_units: int = 0,
) -> Outcome:
    """Test that a value lies inside (low, high); a small p says "equivalent".

    p is the larger of the two one-sided p values, and the interval has level 1 - 2 alpha
    (Schuirmann 1987, J Pharmacokinet Biopharm 15:657-680).

    Parameters
    ----------
    estimate, se
        Estimate and its standard error.
    low, high
        Margins on the scale of the estimate, for example 0.45 and 0.55 for an AUROC.
    df
        Degrees of freedom of the standard error; infinite for a normal reference.
    """
    if not low < high:
        raise ParameterError(f"margins ({low}, {high}) are not increasing")
    if not se > 0:
        raise ParameterError(f"standard error {se}; a positive one is needed")
    below, above = stats.t.sf((estimate - low) / se, df), stats.t.sf((high - estimate) / se, df)
    half = stats.t.ppf(1 - alpha, df) * se
    return Outcome(
        estimate=float(estimate),
        p=float(max(below, above)),
        sides="one",
        test="two one-sided t tests" if np.isfinite(df) else "two one-sided z tests",
        null=f"outside ({low:g}, {high:g})",
        unit=unit,
        n_units=n_units,
        low=float(estimate - half),
        high=float(estimate + half),
        level=1 - 2 * alpha,
        detail={
            "se": float(se),
            "p_low": float(below),
            "p_high": float(above),
            "power_at_centre": tost_power(se, low, high, df, alpha),
        },
    )


def tost_mean(
    values: np.ndarray, low: float, high: float, alpha: float = 0.05, unit: str = "unit"
) -> Outcome | NotEstimable:
    """Run :func:`tost` on the mean of independent unit values with Student's t, n - 1 df."""
    values = np.asarray(values, dtype=np.float64)
    if values.size < 3:
        return NotEstimable(f"{values.size} {unit}s; at least 3 needed for a test")
    se = values.std(ddof=1) / np.sqrt(values.size)
    if se == 0:
        return NotEstimable("the values do not vary, so they have no standard error")
    return tost(values.mean(), se, low, high, values.size - 1, alpha, unit, values.size)


def tost_power(
    se: float, low: float, high: float, df: float = np.inf, alpha: float = 0.05
) -> float:
    """Return the power of :func:`tost` when the truth is the middle of the margins.

    The standard error is taken as known; the power is then
    max(0, 2 F(margin / se - t) - 1) with F the t distribution.
    """
    half = (high - low) / 2
    critical = stats.t.ppf(1 - alpha, df)
    return float(max(0.0, 2 * stats.t.cdf(half / se - critical, df) - 1))
