"""Rank correlation of all column pairs in bounded memory, given covariates if asked; Fisher's z."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import sparse, stats
from threadpoolctl import threadpool_limits

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.statistics import correlation_kernels as kernels
from helpers.statistics.checks import one_of
from helpers.statistics.threads import THREADS, in_threads

# Below this share of non-zeros the sparse product beats the dense one (2 cores, AVX-512).
SPARSE_DENSITY = 0.12
SPARSE_BLOCK = 256
RANKED_AT_ONCE = 64
CELLS_AT_ONCE = 4096


def spearman_matrix(
    x: np.ndarray | sparse.spmatrix,
    covariates: np.ndarray | None = None,
    block: int = 256,
    explained: str = "refuse",
) -> np.ndarray:
    r"""Return Spearman correlations of all pairs of columns.

    Parameters
    ----------
    x
        (n, g) values, dense or sparse; rows are cells, columns genes. No column may be constant
        (see :func:`constant_columns`).
    covariates
        (n,) or (n, k) covariates, for example log library size. The result is then the partial
        rank correlation: the Pearson correlation of the ranks after least-squares removal of the
        covariates' ranks.
    block
        Columns whose products are handled at a time.
    explained
        What to do with columns that the covariates explain fully: ``refuse`` raises, ``zero``
        gives them correlation 0 with all others.

    Returns
    -------
    ndarray
        (g, g) symmetric matrix with unit diagonal.

    Notes
    -----
    Ranks are doubled and centred, hence integers; their products are summed exactly. On top of the
    result, dense input needs 2 n g bytes for ranks (4 n g from 32,768 rows on), 8 x 4,096 g for
    some cells' ranks at a time and 8 g `block` for products; sparse input a few times its
    non-zeros.

    Raises
    ------
    ParameterError
        On NaN, constant columns, or (unless told otherwise) columns that the covariates explain
        fully.
    """
    one_of("explained", explained, ("refuse", "zero"))
    n, g = x.shape
    if n < 3:
        raise ParameterError(f"{n} rows; a rank correlation needs at least 3")
    design = _rank_design(covariates, n)
    if sparse.issparse(x) and x.nnz <= SPARSE_DENSITY * n * g:
        gram, cross = _sparse_products(x, design)
    else:
        gram, cross = _dense_products(x, design, block)
    rank_variance = np.diag(gram).copy()
    _refuse(np.flatnonzero(rank_variance <= 0), "constant")
    if design is not None:
        gram -= cross @ cross.T
        empty = np.flatnonzero(np.diag(gram) <= 1e-10 * rank_variance)
        if explained == "refuse":
            _refuse(empty, "explained fully by the covariates")
        gram[empty] = gram[:, empty] = 0.0
        gram[empty, empty] = 1.0
    scale = np.sqrt(np.diag(gram))
    for start in range(0, g, block):
        rows = slice(start, start + block)
        gram[rows] /= scale[rows, None] * scale[None, :]  # one rounding: exactly symmetric
    np.clip(gram, -1.0, 1.0, out=gram)
    np.fill_diagonal(gram, 1.0)
    return gram


def constant_columns(x: np.ndarray | sparse.spmatrix) -> np.ndarray:
    """Return (g,) booleans: True where a column takes a single value."""
    if sparse.issparse(x):
        return np.asarray(x.max(axis=0).todense() == x.min(axis=0).todense()).ravel()
    return np.ptp(np.asarray(x), axis=0) == 0


def partial_spearman(x: np.ndarray, y: np.ndarray, covariates: np.ndarray) -> float | NotEstimable:
    """Return the rank correlation of two vectors given covariates (n,) or (n, k)."""
    pair = np.column_stack([x, y]).astype(np.float64)
    try:
        return float(spearman_matrix(pair, covariates)[0, 1])
    except ParameterError as error:
        return NotEstimable(str(error))


def fisher_interval(
    rho: float, n: int, level: float = 0.95, kind: str = "pearson", n_covariates: int = 0
) -> Estimate | NotEstimable:
    """Return a correlation with the interval of Fisher's z; rows are independent units.

    The variance of z is 1 / (n - k - 3) for Pearson and (1 + rho^2 / 2) / (n - k - 3) for
    Spearman (Bonett, Wright 2000, Psychometrika 65:23-28), k being the number of covariates.
    """
    se = _fisher_se(rho, n, kind, n_covariates)
    if isinstance(se, NotEstimable):
        return se
    half = stats.norm.ppf((1 + level) / 2) * se
    z = np.arctanh(rho)
    return Estimate(
        float(rho),
        float(np.tanh(z - half)),
        float(np.tanh(z + half)),
        f"Fisher z, {kind}",
        "cell",
        n,
        level=level,
    )


def _fisher_se(rho: float, n: int, kind: str, n_covariates: int) -> float | NotEstimable:
    if kind not in ("pearson", "spearman"):
        raise ParameterError(f"kind is {kind!r}; 'pearson' or 'spearman' expected")
    if n - n_covariates <= 3 or not -1 < rho < 1:
        return NotEstimable(f"Fisher's z has no interval for correlation {rho:g} of {n} units")
    bonett_wright = 1 + rho**2 / 2 if kind == "spearman" else 1.0
    return float(np.sqrt(bonett_wright / (n - n_covariates - 3)))


def _ranked(columns: np.ndarray) -> np.ndarray:
    """Return doubled centred ranks of the rows of `columns` (k, n), small exact integers."""
    if np.isnan(columns).any():
        raise ParameterError("values hold NaN; drop those rows or columns before ranking")
    n = columns.shape[1]
    out = np.empty(columns.shape, dtype=np.int16 if n < 2**15 else np.int32)
    bits, keys = n.bit_length(), np.empty(n, dtype=np.int64)
    for row, ranks in zip(columns, out, strict=True):
        if kernels.rank_counts(row, ranks):
            continue
        kernels.pack(row, bits, keys)
        keys.sort()
        # ties share their mean rank, in any order
        order = keys if kernels.unpack(keys, row, bits) else np.argsort(row)
        kernels.rank_sorted(row, order, ranks)
    return out


def _all_ranked(x: np.ndarray | sparse.spmatrix) -> np.ndarray:
    """Return doubled centred ranks (g, n) of all columns, some columns to a thread at a time."""
    lines = x.tocsc().T if sparse.issparse(x) else np.asarray(x).T

    def part(start: int) -> np.ndarray:
        rows = lines[start : start + RANKED_AT_ONCE]
        rows = rows.toarray() if sparse.issparse(rows) else rows
        return _ranked(np.ascontiguousarray(rows, dtype=np.float64))

    return np.concatenate(in_threads(part, range(0, lines.shape[0], RANKED_AT_ONCE)))


def _rank_design(covariates: np.ndarray | None, n: int) -> np.ndarray | None:
    """Return an orthonormal basis (n, k) of the covariates' centred ranks."""
    if covariates is None:
        return None
    covariates = np.asarray(covariates, dtype=np.float64).reshape(n, -1)
    ranks = _ranked(np.ascontiguousarray(covariates.T)).T.astype(np.float64)
    basis, weights, _ = np.linalg.svd(ranks, full_matrices=False)
    keep = weights > 1e-10 * max(weights.max(initial=0.0), 1.0)
    return basis[:, keep] if keep.any() else None


def _dense_products(x, design, block) -> tuple[np.ndarray, np.ndarray | None]:
    ranks = _all_ranked(x)
    g, n = ranks.shape
    gram = np.zeros((g, g))
    cross = None if design is None else np.zeros((g, design.shape[1]))
    starts = range(0, g, block)
    # One thread per block of rows, and none inside BLAS: its threads wait for each other, which
    # is slow where other programs are running too.
    with threadpool_limits(1, "blas"):
        for first in range(0, n, CELLS_AT_ONCE):
            cells = slice(first, first + CELLS_AT_ONCE)
            part = ranks[:, cells].astype(np.float64)
            if design is not None:
                cross += part @ design[cells]
            in_threads(partial(_add_products, part, gram, block), starts)
    for start in starts:
        rows, right = slice(start, start + block), slice(start + block, None)
        gram[right, rows] = gram[rows, right].T
    return gram, cross


def _add_products(part: np.ndarray, gram: np.ndarray, block: int, start: int) -> None:
    """Add to some rows of `gram`, from the diagonal on, the products of the rows of `part`."""
    rows, right = slice(start, start + block), slice(start + block, None)
    left = part[rows]
    gram[rows, rows] += left @ left.T  # BLAS computes one triangle of such a product
    gram[rows, right] += left @ part[right].T


def _sparse_products(x, design) -> tuple[np.ndarray, np.ndarray | None]:
    n, g = x.shape
    columns = sparse.csc_matrix(x, dtype=np.float64, copy=True)
    columns.sum_duplicates()
    columns.eliminate_zeros()
    if np.isnan(columns.data).any():
        raise ParameterError("values hold NaN; drop those rows or columns before ranking")
    zero_rank = np.empty(g)
    shifted = np.empty_like(columns.data)
    kernels.rank_sparse(columns.data, columns.indptr, n, shifted, zero_rank)
    ranks = sparse.csc_matrix((shifted, columns.indices, columns.indptr), shape=x.shape)
    rows = ranks.tocsr()
    bounds = kernels.block_bounds(rows.indices, rows.indptr, g, SPARSE_BLOCK)
    local = (rows.indices % SPARSE_BLOCK).astype(np.uint64)
    n_blocks = bounds.shape[1] - 1
    pairs = np.array([(a, b) for a in range(n_blocks) for b in range(a, n_blocks)])
    gram = np.empty((g, g))
    # rank = stored part + rank of the zeros, and ranks sum to zero, so stored sums are -n z.

    def fill(part: np.ndarray) -> None:
        kernels.sparse_gram(rows.data, local, bounds, part, SPARSE_BLOCK, zero_rank, gram)

    in_threads(fill, np.array_split(pairs, min(4 * THREADS, len(pairs))))
    cross = None
    if design is not None:
        cross = ranks.T @ design + np.outer(zero_rank, design.sum(axis=0))
    return gram, cross


def _refuse(columns: np.ndarray, what: str) -> None:
    if columns.size:
        raise ParameterError(
            f"{columns.size} columns are {what}, first {columns[:5].tolist()}; drop and count them"
        )
