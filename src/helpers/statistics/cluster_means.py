"""Mean of values that come in clusters: bootstrap interval and test, clusters as units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics import intervals
from helpers.statistics.checks import cluster_codes, monte_carlo_p, one_of
from helpers.statistics.clusters import cluster_counts, linear_se
from helpers.statistics.draw_estimates import MIN_CLUSTERS
from helpers.statistics.results import Outcome


@dataclass(frozen=True)
class _Sums:
    """Sum and number of the values of each cluster."""

    total: np.ndarray
    size: np.ndarray

    def mean(self, counts: np.ndarray) -> np.ndarray:
        return (counts @ self.total) / (counts @ self.size)

    def influence(self, counts: np.ndarray) -> np.ndarray:
        size = (counts @ self.size)[:, None]
        return (self.total - self.mean(counts)[:, None] * self.size) / size


def cluster_mean_test(
    values: np.ndarray,
    clusters: np.ndarray,
    rng: np.random.Generator,
    null: float = 0.0,
    n_boot: int = 2000,
    level: float = 0.95,
    sides: str = "two",
    unit: str = "TF",
) -> Outcome | NotEstimable:
    """Test that the mean of clustered values is `null` by the cluster bootstrap-t.

    Parameters
    ----------
    values
        (n,) finite values with equal weight, for example within-set AUROC differences.
    clusters
        (n,) cluster of each value.
    rng, n_boot, level
        Source and number of resamples of clusters, and coverage of the symmetric-t interval.
    null
        Mean under the null.
    sides
        ``two``, or ``one`` (large means speak against the null).
    unit
        Name of a cluster.

    Returns
    -------
    Outcome or NotEstimable
        Not estimable with fewer than 5 clusters or without variance between them.
    """
    one_of("sides", sides, ("one", "two"))
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ParameterError("a vector of finite values is expected")
    names, codes = cluster_codes(clusters, values.size)
    if names.size < MIN_CLUSTERS:
        return NotEstimable(f"{names.size} {unit}s with a value; at least {MIN_CLUSTERS} needed")
    sums = _Sums(np.bincount(codes, weights=values), np.bincount(codes).astype(np.float64))
    one = np.ones((1, names.size))
    mean, se = float(sums.mean(one)[0]), float(linear_se(sums.influence(one))[0])
    if se <= 1e-12:
        return NotEstimable(f"the mean does not vary between {unit}s (zero standard error)")
    counts = cluster_counts(names.size, rng, n_boot)
    draws, errors = sums.mean(counts), linear_se(sums.influence(counts), counts)
    usable = errors > 1e-12
    pivots = (draws[usable] - mean) / errors[usable]
    z = (mean - null) / se
    exceeding = np.abs(pivots) >= abs(z) if sides == "two" else pivots >= z
    low, high = intervals.studentised(mean, se, pivots, level)
    spread = intervals.percentile(draws, level)
    return Outcome(
        estimate=mean,
        p=float(monte_carlo_p(int(exceeding.sum()), pivots.size)),
        sides=sides,
        test=f"{unit}-cluster bootstrap-t of the mean",
        null=f"mean {null:g}",
        unit=unit,
        n_units=names.size,
        resamples=pivots.size,
        p_floor=1.0 / (1 + pivots.size),
        low=low,
        high=high,
        level=level,
        draws=draws,
        detail={
            "se": se,
            "n_values": int(values.size),
            "percentile_low": spread[0],
            "percentile_high": spread[1],
        },
    )
