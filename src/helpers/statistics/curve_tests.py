"""Tests of curves through a few points, by redrawing the points from a fitted curve."""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
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
