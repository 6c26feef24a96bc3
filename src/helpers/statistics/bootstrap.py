"""Cluster bootstrap of AUROCs: intervals, and tests of one value or of a paired difference.

Clusters (TFs) are resampled with all their pairs. Other units are in `bootstrap_units`.
"""

from __future__ import annotations

import numpy as np

from helpers.estimates import Estimate, NotEstimable
from helpers.statistics import intervals
from helpers.statistics.auroc import CONSTANT
from helpers.statistics.checks import monte_carlo_p, one_of
from helpers.statistics.clusters import ClusterTable, cluster_counts, cluster_tables, linear_se
from helpers.statistics.draw_estimates import (
    MAX_UNDEFINED,
    MIN_CLUSTERS,
    class_counts,
    percentile_estimate,
    without_limits,
)
from helpers.statistics.results import Outcome


def cluster_interval(
    scores: np.ndarray,
    labels: np.ndarray,
    clusters: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
    unit: str = "TF",
) -> Estimate | NotEstimable:
    """Return the AUROC of one score with a cluster-bootstrap interval.

    Parameters
    ----------
    scores, labels, clusters
        (n,) finite scores, booleans, and the cluster of each pair.
    rng
        Source of the resamples.
    n_boot, level
        Resamples and coverage.
    method
        ``percentile``, ``bca`` or ``t`` (symmetric bootstrap-t, the best calibrated with fewer
        than about 50 clusters).
    unit
        Name of a cluster, for the record.

    Returns
    -------
    Estimate or NotEstimable
        With fewer than 5 clusters that hold a positive the point value comes without limits and
        ``detail["interval"]`` gives the reason.
    """
    many = cluster_intervals(
        np.asarray(scores)[None], labels, clusters, rng, n_boot, level, method, unit
    )
    return many if isinstance(many, NotEstimable) else many[0]


def cluster_intervals(
    scores: np.ndarray,
    labels: np.ndarray,
    clusters: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
    unit: str = "TF",
) -> list[Estimate] | NotEstimable:
    """Return AUROCs of k scores (k, n) with intervals from common cluster resamples.

    Arguments and details as in :func:`cluster_interval`.
    """
    one_of("method", method, ("percentile", "bca", "t"))
    tables = cluster_tables(scores, labels, clusters)
    if isinstance(tables, NotEstimable):
        return tables
    counts = None
    results = []
    for table in tables:
        if counts is None:
            counts = cluster_counts(table.n_clusters, rng, n_boot)
        results.append(_interval_of(table, counts, level, method, unit))
    return results


def cluster_draws(
    scores: np.ndarray,
    labels: np.ndarray,
    clusters: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
) -> np.ndarray | NotEstimable:
    """Return bootstrap draws (n_boot, k) of the AUROC of k scores under common resamples.

    A draw without positives or negatives is NaN; it is for the caller to leave out.
    """
    tables = cluster_tables(scores, labels, clusters)
    if isinstance(tables, NotEstimable):
        return tables
    tables = list(tables)
    counts = cluster_counts(tables[0].n_clusters, rng, n_boot)
    return np.stack([table.auroc(counts) for table in tables], axis=1)


def paired_cluster_test(
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    labels: np.ndarray,
    clusters: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
    level: float = 0.95,
    unit: str = "TF",
) -> Outcome | NotEstimable:
    """Test AUROC(a) - AUROC(b) = 0 on the same pairs by a paired cluster bootstrap, two-sided.

    p and the interval come from the symmetric bootstrap-t: the draws of
    (difference - observed) / standard error, standard errors by the infinitesimal jackknife over
    clusters. With 14 to 60 clusters it rejects a true null at 4 to 6 %, where counting the draws
    beyond zero rejects at 7 to 10 %. ``detail`` also has the percentile interval and both AUROCs.
    """
    both = np.stack([np.asarray(scores_a, float), np.asarray(scores_b, float)])
    tables = cluster_tables(both, labels, clusters)
    if isinstance(tables, NotEstimable):
        return tables
    a, b = tables
    return _studentised_test(
        lambda counts: a.auroc(counts) - b.auroc(counts),
        lambda counts: a.influence(counts) - b.influence(counts),
        a,
        rng,
        n_boot,
        level,
        unit,
        0.0,
        {"auroc_a": float(a.auroc()[0]), "auroc_b": float(b.auroc()[0])},
    )


def cluster_test(
    scores: np.ndarray,
    labels: np.ndarray,
    clusters: np.ndarray,
    rng: np.random.Generator,
    null: float = 0.5,
    n_boot: int = 2000,
    level: float = 0.95,
    unit: str = "TF",
) -> Outcome | NotEstimable:
    """Test AUROC = `null` by the symmetric cluster bootstrap-t, two-sided."""
    tables = cluster_tables(scores, labels, clusters)
    if isinstance(tables, NotEstimable):
        return tables
    (table,) = tables
    return _studentised_test(
        table.auroc, table.influence, table, rng, n_boot, level, unit, null, {}
    )


def _interval_of(
    table: ClusterTable, counts: np.ndarray, level: float, method: str, unit: str
) -> Estimate:
    value, detail = float(table.auroc()[0]), class_counts(table)
    if table.wins.sum() > 0 and np.array_equal(
        table.wins, 0.5 * np.outer(table.positives, table.negatives)
    ):
        detail["flag"] = CONSTANT
    if table.n_with_positive < MIN_CLUSTERS:
        reason = f"{table.n_with_positive} {unit}s with a positive; at least {MIN_CLUSTERS} needed"
        return without_limits(value, reason, unit, table.n_clusters, detail)
    label = f"{unit}-cluster bootstrap"
    draws = table.auroc(counts)
    if method == "percentile":
        return percentile_estimate(value, draws, label, unit, table.n_clusters, level, detail)
    if method == "bca":
        left_out = table.leave_one_out()
        limits = intervals.bca(
            draws[np.isfinite(draws)], value, left_out[np.isfinite(left_out)], level
        )
        if isinstance(limits, NotEstimable):
            return without_limits(value, limits.reason, unit, table.n_clusters, detail)
        name = f"{label}, BCa"
    else:
        se = linear_se(table.influence())[0]
        pivots = _pivots(draws, value, linear_se(table.influence(counts), counts))
        if se == 0 or pivots.size < (1 - MAX_UNDEFINED) * len(counts):
            reason = "the standard error is zero in the data or in many resamples"
            return without_limits(value, reason, unit, table.n_clusters, detail)
        limits = intervals.studentised(value, se, pivots, level)
        limits = max(0.0, limits[0]), min(1.0, limits[1])
        detail["se"] = float(se)
        name = f"{label}, symmetric t"
    return Estimate(value, *limits, name, unit, table.n_clusters, len(counts), level, detail)


def _studentised_test(
    value_of, influence_of, table, rng, n_boot, level, unit, null, detail
) -> Outcome | NotEstimable:
    if table.n_with_positive < MIN_CLUSTERS:
        return NotEstimable(
            f"{table.n_with_positive} {unit}s with a positive; at least {MIN_CLUSTERS} needed"
        )
    value = float(value_of(None)[0])
    se = float(linear_se(influence_of(None))[0])
    if se <= 1e-12:
        return NotEstimable("the statistic does not vary between clusters (zero standard error)")
    counts = cluster_counts(table.n_clusters, rng, n_boot)
    draws = value_of(counts)
    pivots = _pivots(draws, value, linear_se(influence_of(counts), counts))
    if pivots.size < (1 - MAX_UNDEFINED) * n_boot:
        return NotEstimable("more than a tenth of the resamples have no standard error")
    low, high = intervals.studentised(value, se, pivots, level)
    finite = draws[np.isfinite(draws)]
    exceeding = int((np.abs(pivots) >= abs(value - null) / se - 1e-12).sum())
    spread = intervals.percentile(finite, level)
    return Outcome(
        estimate=value,
        p=float(monte_carlo_p(exceeding, pivots.size)),
        sides="two",
        test=f"{unit}-cluster bootstrap, symmetric t",
        null=f"value {null:g}",
        unit=unit,
        n_units=table.n_clusters,
        resamples=pivots.size,
        p_floor=1.0 / (1 + pivots.size),
        low=low,
        high=high,
        level=level,
        draws=finite,
        detail=class_counts(table)
        | {"se": se, "percentile_low": spread[0], "percentile_high": spread[1]}
        | detail,
    )


def _pivots(draws: np.ndarray, value: float, se: np.ndarray) -> np.ndarray:
    usable = np.isfinite(draws) & np.isfinite(se) & (se > 1e-12)
    return (draws[usable] - value) / se[usable]
