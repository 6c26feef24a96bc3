"""Rank correlation of all column pairs, given covariates if asked, and its ceiling with a label."""

from __future__ import annotations

import numpy as np
from scipy import sparse, stats

from helpers.errors import ParameterError
from helpers.statistics.checks import one_of


def spearman_matrix(
    x: np.ndarray | sparse.spmatrix,
    covariates: np.ndarray | None = None,
    explained: str = "refuse",
) -> np.ndarray:
    r"""Return Spearman correlations of all pairs of columns.

    Parameters
    ----------
    x
        (n, g) values, dense or sparse; rows are cells, columns genes. No column may be constant.
    covariates
        (n,) or (n, k) covariates, for example log library size. The result is then the partial
        rank correlation: the Pearson correlation of the ranks after least-squares removal of the
        covariates' ranks.
    explained
        What to do with columns that the covariates explain fully: ``refuse`` raises, ``zero``
        gives them correlation 0 with all others.

    Returns
    -------
    ndarray
        (g, g) symmetric matrix with unit diagonal.

    Notes
    -----
    Ranks are doubled and centred, hence integers; their products are summed exactly, the same on
    every machine. On top of the result it takes 16 n g bytes.

    Raises
    ------
    ParameterError
        On NaN, constant columns, or (unless told otherwise) columns that the covariates explain
        fully.
    """
    one_of("explained", explained, ("refuse", "zero"))
    if x.shape[0] < 3:
        raise ParameterError(f"{x.shape[0]} rows; a rank correlation needs at least 3")
    ranks = _ranks(x.toarray() if sparse.issparse(x) else x)
    gram = ranks.T @ ranks
    rank_variance = np.diag(gram).copy()
    _refuse(np.flatnonzero(rank_variance <= 0), "constant")
    if covariates is not None:
        cross = ranks.T @ _basis(_ranks(np.reshape(covariates, (len(ranks), -1))))
        gram -= cross @ cross.T
        empty = np.flatnonzero(np.diag(gram) <= 1e-10 * rank_variance)
        if explained == "refuse":
            _refuse(empty, "explained fully by the covariates")
        gram[empty] = gram[:, empty] = 0.0
        gram[empty, empty] = 1.0
    scale = np.sqrt(np.diag(gram))
    gram /= scale[:, None] * scale  # one rounding: exactly symmetric
    np.clip(gram, -1.0, 1.0, out=gram)
    np.fill_diagonal(gram, 1.0)
    return gram


def rho_ceiling(positive_rate: float) -> float:
    r"""Return the largest Spearman correlation of a score with a binary label.

    .. math:: \rho_{\max}=\sqrt{3\pi(1-\pi)}

    for a score without ties and many pairs; tiny when positives are rare.
    """
    if not 0.0 < positive_rate < 1.0:
        raise ParameterError(f"positive rate {positive_rate}; a value inside (0, 1) is needed")
    return float(np.sqrt(3 * positive_rate * (1 - positive_rate)))


def _ranks(columns: np.ndarray) -> np.ndarray:
    """Return doubled centred ranks (n, g) of the columns, ties sharing their mean rank."""
    columns = np.asarray(columns, dtype=np.float64)
    if np.isnan(columns).any():
        raise ParameterError("values hold NaN; drop those rows or columns before ranking")
    return 2 * stats.rankdata(columns, axis=0) - (len(columns) + 1)


def _basis(ranks: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (n, k) of the covariates' centred ranks."""
    basis, weights, _ = np.linalg.svd(ranks, full_matrices=False)
    return basis[:, weights > 1e-10 * max(weights.max(initial=0.0), 1.0)]


def _refuse(columns: np.ndarray, what: str) -> None:
    if columns.size:
        raise ParameterError(
            f"{columns.size} columns are {what}, first {columns[:5].tolist()}; drop and count them"
        )
