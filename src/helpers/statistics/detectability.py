"""How many cells an edge needs, and with what power it is found: closed forms and simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import integrate, stats

from helpers.errors import ParameterError
from helpers.statistics.checks import one_of

ESTIMATORS = ("mean", "median", "Huber")
HUBER = 1.345
ROUNDS = 20


def cells_needed(
    effect: float,
    sd: float,
    tests: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    inflation: float = 1.0,
) -> float:
    r"""Return how many cells find one edge among many with a given power.

    .. math:: n^* = \left(\frac{(z_{1-\alpha/(2m)} + z_{power})\,\tau\sigma}{|\mu|}\right)^2

    Parameters
    ----------
    effect, sd
        Mean :math:`\mu` and standard deviation :math:`\sigma` of the edge's value over cells.
    tests
        Edges tested, m; Bonferroni.
    alpha, power
        Two-sided level of the family, and power for the one edge.
    inflation
        Factor :math:`\tau` on the standard deviation: heavy tails, or the root of a design effect.

    Returns
    -------
    float
        Not rounded; infinite without an effect.

    Examples
    --------
    >>> round(cells_needed(effect=0.2, sd=1.0), 1)
    196.2
    """
    if not sd > 0 or tests < 1 or not inflation >= 1 or np.isnan(effect):
        given = f"effect {effect}, sd {sd}, tests {tests}, inflation {inflation}"
        raise ParameterError(f"{given}: a positive sd, tests and inflation of 1 or more needed")
    if effect == 0:
        return float("inf")
    z = stats.norm.ppf(1 - alpha / (2 * tests)) + stats.norm.ppf(power)
    return float((z * inflation * sd / abs(effect)) ** 2)


def power_by_formula(snr: np.ndarray, n: np.ndarray, alpha: float = 0.05) -> np.ndarray:
    r"""Return the power that :func:`cells_needed` assumes, :math:`\Phi(\sqrt n\,s - z_{1-a/2})`."""
    return stats.norm.cdf(np.sqrt(n) * np.abs(snr) - stats.norm.ppf(1 - alpha / 2))


def power_of_t(snr: np.ndarray, n: np.ndarray, alpha: float = 0.05) -> np.ndarray:
    """Return the exact power of the two-sided one-sample t test on normal values, n >= 2."""
    n = np.asarray(n, dtype=np.float64)
    if (n < 2).any():
        raise ParameterError("a t test needs at least two values")
    critical = stats.t.ppf(1 - alpha / 2, n - 1)
    shift = np.sqrt(n) * np.abs(snr)
    return stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)


def design_effect(cells_per_donor: float, icc: float) -> float:
    r"""Return the factor on the variance of a mean of cells within donors, :math:`1+(c-1)ICC`.

    Kish (1965); `icc` is the share of the variance that lies between donors.
    """
    return 1 + (cells_per_donor - 1) * icc


def contaminated(
    size: tuple[int, ...], share: float, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw from (1 - share) N(0, 1) + share N(0, scale^2)."""
    wide = rng.random(size) < share
    return rng.standard_normal(size) * np.where(wide, scale, 1.0)


def relative_variance(estimator: str, share: float = 0.0, scale: float = 1.0) -> float:
    r"""Return n times the variance of an estimator of location, in units of the core's variance.

    For the density :math:`f=(1-\epsilon)\varphi + \epsilon\varphi_\kappa`: the mean
    :math:`1-\epsilon+\epsilon\kappa^2`; the median :math:`1/(4f(0)^2)`; Huber's estimate
    :math:`E\psi^2/(E\psi')^2`, its corner at 1.345 times the median absolute deviation (scaled to
    the normal law; Huber 1964).

    Examples
    --------
    >>> [round(relative_variance(name), 3) for name in ("mean", "median", "Huber")]
    [1.0, 1.571, 1.053]
    """
    one_of("estimator", estimator, ESTIMATORS)
    if estimator == "mean":
        return 1 - share + share * scale**2

    def law(x: float, what: str) -> float:
        f = getattr(stats.norm, what)
        return float((1 - share) * f(x) + share * f(x / scale) / (scale if what == "pdf" else 1))

    if estimator == "median":
        return 1 / (4 * law(0.0, "pdf") ** 2)
    grid = np.linspace(0, 4 * scale, 4001)
    mad = np.interp(0.75, [law(x, "cdf") for x in grid], grid) / stats.norm.ppf(0.75)
    c = HUBER * mad
    inside = law(c, "cdf") - law(-c, "cdf")
    squares = 2 * integrate.quad(lambda x: x**2 * law(x, "pdf"), 0, c)[0]
    return float((squares + c**2 * (1 - inside)) / inside**2)


def rejected_by(estimator: str, values: np.ndarray, alpha: float = 0.05) -> np.ndarray:
    """Return which samples (draws, n) reject a location of 0, two-sided.

    ``mean``: t test; ``median``: sign test, whose efficiency is the median's; ``Huber``: M
    estimate with the median absolute deviation as scale, over its sandwich standard error, t with
    n - 1 degrees of freedom.
    """
    one_of("estimator", estimator, ESTIMATORS)
    n = values.shape[1]
    if n < 3:
        raise ParameterError(f"{n} cells; no test of a location with fewer than 3")
    if estimator == "median":
        above = (values > 0).sum(axis=1)
        p = 2 * stats.binom.cdf(np.minimum(above, n - above), n, 0.5)
        return p <= alpha
    if estimator == "mean":
        centre, se = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n)
    else:
        centre, se = _huber(values)
    return np.abs(centre) > stats.t.ppf(1 - alpha / 2, n - 1) * se


def simulated_power(
    draw: Callable[[tuple[int, ...]], np.ndarray],
    snr: float,
    n: int,
    draws: int = 2000,
    estimator: str = "mean",
    alpha: float = 0.05,
) -> float:
    """Return the share of samples of `n` values that reject; `draw` gives noise about 0."""
    return float(rejected_by(estimator, snr + draw((draws, n)), alpha).mean())


def higher_criticism(p: np.ndarray) -> np.ndarray:
    r"""Return :math:`\max_i \sqrt m\,(i/m - p_{(i)})/\sqrt{p_{(i)}(1-p_{(i)})}` of rows of p.

    Over the smaller half of the p values, and of these only p above 1/m (Donoho, Jin 2004). It says
    that some of m edges have an effect, not which.

    Parameters
    ----------
    p
        (draws, m) or (m,) p values.
    """
    p = np.sort(np.atleast_2d(p), axis=1)
    m = p.shape[1]
    half = p[:, : max(m // 2, 1)]
    rank = np.arange(1, half.shape[1] + 1) / m
    safe = np.clip(half, 1e-300, 1 - 1e-12)
    excess = np.sqrt(m) * (rank - safe) / np.sqrt(safe * (1 - safe))
    return np.where(half > 1 / m, excess, 0.0).max(axis=1)


def _huber(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = np.median(values, axis=1, keepdims=True)
    mad = np.median(np.abs(values - centre), axis=1, keepdims=True) / stats.norm.ppf(0.75)
    corner = HUBER * np.where(mad > 0, mad, 1.0)
    for _ in range(ROUNDS):
        score = np.clip(values - centre, -corner, corner)
        inside = (np.abs(values - centre) <= corner).mean(axis=1, keepdims=True)
        centre = centre + score.mean(axis=1, keepdims=True) / np.maximum(inside, 0.1)
    score = np.clip(values - centre, -corner, corner)
    inside = (np.abs(values - centre) <= corner).mean(axis=1)
    n = values.shape[1]
    return centre[:, 0], np.sqrt((score**2).sum(axis=1) / (n - 1) / n) / inside
