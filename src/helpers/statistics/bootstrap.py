"""Bootstrap intervals and paired tests of AUROCs; the resampled unit is always named.

`cluster_*` resample clusters (TFs) with all their pairs, `two_way_interval` clusters of rows and of
columns, `pair_interval` single pairs (only to reproduce published intervals), and `cell_interval`
the cells (or blocks of cells) behind the scores.
"""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.statistics import auroc_kernels as kernels
from helpers.statistics import intervals
from helpers.statistics.auroc import CONSTANT, presort
from helpers.statistics.checks import cluster_codes, monte_carlo_p, one_of, score_matrix
from helpers.statistics.clusters import ClusterTable, cluster_counts, cluster_tables, linear_se
from helpers.statistics.results import Outcome

MIN_CLUSTERS = 5
MAX_UNDEFINED = 0.1


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


def two_way_interval(
    scores: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
    level: float = 0.95,
) -> Estimate | NotEstimable:
    """Return the AUROC with a percentile interval from resampling TFs and targets at once.

    The weight of a pair is the count of its row times the count of its column (the pigeonhole
    bootstrap, Owen 2007, Ann Appl Stat 1:386-411), which is conservative.
    """
    scores = score_matrix(scores)
    row_names, row_codes = cluster_codes(rows, scores.shape[1])
    column_names, column_codes = cluster_codes(columns, scores.shape[1])
    tables = cluster_tables(scores, labels, rows)
    if isinstance(tables, NotEstimable):
        return tables
    (table,) = tables
    sorted_once = presort(scores, labels)
    n_columns = np.unique(column_codes[sorted_once.labels]).size
    value = float(table.auroc()[0])
    detail = _counts_of(table) | {"n_columns": int(column_names.size)}
    few = min(table.n_with_positive, n_columns)
    if few < MIN_CLUSTERS:
        return _point(
            value,
            f"{few} rows or columns with a positive; 5 needed",
            "TF x target",
            table.n_clusters,
            detail,
        )
    draws = kernels.crossed_auroc_draws(
        sorted_once.order[0],
        sorted_once.last[0],
        sorted_once.labels,
        row_codes,
        column_codes,
        cluster_counts(row_names.size, rng, n_boot),
        cluster_counts(column_names.size, rng, n_boot),
    )
    return _percentile_estimate(
        value, draws, "two-way bootstrap", "TF x target", row_names.size, level, detail
    )


def pair_draws(
    scores: np.ndarray, labels: np.ndarray, rng: np.random.Generator, n_boot: int = 2000
) -> np.ndarray:
    """Return AUROC draws (n_boot, k) from resampling single pairs, common to all k scores."""
    sorted_once = presort(scores, labels)
    n = sorted_once.labels.size
    block = max(1, min(n_boot, 2**24 // n))
    parts = []
    for start in range(0, n_boot, block):
        counts = pair_counts(n, rng, min(block, n_boot - start))
        parts.append(sorted_once.weighted(counts))
    return np.concatenate(parts)


def pair_counts(n: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return (draws, n) counts of resamples of n pairs with replacement."""
    counts = np.empty((draws, n), dtype=np.uint16)
    for row in counts:
        row[:] = np.bincount(rng.integers(0, n, size=n, dtype=np.uint32), minlength=n)
    return counts


def pair_interval(
    scores: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 1000,
    level: float = 0.95,
) -> Estimate | NotEstimable:
    """Return the AUROC with the percentile interval over single pairs (published variant).

    It treats edges that share a TF as independent, so it is too narrow for networks.
    """
    tables = cluster_tables(scores, labels, np.zeros(np.asarray(labels).size, dtype=int))
    if isinstance(tables, NotEstimable):
        return tables
    (table,) = tables
    detail = _counts_of(table)
    n = detail["n_positive"] + detail["n_negative"]
    draws = pair_draws(scores, labels, rng, n_boot)[:, 0]
    return _percentile_estimate(
        float(table.auroc()[0]), draws, "pair bootstrap", "pair", n, level, detail
    )


def cell_interval(
    sums: np.ndarray,
    counts: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 500,
    level: float = 0.95,
    unit: str = "cell",
) -> Estimate | NotEstimable:
    """Return the AUROC of an averaged score with an interval from resampling cells.

    Parameters
    ----------
    sums, counts
        (blocks, n) sum of the score and number of cells per pair, for each cell (or block of
        cells, or donor). The score is sums / counts over the drawn blocks.
    labels
        (n,) booleans.
    unit
        Name of a block.

    Notes
    -----
    A pair that no drawn cell covers is left out of that draw. The interval tells how much the
    value depends on these cells, not on these TFs.
    """
    sums, counts = score_matrix(sums), score_matrix(counts)
    if sums.shape != counts.shape:
        raise ParameterError(f"sums {sums.shape} and counts {counts.shape} differ in shape")
    labels = np.asarray(labels, dtype=bool)
    if (counts.sum(axis=0) == 0).any():
        raise ParameterError("a pair is covered by no cell; drop it before")
    n_blocks = len(sums)
    one = np.zeros(labels.size, dtype=int)
    tables = cluster_tables(sums.sum(0) / counts.sum(0), labels, one)
    if isinstance(tables, NotEstimable):
        return tables
    (table,) = tables
    value, detail = float(table.auroc()[0]), _counts_of(table)
    if n_blocks < MIN_CLUSTERS:
        return _point(value, f"{n_blocks} {unit}s; at least 5 needed", unit, n_blocks, detail)
    draws = np.full(n_boot, np.nan)
    for b, weights in enumerate(cluster_counts(n_blocks, rng, n_boot)):
        covered = weights @ counts
        kept = covered > 0
        drawn = cluster_tables((weights @ sums)[kept] / covered[kept], labels[kept], one[kept])
        if not isinstance(drawn, NotEstimable):
            draws[b] = next(drawn).auroc()[0]
    return _percentile_estimate(value, draws, f"{unit} bootstrap", unit, n_blocks, level, detail)


def _interval_of(
    table: ClusterTable, counts: np.ndarray, level: float, method: str, unit: str
) -> Estimate:
    value, detail = float(table.auroc()[0]), _counts_of(table)
    if table.wins.sum() > 0 and np.array_equal(
        table.wins, 0.5 * np.outer(table.positives, table.negatives)
    ):
        detail["flag"] = CONSTANT
    if table.n_with_positive < MIN_CLUSTERS:
        reason = f"{table.n_with_positive} {unit}s with a positive; at least {MIN_CLUSTERS} needed"
        return _point(value, reason, unit, table.n_clusters, detail)
    label = f"{unit}-cluster bootstrap"
    draws = table.auroc(counts)
    if method == "percentile":
        return _percentile_estimate(value, draws, label, unit, table.n_clusters, level, detail)
    if method == "bca":
        left_out = table.leave_one_out()
        limits = intervals.bca(
            draws[np.isfinite(draws)], value, left_out[np.isfinite(left_out)], level
        )
        if isinstance(limits, NotEstimable):
            return _point(value, limits.reason, unit, table.n_clusters, detail)
        name = f"{label}, BCa"
    else:
        se = linear_se(table.influence())[0]
        pivots = _pivots(draws, value, linear_se(table.influence(counts), counts))
        if se == 0 or pivots.size < (1 - MAX_UNDEFINED) * len(counts):
            reason = "the standard error is zero in the data or in many resamples"
            return _point(value, reason, unit, table.n_clusters, detail)
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
        detail=_counts_of(table)
        | {"se": se, "percentile_low": spread[0], "percentile_high": spread[1]}
        | detail,
    )


def _pivots(draws: np.ndarray, value: float, se: np.ndarray) -> np.ndarray:
    usable = np.isfinite(draws) & np.isfinite(se) & (se > 1e-12)
    return (draws[usable] - value) / se[usable]


def _counts_of(table: ClusterTable) -> dict:
    return {
        "n_positive": int(table.positives.sum()),
        "n_negative": int(table.negatives.sum()),
        "n_clusters": table.n_clusters,
        "n_clusters_with_positive": table.n_with_positive,
    }


def _point(value: float, reason: str, unit: str, n_units: int, detail: dict) -> Estimate:
    interval = {"interval": f"not estimable: {reason}"}
    return Estimate(value, unit=unit, n_units=n_units, detail=detail | interval)


def _percentile_estimate(
    value: float,
    draws: np.ndarray,
    method: str,
    unit: str,
    n_units: int,
    level: float,
    detail: dict,
) -> Estimate:
    finite = draws[np.isfinite(draws)]
    if finite.size < (1 - MAX_UNDEFINED) * draws.size:
        reason = f"{draws.size - finite.size} of {draws.size} resamples lack a class"
        return _point(value, reason, unit, n_units, detail)
    low, high = intervals.percentile(finite, level)
    detail = detail | {"undefined_draws": int(draws.size - finite.size)}
    return Estimate(
        value, low, high, f"{method}, percentile", unit, n_units, finite.size, level, detail
    )
