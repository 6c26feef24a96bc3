"""Estimates of many groups pooled in part: mean, heterogeneity, shrunken values, a new group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable

MIN_GROUPS = 3


@dataclass(frozen=True)
class RandomEffects:
    """What k groups have in common and how they differ.

    Parameters
    ----------
    mean, low, high
        Mean of the groups' true values and its interval (Hartung-Knapp, t with k - 1 df).
    tau
        SD of the true values (Paule-Mandel).
    q, p
        Cochran's Q and its p for equal true values, chi-square with k - 1 df.
    i2
        Share of the spread that sampling error does not explain, max(0, 1 - (k - 1) / Q).
    shrunk, shrunk_se
        (k,) empirical-Bayes values, drawn towards the mean by their own error, and their SE.
    prediction
        Interval in which the true value of a new group is expected, t with k - 2 df.
    level
        Coverage of both intervals.
    """

    mean: float
    low: float
    high: float
    tau: float
    q: float
    p: float
    i2: float
    shrunk: np.ndarray
    shrunk_se: np.ndarray
    prediction: tuple[float, float]
    level: float


def random_effects(
    values: np.ndarray, variances: np.ndarray, level: float = 0.95
) -> RandomEffects | NotEstimable:
    r"""Pool k independent estimates with known variances.

    .. math:: \hat\theta_k \sim N(\theta_k, v_k), \quad \theta_k \sim N(\mu, \tau^2)

    with :math:`\tau^2` chosen so that :math:`\sum (\hat\theta_k - \hat\mu)^2 / (v_k + \tau^2)`
    equals k - 1.

    Parameters
    ----------
    values, variances
        (k,) estimates and their sampling variances, positive.
    level
        Coverage.

    References
    ----------
    Paule RC, Mandel J (1982), J Res NBS 87:377-385; Hartung J, Knapp G (2001), Stat Med
    20:3875-3889; Higgins JPT, Thompson SG, Spiegelhalter DJ (2009), J R Stat Soc A 172:137-159.

    Examples
    --------
    >>> found = random_effects([0.4, 0.5, 0.6, 0.7], [0.01] * 4)
    >>> round(found.mean, 2), round(found.tau, 3), round(found.i2, 2)
    (0.55, 0.082, 0.4)
    """
    values, variances = (np.asarray(v, dtype=np.float64) for v in (values, variances))
    if values.ndim != 1 or values.shape != variances.shape or not np.isfinite(values).all():
        raise ParameterError("values and variances must be finite vectors of one length")
    if not (variances > 0).all():
        raise ParameterError("sampling variances must be positive")
    k = values.size
    if k < MIN_GROUPS:
        return NotEstimable(f"{k} groups; at least {MIN_GROUPS} needed")

    def spread(tau2: float) -> tuple[float, float]:
        weight = 1 / (variances + tau2)
        mean = float(weight @ values / weight.sum())
        return mean, float(weight @ (values - mean) ** 2)

    q = spread(0.0)[1]
    tau2 = 0.0
    if q > k - 1:
        top = float(np.ptp(values) ** 2 + variances.max()) * k
        tau2 = float(optimize.brentq(lambda t: spread(t)[1] - (k - 1), 0.0, top, xtol=1e-15))
    mean, left = spread(tau2)
    total = float((1 / (variances + tau2)).sum())
    # Hartung-Knapp; never below the plain variance, which it can be by chance with few groups
    se = float(np.sqrt(max(left / (k - 1), 1.0) / total))
    half = float(stats.t.ppf((1 + level) / 2, k - 1)) * se
    keep = tau2 / (tau2 + variances)
    reach = float(stats.t.ppf((1 + level) / 2, max(k - 2, 1)) * np.sqrt(tau2 + se**2))
    return RandomEffects(
        mean,
        mean - half,
        mean + half,
        float(np.sqrt(tau2)),
        q,
        float(stats.chi2.sf(q, k - 1)),
        max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
        mean + keep * (values - mean),
        np.sqrt(keep * variances + (1 - keep) ** 2 * se**2),
        (mean - reach, mean + reach),
        level,
    )
