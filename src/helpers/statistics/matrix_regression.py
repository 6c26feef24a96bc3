"""What one gene x gene matrix explains of another beyond gene-level terms.

Double semi-partialling permutes residuals as if their spread were the same for all genes. In cells
it is not: the correlations of rarely detected genes scatter less. Where the fit of the score is
poorest just there, or just elsewhere, the plain statistic rejects a true null too often. Dividing
it by a standard error that counts genes as units, in the data and in every permutation, mends that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import one_of
from helpers.statistics.gene_matrices import SCALES, align, permuted_partials
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome

MIN_GENES = 10


def matrix_regression(
    a: np.ndarray,
    r: np.ndarray,
    terms: Sequence[np.ndarray],
    rng: np.random.Generator,
    n_perm: int = 1000,
    rows: Sequence[int] | None = None,
    method: str = "spearman",
    studentised: bool = True,
) -> Outcome | NotEstimable:
    r"""Test whether A follows R beyond gene-level terms, one-sided, with genes as units.

    R is regressed on the terms; the gene labels of the residual matrix E are permuted, and A is
    regressed on the terms and the permuted E. Permuting R itself would be invalid when R depends
    on the terms. The statistic is the studentised partial correlation

    .. math:: t = \frac{\sum_{ij} y_{ij} e_{ij}}
              {\sqrt{\sum_g \bigl(\sum_j y_{gj} e_{gj} + \sum_i y_{ig} e_{ig}\bigr)^2
              - \sum_{ij} y_{ij}^2 e_{ij}^2}}

    with y and e the residuals of A and of the permuted E; the denominator is the standard error
    that is robust to pairs sharing a gene.

    Parameters
    ----------
    a
        (m, G) scores, row = source; NaN where a pair is missing.
    r
        (G, G) or (m, G) matrix, finite off the diagonal.
    terms
        Finite matrices that broadcast to (m, G), held constant: (m, 1) for a source value, (1, G)
        for a target value, (m, G) for a value of the pair. An intercept is added.
    rng, n_perm
        Generator and number of permutations; p = (1 + b) / (1 + B).
    rows
        Column numbers of the genes that the rows of A stand for; needed unless A is square.
    method
        ``spearman`` ranks both matrices over ordered pairs; ``pearson`` takes them as they are.
    studentised
        False leaves the partial correlation as it is. For comparison only: the test then does not
        hold its level in cells.

    Returns
    -------
    Outcome or NotEstimable
        ``estimate`` and ``draws`` are the unique :math:`R^2` of R; ``detail`` has ``partial`` (the
        signed partial correlation, whose large values speak against the null), ``t``,
        ``r2_matrix``, ``r2_terms``, ``r2_both``, ``n_pairs`` and ``n_row_genes``.

    References
    ----------
    Dekker D, Krackhardt D, Snijders TAB (2007), Psychometrika 72:563-581 (double semi-partialling).
    Aronow PM, Samii C, Assenova VA (2015), Polit Anal 23:564-577 (the standard error).
    """
    one_of("method", method, tuple(SCALES))
    data = align(a, r, rows, MIN_GENES)
    if isinstance(data, NotEstimable):
        return data
    scale = SCALES[method]
    y, x = scale(data.a, data.used), scale(data.r, data.off_diagonal)
    columns = [data.select(np.asarray(term, dtype=np.float64)) for term in terms]
    basis = _basis(columns, data.used)
    total, spread = float((y**2).sum()), float((x**2).sum())
    rest = _residual(y, basis, data.used)
    unexplained = float((rest**2).sum())
    if total == 0 or unexplained <= 1e-10 * total:
        return NotEstimable("the score does not vary beyond the gene-level terms")
    residual = _residual(x, _basis(columns, data.off_diagonal), data.off_diagonal)
    if (residual**2).sum() <= 1e-10 * spread:
        return NotEstimable("the gene-level terms explain the other matrix fully")
    orders = data.orders(rng, n_perm)
    found = permuted_partials(rest / np.sqrt(unexplained), residual, basis, data.used, orders)
    unique = found[:, 0] ** 2 * unexplained / total
    statistic = found[:, 1] if studentised else found[:, 0]
    r2_terms = 1 - unexplained / total
    tested = null_outcome(
        float(statistic[0]),
        statistic[1:],
        sides="one",
        test="double semi-partialling" + (", studentised" if studentised else ""),
        null="gene labels of the residual matrix permuted",
        unit="gene",
        n_units=data.shape[1],
    )
    detail = {
        "partial": float(found[0, 0]),
        "t": float(found[0, 1]),
        "r2_matrix": float(np.corrcoef(y[data.used], x[data.used])[0, 1] ** 2),
        "r2_terms": r2_terms,
        "r2_both": float(r2_terms + unique[0]),
        "n_pairs": int(data.used.sum()),
        "n_row_genes": data.shape[0],
    }
    return replace(tested, estimate=float(unique[0]), draws=unique[1:], detail=detail)


def _basis(terms: Sequence[np.ndarray], where: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (m, G, k) of a constant and the terms; 0 outside `where`."""
    columns = [np.ones(int(where.sum()))]
    for number, term in enumerate(terms):
        values = term[where]
        if not np.isfinite(values).all():
            raise ParameterError(f"term {number} is not finite for every pair")
        spread = values.std()
        if spread > 0:
            columns.append((values - values.mean()) / spread)
    design = np.stack(columns, axis=1)
    # the Gram matrix is tiny, so its eigenvectors cost one pass over the pairs
    sizes, vectors = np.linalg.eigh(design.T @ design)
    found = sizes > 1e-9 * sizes.max()
    kept = design @ (vectors[:, found] / np.sqrt(sizes[found]))
    basis = np.zeros((*where.shape, kept.shape[1]))
    basis[where] = np.linalg.qr(kept)[0]
    return basis


def _residual(values: np.ndarray, basis: np.ndarray, where: np.ndarray) -> np.ndarray:
    inside = basis[where]
    rest = np.zeros(where.shape)
    rest[where] = values[where] - inside @ (inside.T @ values[where])
    return rest
