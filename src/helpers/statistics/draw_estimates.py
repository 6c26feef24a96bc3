"""Estimates made from bootstrap draws, with the counts and reasons that tables print."""

from __future__ import annotations

import numpy as np

from helpers.estimates import Estimate
from helpers.statistics import intervals
from helpers.statistics.clusters import ClusterTable

MIN_CLUSTERS = 5
MAX_UNDEFINED = 0.1


def class_counts(table: ClusterTable) -> dict:
    """Return the numbers of pairs and clusters of a table."""
    return {
        "n_positive": int(table.positives.sum()),
        "n_negative": int(table.negatives.sum()),
        "n_clusters": table.n_clusters,
        "n_clusters_with_positive": table.n_with_positive,
    }


def without_limits(value: float, reason: str, unit: str, n_units: int, detail: dict) -> Estimate:
    """Return a point value whose ``detail["interval"]`` says why it has no limits."""
    interval = {"interval": f"not estimable: {reason}"}
    return Estimate(value, unit=unit, n_units=n_units, detail=detail | interval)


def percentile_estimate(
    value: float,
    draws: np.ndarray,
    method: str,
    unit: str,
    n_units: int,
    level: float,
    detail: dict,
) -> Estimate:
    """Return the percentile interval; no limits where over a tenth of the draws is NaN."""
    finite = draws[np.isfinite(draws)]
    if finite.size < (1 - MAX_UNDEFINED) * draws.size:
        reason = f"{draws.size - finite.size} of {draws.size} resamples lack a class"
        return without_limits(value, reason, unit, n_units, detail)
    low, high = intervals.percentile(finite, level)
    detail = detail | {"undefined_draws": int(draws.size - finite.size)}
    return Estimate(
        value, low, high, f"{method}, percentile", unit, n_units, finite.size, level, detail
    )
