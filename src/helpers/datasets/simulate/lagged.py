"""Series of TFs and targets along an order of cells, with a direction that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from helpers.errors import ParameterError

LAGGED_WORLDS = ("planted-lag", "zero-lag", "common-driver", "independent", "independent-trend")


@dataclass(frozen=True)
class LaggedWorld:
    """Binned series and the pairs that a network names.

    Parameters
    ----------
    tfs, targets
        (TFs, bins) and (targets, bins) series.
    source, target
        (pairs,) row numbers in `tfs` and in `targets`.
    sign
        (pairs,) +1 or -1: what the network says of each pair.
    """

    tfs: np.ndarray
    targets: np.ndarray
    source: np.ndarray
    target: np.ndarray
    sign: np.ndarray


def _wandering(rng: np.random.Generator, n: int, bins: int, ar: float) -> np.ndarray:
    """Return stationary AR(1) series with variance 1."""
    steps = rng.normal(size=(n, bins)) * np.sqrt(1 - ar**2)
    steps[:, 0] /= np.sqrt(1 - ar**2)
    return lfilter([1.0], [1.0, -ar], steps, axis=1)


def lagged_world(
    name: str,
    rng: np.random.Generator,
    *,
    n_tfs: int = 30,
    n_targets: int = 60,
    bins: int = 50,
    lag: int = 5,
    noise: float = 0.5,
    ar: float = 0.8,
) -> LaggedWorld:
    """Draw one of `LAGGED_WORLDS`.

    Parameters
    ----------
    name
        ``planted-lag``: a target follows its TF after `lag` bins. ``zero-lag``: at once.
        ``common-driver``: both follow a third series at once, the TF with less noise (0.3 against
        1.0). ``independent``: the network names pairs that have nothing to do with each other, TFs
        and targets in unequal numbers. ``independent-trend``: the same, but every gene rises or
        falls once, at a time of its own.
    n_tfs, n_targets, bins
        Sizes.
    lag, noise, ar
        Delay in bins, SD of the noise of every bin beside a signal of SD 1, and correlation of the
        signal between neighbouring bins.

    Raises
    ------
    ParameterError
        If there is no such world.
    """
    if name not in LAGGED_WORLDS:
        raise ParameterError(f"no world {name!r}; one of {', '.join(LAGGED_WORLDS)} expected")
    shape_tf, shape_target = (n_tfs, bins), (n_targets, bins)
    delay = lag if name == "planted-lag" else 0
    target = np.arange(n_targets)
    source = np.arange(n_targets) % n_tfs
    sign = rng.choice([-1, 1], size=n_targets)
    signal = _wandering(rng, n_tfs, bins + delay, ar)
    tfs = signal[:, delay:] + noise * rng.normal(size=shape_tf)
    follow = sign[:, None] * signal[source, :bins]
    targets = follow + noise * rng.normal(size=shape_target)
    if name == "common-driver":
        tfs = signal + 0.3 * rng.normal(size=shape_tf)
        targets = follow + rng.normal(size=shape_target)
    if name.startswith("independent"):
        trend = name.endswith("trend")
        series = _sigmoids if trend else lambda rng, n, bins: _wandering(rng, n, bins, ar)
        tfs = series(rng, n_tfs, bins) + noise * rng.normal(size=shape_tf)
        targets = series(rng, n_targets, bins) + noise * rng.normal(size=shape_target)
        # Degrees as in curated networks: few TFs and few targets stand in many pairs.
        weight = np.outer(rng.pareto(1.5, n_tfs) + 0.1, rng.pareto(1.5, n_targets) + 0.1).ravel()
        size = min(4 * n_targets, weight.size // 2)
        drawn = rng.choice(weight.size, size=size, replace=False, p=weight / weight.sum())
        source, target = np.divmod(drawn, n_targets)
        sign = rng.choice([-1, 1], size=size)
    return LaggedWorld(tfs, targets, source, target, sign)


def _sigmoids(rng: np.random.Generator, n: int, bins: int) -> np.ndarray:
    """Return one rise or fall from -1 to 1 at a random bin, (n, bins)."""
    onset, steepness = rng.uniform(0, bins, (n, 1)), rng.uniform(0.1, 1.0, (n, 1))
    return rng.choice([-1, 1], (n, 1)) * np.tanh(steepness * (np.arange(bins) - onset))
