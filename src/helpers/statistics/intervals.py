"""Intervals from resamples (percentile, BCa, studentised) and from closed forms."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable


def fieller(
    numerator: float,
    denominator: float,
    variance_numerator: float,
    variance_denominator: float,
    covariance: float = 0.0,
    df: float = np.inf,
    level: float = 0.95,
) -> Estimate | NotEstimable:
    """Return a ratio of two estimates with Fieller's interval (Fieller 1954).

    The interval is bounded only when the denominator differs from zero at the same level;
    otherwise the ratio is not estimable.
    """
    if min(variance_numerator, variance_denominator) < 0:
        raise ParameterError("variances must not be negative")
    t = stats.t.ppf((1 + level) / 2, df)
    a = denominator**2 - t**2 * variance_denominator
    if a <= 0:
        return NotEstimable("the denominator is not distinguishable from zero")
    b = numerator * denominator - t**2 * covariance
    c = numerator**2 - t**2 * variance_numerator
    root = np.sqrt(max(b**2 - a * c, 0.0))
    return Estimate(numerator / denominator, (b - root) / a, (b + root) / a, "Fieller", level=level)


def hanley_mcneil(
    value: float, n_positive: int, n_negative: int, level: float = 0.95
) -> Estimate | NotEstimable:
    r"""Return an AUROC with the interval of Hanley and McNeil (1982, Radiology 143:29-36).

    .. math:: SE^2=\frac{A(1-A)+(n_+-1)(Q_1-A^2)+(n_--1)(Q_2-A^2)}{n_+n_-},
              \quad Q_1=\tfrac{A}{2-A},\ Q_2=\tfrac{2A^2}{1+A}

    It takes every pair as independent, which edges that share a TF are not: a comparison only.
    """
    if n_positive < 1 or n_negative < 1:
        return NotEstimable(f"{n_positive} positives and {n_negative} negatives")
    if not 0.0 <= value <= 1.0:
        raise ParameterError(f"an AUROC of {value} is outside [0, 1]")
    q1 = value / (2 - value)
    q2 = 2 * value**2 / (1 + value)
    variance = value * (1 - value)
    variance += (n_positive - 1) * (q1 - value**2) + (n_negative - 1) * (q2 - value**2)
    se = np.sqrt(variance / (float(n_positive) * n_negative))
    half = stats.norm.ppf((1 + level) / 2) * se
    return Estimate(
        value,
        max(0.0, value - half),
        min(1.0, value + half),
        "Hanley-McNeil",
        "pair",
        n_positive + n_negative,
        level=level,
        detail={"se": float(se), "n_positive": n_positive},
    )
