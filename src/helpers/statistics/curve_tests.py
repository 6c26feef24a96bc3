"""Tests of curves through a few points, by redrawing the points from a fitted curve."""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn.isotonic import isotonic_regression

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.crossed import smallest_effect
from helpers.statistics.curve_fits import fit
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome

LEAST_SHARE = 0.5
"""Smallest share of redrawn point sets that a curve has to fit."""


def largest_step_test(
    n: np.ndarray,
    repeats: np.ndarray,
    rng: np.random.Generator,
    draws: int,
    curve: str = "exponential saturation",
) -> Outcome | NotEstimable:
    r"""Test the step that departs most from a fitted curve, as the largest of all steps.

    The statistic is :math:`\max_k |\Delta_k y - \Delta_k \hat y|` over steps of the means. Its null
    redraws all repeats from the curve and fits again. The noise is that between repeats,
    :math:`s`, and both sides are divided by their own :math:`s`; residuals of the curve would not
    do, because a step makes them large and so hides itself. One-sided.

    Parameters
    ----------
    n
        (points,) in increasing order.
    repeats
        (points, r) values at each of them, r at least 2.
    rng, draws
        Source and number of point sets.
    curve
        Key of `helpers.statistics.curve_fits.CURVES`.
    """
    repeats = np.asarray(repeats, dtype=float)
    if repeats.ndim != 2 or repeats.shape[1] < 2 or len(repeats) != len(n):
        raise ParameterError(f"repeats of shape {repeats.shape} for {len(n)} points; (n, r >= 2)")

    def departure(values: np.ndarray) -> float | NotEstimable:
        found = fit(curve, n, values.mean(axis=1))
        if isinstance(found, NotEstimable):
            return found
        return float(np.abs(np.diff(values.mean(axis=1) - found.predict(n))).max())

    def noise(values: np.ndarray) -> float:
        return float(np.sqrt(values.var(axis=1, ddof=1).mean()))

    truth, observed = fit(curve, n, repeats.mean(axis=1)), departure(repeats)
    if isinstance(truth, NotEstimable):
        return truth
    spread = noise(repeats)
    if spread == 0:
        return NotEstimable("the repeats of every point are equal; their noise is unknown")
    drawn = []
    for _ in range(draws):
        made = truth.predict(n)[:, None] + spread * rng.normal(size=repeats.shape)
        if not isinstance(found := departure(made), NotEstimable):
            drawn.append(found * spread / noise(made))
    if len(drawn) < LEAST_SHARE * draws:
        return NotEstimable(f"the curve fits {len(drawn)} of {draws} redrawn point sets only")
    return null_outcome(
        observed,
        np.array(drawn),
        sides="one",
        test="parametric bootstrap",
        null="the fitted curve with the noise between repeats",
        unit="run",
        n_units=repeats.size,
        detail={"curve": curve, "not_converged": draws - len(drawn)},
    )


def aicc_test(
    n: np.ndarray,
    y: np.ndarray,
    rng: np.random.Generator,
    draws: int,
    curve: str = "exponential saturation",
    under: str = "logarithmic",
) -> Outcome | NotEstimable:
    """Test the difference of AICc of two curves when one of them is true; two-sided.

    Parameters
    ----------
    n, y
        Points.
    rng, draws
        Source and number of point sets, redrawn from `under` with its residual SD.
    curve, under
        Keys of `helpers.statistics.curve_fits.CURVES`; the statistic is AICc of `curve` minus
        that of `under`, so small values speak for `curve`.
    """

    def difference(points: np.ndarray) -> float | NotEstimable:
        fits = [fit(name, n, points) for name in (curve, under)]
        bad = [found for found in fits if isinstance(found, NotEstimable)]
        return bad[0] if bad else fits[0].aicc - fits[1].aicc

    truth, observed = fit(under, n, y), difference(np.asarray(y, dtype=float))
    for one in (truth, observed):
        if isinstance(one, NotEstimable):
            return one
    mean = truth.predict(n)
    found = [difference(mean + truth.sd * rng.normal(size=mean.size)) for _ in range(draws)]
    drawn = [value for value in found if not isinstance(value, NotEstimable)]
    if len(drawn) < LEAST_SHARE * draws:
        return NotEstimable(f"the curves fit {len(drawn)} of {draws} redrawn point sets only")
    return null_outcome(
        observed,
        np.array(drawn),
        sides="two",
        test="parametric bootstrap",
        null=f"{under} curve with independent normal noise",
        unit="draw",
        n_units=len(n),
        detail={"not_converged": draws - len(drawn)},
    )


def rise_tests(
    y: np.ndarray,
    covariance: np.ndarray,
    df: float,
    rng: np.random.Generator,
    draws: int = 999,
    **units: str | int,
) -> dict[str, Outcome | NotEstimable]:
    r"""Test whether a curve rises, and whether it ever falls, by isotonic regression; one-sided.

    ``rise``: :math:`\hat m_K - \hat m_1` of the isotonic fit, against a constant curve. ``fall``:
    :math:`\sqrt{\overline{(y - \hat m)^2}}`, against any curve that never falls. Both nulls are
    drawn from a constant curve with t noise of the given covariance. That is the null of the first,
    and the least favourable one of the second: curves that never fall are a convex cone, m + P(e)
    lies in it with m and the projection P(e), so that m + e is never farther from it than e.

    Parameters
    ----------
    y, covariance, df
        (K,) points in the order in which they may rise, their (K, K) covariance and its degrees of
        freedom.
    rng, draws
        Source and number of curves.
    **units
        ``unit`` and ``n_units`` of the outcomes.

    References
    ----------
    Robertson T, Wright FT, Dykstra RL (1988), Order Restricted Statistical Inference, chapter 2.
    """
    values, vectors = np.linalg.eigh(covariance)
    if (spread := np.sqrt(values.clip(0)))[-1] <= 1e-10:
        return dict.fromkeys(("rise", "fall"), NotEstimable("the points do not vary"))

    def both(points: np.ndarray) -> tuple[float, float]:
        fitted = isotonic_regression(points)
        return fitted[-1] - fitted[0], np.sqrt(np.square(points - fitted).mean())

    noise = (rng.normal(size=(draws, len(y))) * spread) @ vectors.T
    noise *= np.sqrt(df / stats.chi2.rvs(df, size=(draws, 1), random_state=rng))
    drawn = np.array([both(one) for one in noise]).T
    nulls = {"rise": "a constant curve", "fall": "a curve that never falls"}
    found = {}
    for (name, null), value, null_draws in zip(nulls.items(), both(y), drawn, strict=True):
        mde = {"mde": smallest_effect(float(null_draws.std(ddof=1)), df, sides="one")}
        about = {"sides": "one", "test": "isotonic regression", "null": null, "detail": mde}
        found[name] = null_outcome(float(value), null_draws, **about, **units)
    return found
