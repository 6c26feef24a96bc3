"""Compiled loops for rank correlation: exact integer ranks and a blocked sparse product.

A "doubled centred rank" is 2 * midrank - (n + 1): an integer with mean zero, so that sums of
products are exact in float64.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAX_COUNT = 1 << 16


@njit(cache=True, nogil=True)
def rank_counts(column, out):
    """Write doubled centred ranks of small non-negative integers; return False for other data."""
    n = column.size
    top = 0
    for i in range(n):
        value = column[i]
        if not (0 <= value < MAX_COUNT) or value != np.floor(value):
            return False
        top = max(top, int(value))
    tally = np.zeros(top + 1, np.int64)
    for i in range(n):
        tally[int(column[i])] += 1
    below = 0
    for value in range(top + 1):
        size = tally[value]
        tally[value] = 2 * below + size + 1 - (n + 1)
        below += size
    for i in range(n):
        out[i] = tally[int(column[i])]
    return True


@njit(cache=True, nogil=True)
def pack(column, bits, out):
    """Write keys that sort as the values do, the place of each value in their lowest `bits` bits.

    The bits of a float, read as a signed integer, sort as the float does once the negative ones
    are turned around. Sorting such keys is twice as fast as sorting places by values.
    """
    numbers = column.view(np.int64)
    low = (np.int64(1) << bits) - 1
    for i in range(column.size):
        key = numbers[i] if column[i] != 0 else np.int64(0)  # both zeros are one value
        if key < 0:
            key ^= np.int64(0x7FFFFFFFFFFFFFFF)
        out[i] = (key & ~low) | i


@njit(cache=True, nogil=True)
def unpack(keys, column, bits):
    """Turn sorted keys into places in the order of the values; return False where that is slow.

    Values that differ only in the bits that gave way to the place are put right by insertion.
    """
    low = (np.int64(1) << bits) - 1
    moves = 0
    for i in range(keys.size):
        place = keys[i] & low
        j = i
        while j > 0 and column[keys[j - 1]] > column[place]:
            keys[j] = keys[j - 1]
            j -= 1
            moves += 1
        keys[j] = place
        if moves > 4 * keys.size:
            return False
    return True


@njit(cache=True, nogil=True)
def rank_sorted(column, order, out):
    """Write doubled centred ranks of a column, given its sorting order."""
    n = column.size
    start = 0
    for i in range(n):
        if i == n - 1 or column[order[i + 1]] != column[order[i]]:
            rank = start + i + 2 - (n + 1)
            for k in range(start, i + 1):
                out[order[k]] = rank
            start = i + 1


@njit(cache=True, nogil=True)
def rank_sparse(data, indptr, n, out, zero_rank):
    """Write ranks of the stored values of each column minus the rank of its zeros.

    `data` holds the non-zero values of a column-sparse matrix with n rows; `out` is aligned with
    it, and `zero_rank` (one per column) receives the doubled centred rank of the zeros.
    """
    for j in range(indptr.size - 1):
        values = data[indptr[j] : indptr[j + 1]]
        order = np.argsort(values)  # ties share their mean rank, in any order
        zeros = n - values.size
        negative = 0
        for value in values:
            if value < 0:
                negative += 1
        at_zero = 2 * negative + zeros + 1 - (n + 1)
        zero_rank[j] = at_zero
        start = 0
        for i in range(values.size):
            if i == values.size - 1 or values[order[i + 1]] != values[order[i]]:
                rank = start + i + 2 - (n + 1)
                if values[order[i]] > 0:
                    rank += 2 * zeros
                for k in range(start, i + 1):
                    out[indptr[j] + order[k]] = rank - at_zero
                start = i + 1


@njit(cache=True, nogil=True)
def block_bounds(indices, indptr, n_columns, block):
    """Return (rows, blocks + 1) places at which the entries of each column block begin."""
    n_rows = indptr.size - 1
    n_blocks = (n_columns + block - 1) // block
    bounds = np.empty((n_rows, n_blocks + 1), np.int64)
    for i in range(n_rows):
        place = indptr[i]
        for b in range(n_blocks):
            bounds[i, b] = place
            while place < indptr[i + 1] and indices[place] < (b + 1) * block:
                place += 1
        bounds[i, n_blocks] = indptr[i + 1]
    return bounds


@njit(cache=True, nogil=True)
def sparse_gram(data, local, bounds, pairs, block, shift, gram):
    """Fill gram = X'X - n shift shift' for some pairs of column blocks, both triangles.

    Parameters
    ----------
    data, local
        Values of a row-sparse matrix, and their column modulo `block` (unsigned), sorted.
    bounds
        From :func:`block_bounds`.
    pairs
        (p, 2) block numbers a <= b. A pair's part of the result stays in cache, and different
        pairs write different cells, so threads may share `gram`.
    block
        Columns per block.
    shift
        (columns,) values to take away.
    gram
        (columns, columns) result.
    """
    n_rows, n_columns = bounds.shape[0], gram.shape[0]
    part = np.empty((block, block))
    for k in range(len(pairs)):
        a, b = pairs[k, 0], pairs[k, 1]
        part[:] = 0.0
        for i in range(n_rows):
            first, last = bounds[i, b], bounds[i, b + 1]
            for p in range(bounds[i, a], bounds[i, a + 1]):
                line = part[local[p]]
                value = data[p]
                for q in range(max(first, p), last):
                    line[local[q]] += value * data[q]
        for r in range(min(block, n_columns - a * block)):
            row = a * block + r
            for c in range(r if a == b else 0, min(block, n_columns - b * block)):
                column = b * block + c
                value = part[r, c] - n_rows * shift[row] * shift[column]
                gram[row, column] = value
                gram[column, row] = value
