"""AUROC over clusters of pairs: one table of wins gives every resample in T x T arithmetic.

For cluster weights c the AUROC is c'Wc / (c'p c'q), where W[a, b] counts the wins of the positives
of cluster a over the negatives of cluster b, and p, q count positives and negatives per cluster.
A bootstrap draw and a leave-one-out value therefore cost T^2 operations, whatever the number of
pairs, and equal what resampling the pairs themselves would give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from helpers.estimates import NotEstimable
from helpers.statistics import auroc_kernels as kernels
from helpers.statistics.checks import both_classes, cluster_codes, label_vector, score_matrix


@dataclass(frozen=True)
class ClusterTable:
    """Wins between clusters for one score.

    Parameters
    ----------
    wins
        (T, T) wins of positives (row cluster) over negatives (column cluster), ties as 0.5.
    positives, negatives
        (T,) numbers of pairs.
    names
        (T,) cluster names.
    """

    wins: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    names: np.ndarray

    @property
    def n_clusters(self) -> int:
        """Number of clusters, with or without positives."""
        return self.names.size

    @property
    def n_with_positive(self) -> int:
        """Number of clusters that hold at least one positive."""
        return int((self.positives > 0).sum())

    def auroc(self, counts: np.ndarray | None = None) -> np.ndarray:
        """Return AUROC draws (B,) for rows of cluster counts (B, T); NaN where undefined.

        Without `counts`, the AUROC of the data, (1,).
        """
        counts = self._counts(counts)
        wins = np.einsum("bt,bt->b", counts @ self.wins, counts)
        with np.errstate(invalid="ignore", divide="ignore"):
            return wins / ((counts @ self.positives) * (counts @ self.negatives))

    def leave_one_out(self) -> np.ndarray:
        """Return the AUROC without each cluster, (T,); NaN where no class remains."""
        return self.auroc(1.0 - np.eye(self.n_clusters))

    def _counts(self, counts: np.ndarray | None) -> np.ndarray:
        if counts is None:
            return np.ones((1, self.n_clusters))
        return np.atleast_2d(np.asarray(counts, dtype=np.float64))


def cluster_tables(
    scores: np.ndarray, labels: np.ndarray, clusters: np.ndarray
) -> Iterator[ClusterTable] | NotEstimable:
    """Return one ClusterTable per score, made one at a time to bound memory.

    Parameters
    ----------
    scores
        (n,) or (k, n) finite scores.
    labels
        (n,) booleans.
    clusters
        (n,) cluster of each pair, for example its TF.
    """
    scores = score_matrix(scores)
    labels = label_vector(labels, scores.shape[1])
    names, codes = cluster_codes(clusters, labels.size)
    if (reason := both_classes(labels)) is not None:
        return reason
    positives = np.bincount(codes[labels], minlength=names.size).astype(np.float64)
    negatives = np.bincount(codes[~labels], minlength=names.size).astype(np.float64)

    def tables() -> Iterator[ClusterTable]:
        for row in scores:
            order = np.argsort(row)  # ties are counted as blocks below, in any order
            last = kernels.tie_ends(row[order])
            wins = kernels.cluster_wins(order, last, labels, codes, names.size)
            yield ClusterTable(wins, positives, negatives, names)

    return tables()


def cluster_counts(n_clusters: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return (draws, T) counts of a bootstrap that draws T clusters with replacement."""
    return rng.multinomial(n_clusters, np.full(n_clusters, 1.0 / n_clusters), size=draws).astype(
        np.float64
    )
