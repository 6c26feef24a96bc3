"""Compiled loops behind the AUROC: every one walks the pairs once in sorted order.

Shared layout: `order` holds the pair numbers by increasing score, and `last` is 1 where a run of
equal scores ends, so that ties are counted as half a win, exactly.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def tie_ends(sorted_scores: np.ndarray) -> np.ndarray:
    """Return 1 at the last position of every run of equal values, 0 elsewhere."""
    n = sorted_scores.size
    last = np.empty(n, np.uint8)
    for i in range(n - 1):
        last[i] = 1 if sorted_scores[i + 1] != sorted_scores[i] else 0
    last[n - 1] = 1
    return last


@njit(cache=True, nogil=True)
def weighted_wins(order, last, positive, weights):
    """Return (wins, positive weight, negative weight) for one vector of pair weights."""
    wins = 0.0
    below = 0.0
    total_positive = 0.0
    run_positive = 0.0
    run_negative = 0.0
    for i in range(order.size):
        pair = order[i]
        weight = weights[pair]
        if positive[pair]:
            run_positive += weight
        else:
            run_negative += weight
        if last[i]:
            wins += run_positive * (below + 0.5 * run_negative)
            below += run_negative
            total_positive += run_positive
            run_positive = 0.0
            run_negative = 0.0
    return wins, total_positive, below


@njit(cache=True, nogil=True)
def weighted_auroc_draws(order, last, positive, weights):
    """Return the AUROC of one score under each row of `weights` (draws, n); NaN if undefined."""
    out = np.empty(weights.shape[0])
    for b in range(weights.shape[0]):
        wins, plus, minus = weighted_wins(order, last, positive, weights[b])
        out[b] = wins / (plus * minus) if plus > 0.0 and minus > 0.0 else np.nan
    return out


@njit(cache=True, nogil=True)
def crossed_auroc_draws(order, last, positive, row, column, row_counts, column_counts):
    """Return AUROC draws when the weight of a pair is row count times column count."""
    draws = row_counts.shape[0]
    out = np.empty(draws)
    weights = np.empty(order.size)
    for b in range(draws):
        for k in range(order.size):
            weights[k] = row_counts[b, row[k]] * column_counts[b, column[k]]
        wins, plus, minus = weighted_wins(order, last, positive, weights)
        out[b] = wins / (plus * minus) if plus > 0.0 and minus > 0.0 else np.nan
    return out


@njit(cache=True, nogil=True)
def cluster_wins(order, last, positive, cluster, n_clusters):
    """Return W (T, T): W[a, b] = wins of the positives of cluster a over the negatives of b."""
    wins = np.zeros((n_clusters, n_clusters))
    below = np.zeros(n_clusters)
    n = order.size
    start = 0
    for i in range(n):
        if not last[i]:
            continue
        # A positive beats what lies below its run, and ties with the negatives inside the run:
        # the mean of the counts before and after the run is both at once.
        if i == start:
            pair = order[i]
            if positive[pair]:
                wins[cluster[pair]] += below
            else:
                below[cluster[pair]] += 1.0
        else:
            for k in range(start, i + 1):
                if positive[order[k]]:
                    wins[cluster[order[k]]] += 0.5 * below
            for k in range(start, i + 1):
                if not positive[order[k]]:
                    below[cluster[order[k]]] += 1.0
            for k in range(start, i + 1):
                if positive[order[k]]:
                    wins[cluster[order[k]]] += 0.5 * below
        start = i + 1
    return wins


@njit(cache=True, nogil=True)
def midranks(order, last):
    """Return the mid-ranks (1-based, ties share their mean rank) of the pairs."""
    n = order.size
    ranks = np.empty(n)
    start = 0
    for i in range(n):
        if last[i]:
            rank = 0.5 * (start + i) + 1.0
            for k in range(start, i + 1):
                ranks[order[k]] = rank
            start = i + 1
    return ranks
