"""Least-squares curves through a few points, and whether the points can tell them apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import leastsq
from scipy.special import stdtrit

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable

Curve = Callable[..., np.ndarray]


def exponential(n: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    """Return ``a * (1 - exp(-b n)) + c``."""
    return a * (1 - np.exp(-b * n)) + c


def logarithmic(n: np.ndarray, a: float, c: float) -> np.ndarray:
    """Return ``a * ln n + c``."""
    return a * np.log(n) + c


def linear(n: np.ndarray, a: float, c: float) -> np.ndarray:
    """Return ``a * n + c``."""
    return a * n + c


CURVES: dict[str, tuple[Curve, tuple[str, ...]]] = {
    "exponential saturation": (exponential, ("a", "b", "c")),
    "logarithmic": (logarithmic, ("a", "c")),
    "linear": (linear, ("a", "c")),
}


@dataclass(frozen=True)
class Fit:
    """A least-squares curve.

    Parameters
    ----------
    name
        Key of `CURVES`.
    params, low, high
        Estimates by name and 95 % t intervals (exact for curves linear in their parameters, from
        the linearised curve otherwise).
    r2
        Share of variance explained; grows with every parameter and selects nothing.
    aicc
        Akaike's criterion with small-sample correction; the variance counts as a parameter.
    sd
        Residual standard deviation.
    """

    name: str
    params: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    r2: float
    aicc: float
    sd: float

    def predict(self, n: np.ndarray) -> np.ndarray:
        """Return the curve at `n`."""
        return CURVES[self.name][0](np.asarray(n, dtype=float), *self.params.values())


def fit(name: str, n: np.ndarray, y: np.ndarray) -> Fit | NotEstimable:
    """Fit one curve by least squares.

    Parameters
    ----------
    name
        Key of `CURVES`.
    n, y
        Points, more than the curve has parameters.
    """
    if name not in CURVES:
        raise ParameterError(f"No curve {name!r}; use one of {sorted(CURVES)}.")
    n, y = np.asarray(n, dtype=float), np.asarray(y, dtype=float)
    curve, names = CURVES[name]
    k = len(names)
    if n.size - k - 2 <= 0:
        return NotEstimable(f"{n.size} points are too few for {k} parameters and AICc")
    if np.ptp(y) == 0:
        return NotEstimable("the points do not vary; every curve is flat")
    # `curve_fit` and `stats.t` do the same and take twice as long for their checks
    params, inverse, _, _, status = leastsq(
        lambda p: curve(n, *p.tolist()) - y, _start(name, n, y), full_output=True, maxfev=20_000
    )
    if status not in (1, 2, 3, 4):
        return NotEstimable(f"the {name} curve did not converge")
    if inverse is None or not np.all(np.isfinite(inverse)):
        return NotEstimable(f"the {name} curve is flat in a direction; no unique optimum")
    rest = y - curve(n, *params)
    rss = float(rest @ rest)
    half = stdtrit(n.size - k, 0.975) * np.sqrt(np.diag(inverse) * (rss / (n.size - k)))
    q = k + 1
    aicc = n.size * np.log(rss / n.size) + 2 * q + 2 * q * (q + 1) / (n.size - q - 1)
    values, low, high = (
        dict(zip(names, map(float, x), strict=True)) for x in (params, params - half, params + half)
    )
    r2 = 1 - rss / float(((y - y.mean()) ** 2).sum())
    return Fit(name, values, low, high, r2, float(aicc), float(np.sqrt(rss / (n.size - k))))


def _start(name: str, n: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    if name == "exponential saturation":
        return (float(np.ptp(y)) or 0.1, 3.0 / float(n.mean()), float(y.min()))
    return (0.0, float(y.mean()))


def fit_all(n: np.ndarray, y: np.ndarray) -> dict[str, Fit | NotEstimable]:
    """Fit every curve."""
    return {name: fit(name, n, y) for name in CURVES}


def selection_rates(
    n: np.ndarray, truth: Fit, draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return how often AICc picks each curve when `truth` made the points (parametric bootstrap).

    Parameters
    ----------
    n
        Where the points lie.
    truth
        Curve and noise that make them.
    draws, rng
        Simulated point sets.
    """
    wins = dict.fromkeys(CURVES, 0)
    mean = truth.predict(n)
    for _ in range(draws):
        fits = fit_all(n, mean + truth.sd * rng.normal(size=mean.size))
        usable = {name: f.aicc for name, f in fits.items() if isinstance(f, Fit)}
        wins[min(usable, key=usable.get)] += 1
    return {name: count / draws for name, count in wins.items()}


def bootstrap_params(
    n: np.ndarray, truth: Fit, draws: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Return percentile intervals of the parameters under a parametric bootstrap."""
    mean, found = truth.predict(n), []
    for _ in range(draws):
        one = fit(truth.name, n, mean + truth.sd * rng.normal(size=mean.size))
        if isinstance(one, Fit):
            found.append(list(one.params.values()))
    limits = np.quantile(np.array(found), [0.025, 0.975], axis=0)
    return {name: (float(limits[0, i]), float(limits[1, i])) for i, name in enumerate(truth.params)}
