"""The compiled loop that applies gene-label permutations to a matrix and sums on the fly."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath=True)
def permuted_sums(y, r, weight, basis, perms):
    """Return (B, k + 2): for r' the permuted matrix, sum y r', sum weight r'^2, and basis sums.

    No permuted matrix is stored: row i of r' is row perm[i] of r with its columns in the order
    perm.

    Parameters
    ----------
    y, weight
        (m, G); both zero on pairs that are not used, ``weight`` one elsewhere.
    r
        (m, G) matrix whose rows belong to genes 0..m-1; zero on the diagonal.
    basis
        (m, k, G) vectors whose products with r' are wanted, zero on pairs that are not used.
    perms
        (B, G) permutations that map 0..m-1 onto itself.
    """
    draws = perms.shape[0]
    m, k, g = basis.shape
    out = np.zeros((draws, k + 2))
    line = np.empty(g)
    # Rows outermost: the basis of a row is read into cache once and serves all permutations.
    for i in range(m):
        for b in range(draws):
            perm = perms[b]
            row = r[perm[i]]
            for j in range(g):
                line[j] = row[perm[j]]
            cross = 0.0
            squares = 0.0
            for j in range(g):
                cross += y[i, j] * line[j]
                squares += weight[i, j] * line[j] * line[j]
            out[b, 0] += cross
            out[b, 1] += squares
            for c in range(k):
                product = 0.0
                for j in range(g):
                    product += basis[i, c, j] * line[j]
                out[b, c + 2] += product
    return out
