"""Two gene x gene matrices on the same pairs, with genes as the units that are permuted.

Pairs that share a gene are not independent, so the gene labels of one matrix are permuted, rows
and columns together. When only the rows of some genes exist (attention of TF rows against all
genes), the row genes are permuted among themselves and the other genes among themselves: every
permuted matrix then uses exactly the entries that were measured, and being a TF is held fixed.
A square matrix is the special case in which all genes are row genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import midranks

MIN_PAIRS = 10
VALUES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class GeneMatrices:
    """Both matrices with row genes first: gene k is column k and, for k < m, also row k.

    Parameters
    ----------
    a, r
        (m, G) scores, row = source, and the matrix they are compared with.
    used, off_diagonal
        (m, G) booleans: pairs with a score, and all pairs of different genes.
    order
        (G,) column of the input that stands in each place.
    """

    a: np.ndarray
    r: np.ndarray
    used: np.ndarray
    off_diagonal: np.ndarray
    order: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Row genes and genes."""
        return self.a.shape

    def select(self, matrix: np.ndarray) -> np.ndarray:
        """Bring another (m, G) matrix (or one that broadcasts) into the same order."""
        return np.broadcast_to(matrix, self.shape)[:, self.order]

    def orders(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """Return (1 + draws, G) orders of the genes: the observed one, then permutations."""
        m, g = self.shape
        first = rng.permuted(np.tile(np.arange(m), (draws, 1)), axis=1)
        rest = rng.permuted(np.tile(np.arange(m, g), (draws, 1)), axis=1)
        drawn = np.concatenate([first, rest], axis=1)
        return np.concatenate([np.arange(g)[None], drawn]).astype(np.int32)


def align(
    a: np.ndarray, r: np.ndarray, rows: Sequence[int] | None = None, least: int = 5
) -> GeneMatrices | NotEstimable:
    """Put two matrices on the same pairs.

    Parameters
    ----------
    a
        (m, G) scores, row = source, column = target; NaN where a pair is missing.
    r
        (G, G) or (m, G) matrix, finite off the diagonal.
    rows
        Column numbers of the genes that the rows of A stand for; needed unless A is square.
    least
        Fewest row genes that a permutation test takes.

    Raises
    ------
    ParameterError
        If shapes or `rows` do not fit, or R is not finite.
    """
    a, r = np.asarray(a, dtype=np.float64), np.asarray(r, dtype=np.float64)
    if a.ndim != 2:
        raise ParameterError(f"A has shape {a.shape}; a matrix (row genes, genes) is expected")
    m, g = a.shape
    if rows is None:
        if m != g:
            raise ParameterError(f"A is {m} x {g}: say with `rows` which genes its rows are")
        rows = np.arange(g)
    rows = np.asarray(rows, dtype=np.int64)
    if rows.shape != (m,) or np.unique(rows).size != m or rows.min() < 0 or rows.max() >= g:
        raise ParameterError(f"`rows` must be {m} different column numbers below {g}")
    if r.shape not in ((m, g), (g, g)):
        raise ParameterError(f"R has shape {r.shape}; ({m}, {g}) or ({g}, {g}) expected")
    if m < least:
        return NotEstimable(f"{m} row genes of {g}; at least {least} needed to permute labels")
    order = np.concatenate([rows, np.setdiff1d(np.arange(g), rows)])
    r = (r if r.shape[0] == m else r[rows])[:, order]
    off_diagonal = ~np.eye(m, g, dtype=bool)
    if not np.isfinite(r[off_diagonal]).all():
        raise ParameterError("R must be finite for every pair; drop genes without variance")
    a = a[:, order]
    used = off_diagonal & np.isfinite(a)
    if used.sum() < MIN_PAIRS:
        return NotEstimable(f"{int(used.sum())} pairs have a score; at least {MIN_PAIRS} needed")
    return GeneMatrices(a, r, used, off_diagonal, order)


def ranked(matrix: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return mid-ranks over `where`, centred and scaled to about unit variance; zero elsewhere."""
    out = np.zeros(matrix.shape)
    ranks = midranks(matrix[where])
    out[where] = (ranks - ranks.mean()) * np.sqrt(12.0) / ranks.size
    return out


def centred(matrix: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the values over `where` less their mean; zero elsewhere."""
    out = np.zeros(matrix.shape)
    out[where] = matrix[where] - matrix[where].mean()
    return out


SCALES = {"spearman": ranked, "pearson": centred}
"""Method -> how the entries of both matrices enter."""


# Compiled loops. No permuted matrix is stored: row i of the permuted matrix is row order[i] with
# its columns in the order `order`. `r` and `e` are (m, G) matrices, rows of genes 0..m-1,
# and `orders` are (B, G) permutations that map 0..m-1 onto itself.


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


def permuted_partials(y, e, basis, used, orders):
    """Return (B, 2): the partial correlation of y and the permuted e, plain and studentised.

    What the terms leave of the permuted e is never formed: the sums over its pairs follow from
    those of the permuted e, of its products with the terms, and of the terms themselves.

    Parameters
    ----------
    y
        (m, G) residuals of unit length, zero on pairs that are not used.
    e
        (m, G) residuals to permute, zero on the diagonal.
    basis
        (m, G, k) orthonormal vectors of the terms, zero on pairs that are not used; the permuted e
        is regressed on them again.
    used
        (m, G) booleans.
    orders
        Permutations.
    """
    (m, g, terms), out = basis.shape, np.empty((len(orders), 2))
    flat, weight, inside = basis.reshape(m * g, terms), (y**2).ravel(), used.ravel().astype(float)
    of_row, of_column = np.einsum("ij,ijk->ki", y, basis), np.einsum("ij,ijk->kj", y, basis)
    of_pairs = flat.T @ (weight[:, None] * flat)
    at_once = max(1, min(32, VALUES_AT_ONCE // (m * g)))
    for first in range(0, len(orders), at_once):
        part = slice(first, first + at_once)
        moved = np.stack([e[one[:m]].take(one, axis=1) for one in orders[part]])
        line = moved.reshape(-1, m * g)
        shadow, crossed = line @ flat, (line * weight) @ flat
        row = np.einsum("bij,ij->bi", moved, y) - shadow @ of_row
        by_gene = np.einsum("bij,ij->bj", moved, y) - shadow @ of_column
        by_gene[:, :m] += row
        square, pairs = line**2 @ inside, line**2 @ weight
        square = np.maximum(square - (shadow**2).sum(axis=1), 1e-300)
        pairs += (shadow * (shadow @ of_pairs - 2 * crossed)).sum(axis=1)
        spread = np.maximum((by_gene**2).sum(axis=1) - pairs, np.maximum(pairs, 1e-300))
        out[part] = (row.sum(axis=1) / np.sqrt([square, spread])).T
    return out
