"""Agreement of two profiles of component effects, and what limits it."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.banded_ranks import BandedTest, banded_test
from helpers.statistics.power import ALPHA, smallest_detected
from helpers.statistics.results import Outcome

LEAST_CELLS = 3
CORRELATIONS = tuple(round(0.05 * i, 2) for i in range(2, 20))
"""Correlations within bands among which the smallest detected one is looked for."""

NULLS = {
    1: "effects exchangeable within a layer",
    2: "effects exchangeable within two neighbouring layers",
}


def reliability(means: np.ndarray, se: np.ndarray) -> float:
    r"""Return the share of the variance of means that sampling noise does not explain.

    :math:`\max(0, 1 - \overline{SE^2} / \mathrm{var}(\bar m))`, the variance with K - 1.

    Parameters
    ----------
    means, se
        Means and their standard errors, shape (K,), at least two components.

    Examples
    --------
    >>> round(reliability([0.0, 1.0, 2.0], [0.5, 0.5, 0.5]), 2)
    0.75
    """
    total = float(np.var(means, ddof=1))
    if not total > 0:
        raise ParameterError("All means are equal: there is no variance to share out.")
    return max(0.0, 1 - float(np.mean(np.square(se))) / total)


def agreement_beyond_depth(
    first: np.ndarray,
    second: np.ndarray,
    layers: np.ndarray,
    cells: int,
    span: int,
    rng: np.random.Generator,
    draws: int = 5000,
    mde: float | None = None,
) -> Outcome | NotEstimable:
    """Test whether two profiles agree where components of one depth are exchangeable.

    Parameters
    ----------
    first, second
        Effects of the same components in two conditions (K,).
    layers
        Layer of each component.
    cells
        Cells of the smaller condition; fewer than 3 give no test.
    span
        Layers that form a band: 1 permutes within layers; 2 within two neighbouring layers, after
        a monotone depth fit is taken out of the ranks.
    rng, draws
        Monte-Carlo draws beside the exact count.
    mde
        What `detectable_correlation` gives for these layers, to stand in ``detail``.

    Returns
    -------
    Outcome or NotEstimable
        One-sided, unit: component. ``detail``: ``p_drawn``, ``arrangements``, ``mde``.
    """
    if cells < LEAST_CELLS:
        return NotEstimable(f"fewer than {LEAST_CELLS} cells in a tissue")
    layers = np.asarray(layers)
    detrend = layers if span > 1 else None
    found = banded_test(first, second, layers // span, draws=draws, rng=rng, detrend=detrend)
    if isinstance(found, NotEstimable):
        return found
    more = {"p_drawn": found.p_drawn, "arrangements": found.arrangements, "mde": mde}
    return Outcome(
        estimate=found.statistic,
        p=found.p_exact,
        sides="one",
        test="exact permutation within depth bands",
        null=NULLS[span],
        unit="component",
        n_units=int(layers.size),
        p_floor=found.floor,
        detail=more,
    )


def detectable_correlation(
    layers: np.ndarray, span: int, rng: np.random.Generator, simulated: int = 150
) -> float | None:
    """Return the smallest correlation within bands that `agreement_beyond_depth` finds.

    Parameters
    ----------
    layers, span
        As in `agreement_beyond_depth`.
    rng
        Source of randomness.
    simulated
        Pairs of normal profiles without a trend, per correlation of a grid of steps 0.05.

    Returns
    -------
    float or None
        Found in 80 % of them at 5 %; ``None`` where 0.95 is not.
    """
    layers = np.asarray(layers)
    detrend = layers if span > 1 else None

    def power(correlation: float) -> float:
        pairs = rng.normal(size=(simulated, 2, layers.size))
        pairs[:, 1] = correlation * pairs[:, 0] + np.sqrt(1 - correlation**2) * pairs[:, 1]
        tests = (
            banded_test(a, b, layers // span, draws=1, rng=rng, detrend=detrend) for a, b in pairs
        )
        return float(np.mean([isinstance(t, BandedTest) and t.p_exact <= ALPHA for t in tests]))

    return smallest_detected(power, CORRELATIONS)


def welch_tests(
    first: tuple[np.ndarray, np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    """Return Welch's p of equal means, per component.

    Parameters
    ----------
    first, second
        Mean, standard deviation of a cell and number of cells of each component, in two
        conditions; each broadcastable to (..., K).
    """
    return np.asarray(stats.ttest_ind_from_stats(*first, *second, equal_var=False).pvalue)


def welch_level(
    sds: tuple[np.ndarray, np.ndarray],
    cells: tuple[np.ndarray, np.ndarray],
    draws: int,
    rng: np.random.Generator,
    alpha: float = 0.05,
) -> float:
    """Return how often Welch's p falls below `alpha` when means are equal, at these few cells.

    Parameters
    ----------
    sds, cells
        Standard deviation of a cell and number of cells per component, in two conditions.
    draws, rng
        Draws of all components and source of randomness.
    alpha
        Nominal level.
    """
    noise, spread = [], []
    for sd, n in zip(sds, cells, strict=True):
        noise.append(rng.normal(size=(draws, len(sd))) * sd / np.sqrt(n))
        spread.append(sd * np.sqrt(rng.chisquare(n - 1, (draws, len(sd))) / (n - 1)))
    p = welch_tests((noise[0], spread[0], cells[0]), (noise[1], spread[1], cells[1]))
    return float((p < alpha).mean())
