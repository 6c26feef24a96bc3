"""Association of two gene x gene matrices, with genes as units: QAP and matrix regression.

Pairs that share a gene are not independent, so the gene labels of one matrix are permuted, rows
and columns together. When only the rows of some genes exist (attention of TF rows against all
genes), the row genes are permuted among themselves and the other genes among themselves: every
permuted matrix then uses exactly the entries that were measured, and being a TF is held fixed.
A square matrix is the special case in which all genes are row genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import midranks
from helpers.statistics.checks import one_of
from helpers.statistics.jackknife import jackknife_se
from helpers.statistics.permutation import null_outcome
from helpers.statistics.qap_kernels import permuted_sums
from helpers.statistics.results import Outcome

MIN_GENES = 5


@dataclass(frozen=True)
class MatrixRegression:
    """Variance of rank(A) explained by R, by gene-level terms, by both, and the unique part of R.

    Parameters
    ----------
    r2_matrix, r2_terms, r2_both
        Squared (multiple) correlations over the pairs used.
    partial
        Partial correlation of A and R given the terms.
    outcome
        Test of the unique part, ``r2_both - r2_terms``, by double semi-partialling.
    """

    r2_matrix: float
    r2_terms: float
    r2_both: float
    partial: float
    outcome: Outcome


@dataclass(frozen=True)
class _Aligned:
    """Both matrices with row genes first: gene k is column k and, for k < m, also row k."""

    a: np.ndarray
    r: np.ndarray
    used: np.ndarray
    off_diagonal: np.ndarray
    order: np.ndarray
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.a.shape

    def select(self, matrix: np.ndarray) -> np.ndarray:
        """Bring another (m, G) matrix (or one that broadcasts) into the same order."""
        return np.broadcast_to(matrix, self.shape)[:, self.order]


def _align(a: np.ndarray, r: np.ndarray, rows: Sequence[int] | None) -> _Aligned | NotEstimable:
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
    if m < MIN_GENES or g < MIN_GENES:
        return NotEstimable(f"{m} row genes of {g}; at least {MIN_GENES} needed to permute")
    order = np.concatenate([rows, np.setdiff1d(np.arange(g), rows)])
    r = (r if r.shape[0] == m else r[rows])[:, order]
    off_diagonal = ~np.eye(m, g, dtype=bool)
    if not np.isfinite(r[off_diagonal]).all():
        raise ParameterError("R must be finite for every pair; drop genes without variance")
    a = a[:, order]
    used = off_diagonal & np.isfinite(a)
    if used.sum() < 10:
        return NotEstimable(f"{int(used.sum())} pairs have a score; at least 10 needed")
    return _Aligned(a, r, used, off_diagonal, order, rows)


def _permutations(m: int, g: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    first = rng.permuted(np.tile(np.arange(m), (draws, 1)), axis=1)
    rest = rng.permuted(np.tile(np.arange(m, g), (draws, 1)), axis=1)
    return np.concatenate([first, rest], axis=1).astype(np.int32)


def _ranked(matrix: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return mid-ranks over `where`, centred and scaled to about unit variance; zero elsewhere."""
    out = np.zeros(matrix.shape)
    ranks = midranks(matrix[where])
    out[where] = (ranks - ranks.mean()) * np.sqrt(12.0) / ranks.size
    return out


def _centred(matrix: np.ndarray, where: np.ndarray) -> np.ndarray:
    out = np.zeros(matrix.shape)
    out[where] = matrix[where] - matrix[where].mean()
    return out


def qap_test(
    a: np.ndarray,
    r: np.ndarray,
    rng: np.random.Generator,
    rows: Sequence[int] | None = None,
    n_perm: int = 1000,
    method: str = "spearman",
    sides: str = "one",
    level: float = 0.95,
) -> Outcome | NotEstimable:
    """Test the correlation of two gene matrices over pairs i != j by permuting gene labels.

    Parameters
    ----------
    a
        (m, G) scores, row = source, column = target; NaN where a pair is missing.
    r
        (G, G) or (m, G) matrix to compare with, finite off the diagonal; its labels are permuted.
    rng, n_perm
        Source and number of permutations; p = (1 + b) / (1 + B).
    rows
        Column numbers of the genes that the rows of A stand for; needed unless A is square.
    method
        ``spearman`` or ``pearson``.
    sides
        ``one`` (large correlation) or ``two``.

    Returns
    -------
    Outcome or NotEstimable
        ``n_units`` = genes. The interval is normal on Fisher's z scale with the leave-one-gene-out
        jackknife standard error (``detail["se"]``). ``detail["n_pairs"]`` is never used as n.

    Notes
    -----
    Ranks of R are taken once over all measured pairs, so that every permutation uses the same
    numbers; when pairs of A are missing, the correlation over the remaining pairs uses those
    ranks. Without missing pairs it is Spearman's correlation exactly.

    References
    ----------
    Mantel N (1967), Cancer Res 27:209-220; Krackhardt D (1988), Soc Networks 10:359-381.
    """
    one_of("method", method, ("spearman", "pearson"))
    data = _align(a, r, rows)
    if isinstance(data, NotEstimable):
        return data
    scale = _ranked if method == "spearman" else _centred
    y, x = scale(data.a, data.used), scale(data.r, data.off_diagonal)
    if not y.any() or not x.any():
        return NotEstimable("one of the matrices is constant")
    n_pairs = int(data.used.sum())
    weight = data.used.astype(np.float64)
    basis = (weight / np.sqrt(n_pairs))[:, None, :]
    m, g = data.shape
    perms = np.concatenate([np.arange(g, dtype=np.int32)[None], _permutations(m, g, rng, n_perm)])
    cross, squares, mean = permuted_sums(y, x, weight, basis, perms).T
    values = cross / np.sqrt((y**2).sum() * (squares - mean**2))
    observed = float(np.clip(values[0], -1, 1))
    left_out = leave_one_gene_out(y, x, data.used)
    se = jackknife_se(left_out)
    detail = {"se": se, "n_pairs": n_pairs, "n_row_genes": m, "method": method}
    outcome = null_outcome(
        observed,
        values[1:],
        sides=sides,
        test="QAP",
        null="gene labels permuted",
        unit="gene",
        n_units=g,
        detail=detail,
    )
    if abs(observed) >= 1:
        return outcome
    half = stats.norm.ppf((1 + level) / 2) * se / (1 - observed**2)
    low, high = np.tanh(np.arctanh(observed) + np.array([-half, half]))
    return replace(outcome, low=float(low), high=float(high), level=level)


def leave_one_gene_out(y: np.ndarray, x: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return the correlation of y and x over used pairs without each gene's row and column, (G,).

    Parameters
    ----------
    y, x, used
        (m, G) with row gene k being column k; `used` is False on the diagonal.
    """
    m = len(y)

    def without(values: np.ndarray) -> np.ndarray:
        values = np.where(used, values, 0.0)
        of_gene = values.sum(axis=0)
        of_gene[:m] += values.sum(axis=1)
        return values.sum() - of_gene

    n = without(np.ones_like(y))
    sum_y, sum_x = without(y), without(x)
    cross = without(x * y) - sum_x * sum_y / n
    spread = (without(y * y) - sum_y**2 / n) * (without(x * x) - sum_x**2 / n)
    return cross / np.sqrt(spread)


def matrix_regression(
    a: np.ndarray,
    r: np.ndarray,
    terms: Sequence[np.ndarray],
    rng: np.random.Generator,
    rows: Sequence[int] | None = None,
    n_perm: int = 1000,
    rank: bool = True,
) -> MatrixRegression | NotEstimable:
    """Test what R explains of A beyond gene-level terms, by double semi-partialling.

    R is regressed on the terms; the gene labels of the residual matrix are permuted, and A is
    regressed on the terms and the permuted residuals. Permuting R itself would be invalid when R
    depends on the terms.

    Parameters
    ----------
    a, r, rows
        As in :func:`qap_test`.
    terms
        Matrices that broadcast to (m, G), finite: (m, 1) for a source value, (1, G) for a target
        value, (m, G) for a pair value such as log counts. An intercept is added.
    rng, n_perm
        Source and number of permutations.
    rank
        Replace A by its ranks over the pairs used.

    Returns
    -------
    MatrixRegression or NotEstimable
        ``outcome.estimate`` is the unique R^2 of R; one-sided.

    References
    ----------
    Dekker D, Krackhardt D, Snijders TAB (2007), Psychometrika 72:563-581.
    """
    data = _align(a, r, rows)
    if isinstance(data, NotEstimable):
        return data
    m, g = data.shape
    columns = [np.ones((m, g))]
    for number, term in enumerate(terms):
        term = np.array(data.select(np.asarray(term, dtype=np.float64)))
        if not np.isfinite(term[data.off_diagonal]).all():
            raise ParameterError(f"term {number} is not finite for every pair")
        columns.append(term)
    design = np.stack([column[data.off_diagonal] for column in columns], axis=1)
    residual = np.zeros((m, g))
    residual[data.off_diagonal] = _residual(design, data.r[data.off_diagonal])
    used = data.used[data.off_diagonal]
    basis_used = _basis(design[used])
    y = _ranked(data.a, data.used) if rank else _centred(data.a, data.used)
    total = float((y**2).sum())
    if total == 0:
        return NotEstimable("A is constant")
    y_used = y[data.used]
    y_rest = y_used - basis_used @ (basis_used.T @ y_used)
    unexplained = float((y_rest**2).sum())
    spread = float((data.r[data.off_diagonal] ** 2).sum())
    if (residual**2).sum() <= 1e-10 * spread or unexplained <= 1e-10 * total:
        return NotEstimable("the gene-level terms explain one of the matrices fully")

    weight = data.used.astype(np.float64)
    y_matrix = np.zeros((m, g))
    y_matrix[data.used] = y_rest
    basis = np.zeros((m, basis_used.shape[1], g))
    for k in range(basis_used.shape[1]):
        basis[:, k, :][data.used] = basis_used[:, k]
    perms = np.concatenate([np.arange(g, dtype=np.int32)[None], _permutations(m, g, rng, n_perm)])
    sums = permuted_sums(y_matrix, residual, weight, basis, perms)
    free = sums[:, 1] - (sums[:, 2:] ** 2).sum(axis=1)
    partial = sums[:, 0] / np.sqrt(unexplained * free)
    unique = partial**2 * unexplained / total
    r_used = data.r[data.used] - data.r[data.used].mean()
    r2_terms = 1 - unexplained / total
    outcome = null_outcome(
        float(unique[0]),
        unique[1:],
        sides="one",
        test="matrix regression, double semi-partialling",
        null="gene labels of the residual matrix permuted",
        unit="gene",
        n_units=g,
        detail={"n_pairs": int(data.used.sum()), "n_row_genes": m, "partial": float(partial[0])},
    )
    return MatrixRegression(
        r2_matrix=float((y_used @ r_used) ** 2 / (total * (r_used**2).sum())),
        r2_terms=float(r2_terms),
        r2_both=float(r2_terms + unique[0]),
        partial=float(partial[0]),
        outcome=outcome,
    )


def _basis(design: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the columns, scaled first and rank-revealed."""
    scale = np.sqrt((design**2).sum(axis=0))
    scaled = design / np.where(scale > 0, scale, 1.0)
    # The Gram matrix is tiny, so its eigenvectors cost one pass over the pairs.
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    keep = values > 1e-9 * values.max()
    basis = scaled @ (vectors[:, keep] / np.sqrt(values[keep]))
    return np.linalg.qr(basis)[0]


def _residual(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    basis = _basis(design)
    return values - basis @ (basis.T @ values)
