"""Leave-one-out values, their standard error, and the influence of single clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.estimates import NotEstimable
from helpers.statistics.clusters import cluster_tables


def jackknife_se(values: np.ndarray) -> float:
    r"""Return the jackknife standard error of leave-one-out values.

    .. math:: \sqrt{\frac{T-1}{T}\sum_t(\theta_{(t)}-\bar\theta)^2}
    """
    values = np.asarray(values, dtype=np.float64)
    n = values.size
    return float(np.sqrt((n - 1) / n * np.sum((values - values.mean()) ** 2)))


@dataclass(frozen=True)
class LeaveOneOut:
    """AUROC without each cluster.

    Parameters
    ----------
    value
        AUROC of all pairs.
    names, values
        (T,) clusters and the AUROC without each of them (only where both classes remain).
    se
        Jackknife standard error over the clusters.
    influence
        (T,) value - AUROC without the cluster.
    most_influential
        Name of the cluster with the largest absolute influence.
    share_of_excess
        Largest share of the excess over 0.5 that vanishes with one cluster; None if the AUROC
        is not above 0.5.
    undefined
        Clusters without which no AUROC exists (they hold all positives or all negatives).
    """

    value: float
    names: np.ndarray
    values: np.ndarray
    se: float
    influence: np.ndarray
    most_influential: str
    share_of_excess: float | None
    undefined: tuple[str, ...]


def leave_one_cluster_out(
    scores: np.ndarray, labels: np.ndarray, clusters: np.ndarray
) -> LeaveOneOut | NotEstimable:
    """Return the AUROC without each cluster in turn, all from one table of wins.

    Parameters
    ----------
    scores, labels, clusters
        (n,) finite scores, booleans and clusters (TFs).
    """
    tables = cluster_tables(np.asarray(scores)[None], labels, clusters)
    if isinstance(tables, NotEstimable):
        return tables
    (table,) = tables
    value = float(table.auroc()[0])
    values = table.leave_one_out()
    defined = np.isfinite(values)
    if defined.sum() < 3:
        return NotEstimable(f"{int(defined.sum())} clusters can be left out; at least 3 needed")
    names, kept = table.names[defined], values[defined]
    influence = value - kept
    excess = value - 0.5
    return LeaveOneOut(
        value,
        names,
        kept,
        jackknife_se(kept),
        influence,
        str(names[np.argmax(np.abs(influence))]),
        float(influence.max() / excess) if excess > 0 else None,
        tuple(str(name) for name in table.names[~defined]),
    )
