r"""Whether effects are more concentrated in one kind of component than noise alone makes them.

The five largest of many noisy means hold a large share of the total, and a larger one where there
are fewer of them, or where their noise differs more. A difference of such shares between two
kinds is therefore never zero when nothing mediates, and counting bootstrap draws beyond zero
rejects always. The null here is the world without any mediator, with the archive's own noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.errors import ParameterError
from helpers.statistics.from_summaries import chance_corrected_share
from helpers.statistics.power import smallest_detected
from helpers.statistics.results import Outcome

EFFECTS = tuple(float(x) for x in np.geomspace(1, 100, 13))
"""Effects of one planted mediator per run, in units of that run's median standard error."""


@dataclass(frozen=True)
class Run:
    """Means of the components of one run, their standard errors and numbers of cells, each (K,)."""

    mean: np.ndarray
    se: np.ndarray
    n: np.ndarray


def share_gap(first: Sequence[np.ndarray], second: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Return the mean chance-corrected top-k share of one kind of run minus that of another.

    Parameters
    ----------
    first, second
        Means of each run, shape (..., K); leading axes are draws.
    k
        Size of the top set, below every K.
    """
    shares = [
        np.mean([chance_corrected_share(run, k) for run in runs], axis=0)
        for runs in (first, second)
    ]
    return shares[0] - shares[1]


def share_gap_test(
    first: Sequence[Run],
    second: Sequence[Run],
    k: int,
    rng: np.random.Generator,
    draws: int = 999,
    inner: int = 100,
    mde: bool = True,
) -> Outcome:
    r"""Test a difference of top-k shares against archives in which no component mediates.

    An archive without mediators has means :math:`s_i z_i` with the archived standard errors
    :math:`s_i` in the place of the true ones. Those are estimates from as few as two cells, so
    the raw tail area can be too small. The gap is therefore studentised: minus its mean and over
    its SD under noise of the standard errors *at hand*, and compared with the same quantity in
    archives whose standard errors are drawn again (prepivoting, Beran 1988).

    Parameters
    ----------
    first, second
        Runs of the two kinds; components that are zero by construction left out, every run with
        at least two cells.
    k
        Size of the top set.
    rng
        Source of randomness.
    draws
        Archives without mediators.
    inner
        Draws of noise behind the mean and SD of each of them.
    mde
        Whether to look for the smallest effect found with power 0.8, which takes most of the time.

    Returns
    -------
    Outcome
        Two-sided; unit: component, taken as independent given no effect, because the archive
        keeps no cells. Page 90 has the rates at which archives without a mediator are rejected,
        also where components share noise. ``detail``: ``null_mean``, ``null_sd`` and ``z`` of the
        gap over archives without mediators; ``mde``: the mean gap of archives with one mediator in
        every run of the first kind, as large as is needed for power 0.8; ``mde_effect``: its
        effect in standard errors.

    References
    ----------
    Beran R (1988), J Am Stat Assoc 83:687-697.
    """
    runs, split = [*first, *second], len(first)
    if any((run.n < 2).any() or not (run.se > 0).all() for run in runs):
        raise ParameterError("every run needs two cells and components with some spread")
    noise = [rng.normal(size=(inner, run.se.size)) for run in runs]

    def gap(means: list[np.ndarray]) -> np.ndarray:
        return share_gap(means[:split], means[split:], k)

    def studentised(means: list[np.ndarray], se: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        observed = gap(means)
        by_noise = gap([s[..., None, :] * z for s, z in zip(se, noise, strict=True)])
        return (observed - by_noise.mean(-1)) / by_noise.std(-1), observed

    def archives(effect: float, size: int) -> tuple[np.ndarray, np.ndarray]:
        means, se = [], []
        for number, run in enumerate(runs):
            mean = rng.normal(size=(size, run.se.size)) * run.se
            if number < split:
                mean[:, 0] += effect * np.median(run.se)
            means.append(mean)
            chi2 = rng.chisquare(run.n - 1, size=mean.shape)
            se.append(run.se * np.sqrt(chi2 / (run.n - 1)))
        return studentised(means, se)

    strength, observed = studentised([run.mean for run in runs], [run.se for run in runs])
    null, gaps = archives(0.0, draws)
    above, below = int((null >= strength).sum()), int((null <= strength).sum())
    low, high = np.quantile(null, [0.025, 0.975])

    def power(effect: float) -> float:
        drawn, _ = archives(effect, min(draws, 300))
        return float(((drawn < low) | (drawn > high)).mean())

    effect = smallest_detected(power, EFFECTS) if mde else None
    found = None if effect is None else float(archives(effect, min(draws, 300))[1].mean())
    centre, spread = float(gaps.mean()), float(gaps.std(ddof=1))
    return Outcome(
        estimate=float(observed),
        p=min(1.0, 2 * (1 + min(above, below)) / (1 + draws)),
        sides="two",
        test="prepivoted parametric draws",
        null="no component mediates; noise of components independent",
        unit="component",
        n_units=sum(run.se.size for run in runs),
        resamples=draws,
        p_floor=2 / (1 + draws),
        draws=gaps,
        detail={
            "null_mean": centre,
            "null_sd": spread,
            "z": (float(observed) - centre) / spread,
            "mde": found,
            "mde_effect": effect,
        },
    )
