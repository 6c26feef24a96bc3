"""Compiled loops that apply gene-label permutations to a matrix and sum on the fly.

No permuted matrix is stored: row i of the permuted matrix is row order[i] with its columns in the
order `order`. In every function `r` and `e` are (m, G) matrices whose rows belong to genes
0..m-1, and `orders` are (B, G) permutations that map 0..m-1 onto itself.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, fastmath=True)
def permuted_sums(y, r, weight, orders):
    """Return (B, 3): for r' the permuted matrix, sums of y r', weight r'^2 and weight r'.

    Parameters
    ----------
    y, weight
        (m, G); both zero on pairs that are not used, `weight` one elsewhere.
    r
        (m, G), zero on the diagonal.
    orders
        Permutations.
    """
    draws = orders.shape[0]
    m, g = y.shape
    out = np.zeros((draws, 3))
    line = np.empty(g)
    # Rows outermost: a row of y is read into cache once and serves all permutations.
    for i in range(m):
        for b in range(draws):
            order = orders[b]
            row = r[order[i]]
            for j in range(g):
                line[j] = row[order[j]]
            cross = 0.0
            squares = 0.0
            total = 0.0
            for j in range(g):
                cross += y[i, j] * line[j]
                squares += weight[i, j] * line[j] * line[j]
                total += weight[i, j] * line[j]
            out[b, 0] += cross
            out[b, 1] += squares
            out[b, 2] += total
    return out


@numba.njit(cache=True, parallel=True)
def permuted_partials(y, e, basis, used, orders):  # pragma: no cover - compiled
    """Return (B, 2): the partial correlation of y and the permuted e, plain and studentised.

    Parameters
    ----------
    y
        (m, G) residuals of unit length, zero on pairs that are not used.
    e
        (m, G) residuals to permute, zero on the diagonal.
    basis
        (m, G, k) orthonormal vectors of the terms; the permuted e is regressed on them again.
    used
        (m, G) booleans.
    orders
        Permutations.
    """
    m, g = y.shape
    terms = basis.shape[2]
    out = np.empty((orders.shape[0], 2))
    for b in numba.prange(orders.shape[0]):
        order = orders[b]
        shadow = np.zeros(terms)
        for i in range(m):
            row = e[order[i]]
            for j in range(g):
                if used[i, j]:
                    value = row[order[j]]
                    for k in range(terms):
                        shadow[k] += basis[i, j, k] * value
        by_gene = np.zeros(g)
        cross, square, pairs = 0.0, 0.0, 0.0
        for i in range(m):
            row = e[order[i]]
            for j in range(g):
                if used[i, j]:
                    value = row[order[j]]
                    for k in range(terms):
                        value -= basis[i, j, k] * shadow[k]
                    part = y[i, j] * value
                    cross += part
                    square += value * value
                    pairs += part * part
                    by_gene[i] += part
                    by_gene[j] += part
        out[b, 0] = cross / np.sqrt(max(square, 1e-300))
        out[b, 1] = cross / np.sqrt(max(np.sum(by_gene * by_gene) - pairs, pairs, 1e-300))
    return out
