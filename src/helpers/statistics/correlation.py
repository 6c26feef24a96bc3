"""Rank correlation of all column pairs in bounded memory, given covariates if asked; Fisher's z."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse, stats

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.statistics import correlation_kernels as kernels
from helpers.statistics.results import Outcome

# Below this share of non-zeros the sparse product beats the dense one (2 cores, AVX-512).
SPARSE_DENSITY = 0.12
SPARSE_BLOCK = 256
THREADS = 2


def spearman_matrix(
    x: np.ndarray | sparse.spmatrix,
    covariates: np.ndarray | None = None,
    block: int = 512,
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
        Columns handled at a time.

    Returns
    -------
    ndarray
        (g, g) symmetric matrix with unit diagonal.

    Notes
    -----
    Ranks are doubled and centred, hence integers; their products are summed exactly. Memory is
    4 n g bytes for dense input plus two blocks of 8 n `block` bytes, and for sparse input a few
    times the non-zeros, on top of the result.

    Raises
    ------
    ParameterError
        On NaN, constant columns, or a column that the covariates explain fully.
    """
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
        _refuse(
            np.flatnonzero(np.diag(gram) <= 1e-10 * rank_variance),
            "explained fully by the covariates",
        )
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


def fisher_difference(
    rho_a: float, n_a: int, rho_b: float, n_b: int, kind: str = "pearson"
) -> Outcome | NotEstimable:
    """Test that two independent correlations are equal by Fisher's z, two-sided."""
    errors = [_fisher_se(rho_a, n_a, kind, 0), _fisher_se(rho_b, n_b, kind, 0)]
    for error in errors:
        if isinstance(error, NotEstimable):
            return error
    z = (np.arctanh(rho_a) - np.arctanh(rho_b)) / np.hypot(*errors)
    return Outcome(
        float(rho_a - rho_b),
        float(2 * stats.norm.sf(abs(z))),
        "two",
        "Fisher z",
        "equal",
        "cell",
        n_a + n_b,
        detail={"z": float(z)},
    )


def _fisher_se(rho: float, n: int, kind: str, n_covariates: int) -> float | NotEstimable:
    if kind not in ("pearson", "spearman"):
        raise ParameterError(f"kind is {kind!r}; 'pearson' or 'spearman' expected")
    if n - n_covariates <= 3 or not -1 < rho < 1:
        return NotEstimable(f"Fisher's z has no interval for correlation {rho:g} of {n} units")
    bonett_wright = 1 + rho**2 / 2 if kind == "spearman" else 1.0
    return float(np.sqrt(bonett_wright / (n - n_covariates - 3)))


def _ranked(columns: np.ndarray) -> np.ndarray:
    """Return doubled centred ranks of the rows of `columns` (k, n), float32 (exact integers)."""
    if np.isnan(columns).any():
        raise ParameterError("values hold NaN; drop those rows or columns before ranking")
    out = np.empty(columns.shape, dtype=np.float32 if columns.shape[1] < 2**23 else np.float64)
    for row, ranks in zip(columns, out, strict=True):
        if not kernels.rank_counts(row, ranks):
            kernels.rank_sorted(row, np.argsort(row), ranks)
    return out


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
    g = x.shape[1]
    by_column = x.tocsc() if sparse.issparse(x) else np.asarray(x)
    parts = []
    for start in range(0, g, block):
        columns = by_column[:, start : start + block]
        columns = columns.toarray() if sparse.issparse(columns) else columns
        parts.append(_ranked(np.ascontiguousarray(columns.T, dtype=np.float64)))
    gram = np.empty((g, g))
    cross = None if design is None else np.empty((g, design.shape[1]))
    for i, part in enumerate(parts):
        left = part.astype(np.float64)
        rows = slice(i * block, i * block + len(left))
        gram[rows, rows] = left @ left.T
        if design is not None:
            cross[rows] = left @ design
        for j in range(i + 1, len(parts)):
            columns = slice(j * block, j * block + len(parts[j]))
            gram[rows, columns] = left @ parts[j].astype(np.float64).T
            gram[columns, rows] = gram[rows, columns].T
    return gram, cross


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
    with ThreadPoolExecutor(THREADS) as pool:
        parts = [
            pool.submit(
                kernels.sparse_gram, rows.data, local, bounds, part, SPARSE_BLOCK, zero_rank, gram
            )
            for part in np.array_split(pairs, min(4 * THREADS, len(pairs)))
        ]
        for part in parts:
            part.result()
    cross = None
    if design is not None:
        cross = ranks.T @ design + np.outer(zero_rank, design.sum(axis=0))
    return gram, cross


def _refuse(columns: np.ndarray, what: str) -> None:
    if columns.size:
        raise ParameterError(
            f"{columns.size} columns are {what}, first {columns[:5].tolist()}; drop and count them"
        )
