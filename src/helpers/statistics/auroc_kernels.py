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
def weighted_auroc_draws(order, last, positive, weights):
    """Return the AUROC of one score under each column of `weights` (n, draws); NaN if undefined.

    The weights of a pair lie side by side, so that one walk through the pairs serves all draws.
    """
    draws = weights.shape[1]
    wins = np.zeros(draws)
    plus = np.zeros(draws)
    below = np.zeros(draws)
    start = 0
    for i in range(order.size):
        if not last[i]:
            continue
        if i == start:
            weight = weights[order[i]]
            if positive[order[i]]:
                for b in range(draws):
                    wins[b] += weight[b] * below[b]
                    plus[b] += weight[b]
            else:
                for b in range(draws):
                    below[b] += weight[b]
        else:
            # A positive ties with the negatives of its own run: the mean of before and after.
            for k in range(start, i + 1):
                if positive[order[k]]:
                    weight = weights[order[k]]
                    for b in range(draws):
                        wins[b] += 0.5 * weight[b] * below[b]
                        plus[b] += weight[b]
            for k in range(start, i + 1):
                if not positive[order[k]]:
                    weight = weights[order[k]]
                    for b in range(draws):
                        below[b] += weight[b]
            for k in range(start, i + 1):
                if positive[order[k]]:
                    weight = weights[order[k]]
                    for b in range(draws):
                        wins[b] += 0.5 * weight[b] * below[b]
        start = i + 1
    out = np.full(draws, np.nan)
    for b in range(draws):
        if plus[b] > 0.0 and below[b] > 0.0:
            out[b] = wins[b] / (plus[b] * below[b])
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


@njit(cache=True, nogil=True)
def placements(order, last, positive):
    """Return, per pair, the share of the other class that it is on the right side of.

    For a positive the share of negatives below it, for a negative that of positives above it;
    ties as half.
    """
    n = order.size
    n_positive = 0
    for k in range(n):
        n_positive += positive[k]
    n_negative = n - n_positive
    out = np.empty(n)
    start, plus_below, minus_below = 0, 0, 0
    for i in range(n):
        if not last[i]:
            continue
        plus = 0
        for k in range(start, i + 1):
            plus += positive[order[k]]
        minus = i + 1 - start - plus
        # Ties count half: what lies below the run, and half of the other class inside it.
        of_positive = (minus_below + 0.5 * minus) / n_negative
        of_negative = 1.0 - (plus_below + 0.5 * plus) / n_positive
        for k in range(start, i + 1):
            out[order[k]] = of_positive if positive[order[k]] else of_negative
        start, plus_below, minus_below = i + 1, plus_below + plus, minus_below + minus
    return out


@njit(cache=True, nogil=True)
def wins_inside(order, last, positive, cluster, n_clusters):
    """Return (T,) wins of the positives of each cluster over its own negatives, ties as half."""
    wins = np.zeros(n_clusters)
    below = np.zeros(n_clusters)
    start = 0
    for i in range(order.size):
        if not last[i]:
            continue
        # Half before and half after the run's own negatives: ties count half.
        for k in range(start, i + 1):
            if positive[order[k]]:
                wins[cluster[order[k]]] += 0.5 * below[cluster[order[k]]]
        for k in range(start, i + 1):
            if not positive[order[k]]:
                below[cluster[order[k]]] += 1.0
        for k in range(start, i + 1):
            if positive[order[k]]:
                wins[cluster[order[k]]] += 0.5 * below[cluster[order[k]]]
        start = i + 1
    return wins
