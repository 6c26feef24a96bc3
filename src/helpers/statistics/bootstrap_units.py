"""Bootstrap of an AUROC over units other than one set of clusters: TF x target, pairs, cells."""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.statistics.auroc import DRAWS_AT_ONCE, presort
from helpers.statistics.checks import cluster_codes, score_matrix
from helpers.statistics.clusters import cluster_counts, cluster_tables
from helpers.statistics.draw_estimates import (
    MIN_CLUSTERS,
    class_counts,
    percentile_estimate,
    without_limits,
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
    detail = class_counts(table) | {"n_columns": int(column_names.size)}
    few = min(table.n_with_positive, n_columns)
    if few < MIN_CLUSTERS:
        return without_limits(
            value,
            f"{few} rows or columns with a positive; 5 needed",
            "TF x target",
            table.n_clusters,
            detail,
        )
    by_row = cluster_counts(row_names.size, rng, n_boot)
    by_column = cluster_counts(column_names.size, rng, n_boot)
    draws = [
        sorted_once.weighted(by_row[some][:, row_codes] * by_column[some][:, column_codes])[:, 0]
        for some in np.array_split(np.arange(n_boot), -(-n_boot // DRAWS_AT_ONCE))
    ]
    draws = np.concatenate(draws)
    return percentile_estimate(
        value, draws, "two-way bootstrap", "TF x target", row_names.size, level, detail
    )


def pair_draws(
    scores: np.ndarray, labels: np.ndarray, rng: np.random.Generator, n_boot: int = 2000
) -> np.ndarray:
    """Return AUROC draws (n_boot, k) from resampling single pairs, common to all k scores."""
    sorted_once = presort(scores, labels)
    n = sorted_once.labels.size
    sizes = [min(DRAWS_AT_ONCE, n_boot - start) for start in range(0, n_boot, DRAWS_AT_ONCE)]
    return np.concatenate([sorted_once.weighted(pair_counts(n, rng, size)) for size in sizes])


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
    detail = class_counts(table)
    n = detail["n_positive"] + detail["n_negative"]
    draws = pair_draws(scores, labels, rng, n_boot)[:, 0]
    return percentile_estimate(
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
    value, detail = float(table.auroc()[0]), class_counts(table)
    if n_blocks < MIN_CLUSTERS:
        return without_limits(
            value, f"{n_blocks} {unit}s; at least 5 needed", unit, n_blocks, detail
        )
    draws = np.full(n_boot, np.nan)
    for b, weights in enumerate(cluster_counts(n_blocks, rng, n_boot)):
        covered = weights @ counts
        kept = covered > 0
        drawn = cluster_tables((weights @ sums)[kept] / covered[kept], labels[kept], one[kept])
        if not isinstance(drawn, NotEstimable):
            draws[b] = next(drawn).auroc()[0]
    return percentile_estimate(value, draws, f"{unit} bootstrap", unit, n_blocks, level, detail)
