"""What one gene x gene matrix explains of another beyond gene-level terms, studentised.

Double semi-partialling permutes residuals as if their spread were the same for all genes. In cells
it is not: the correlations of rarely detected genes scatter less. Where the fit of the score is
poorest just there, or just elsewhere, the plain statistic rejects a true null too often. Dividing
it by a standard error that counts genes as units, in the data and in every permutation, mends that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import monte_carlo_p
from helpers.statistics.results import Outcome

MIN_GENES = 10


@numba.njit(cache=True, parallel=True)
def _studentised(y, e, basis, mask, orders):  # pragma: no cover - compiled
    """Return (draws, 2): partial correlation up to the length of y, and its studentised value."""
    genes, terms = y.shape[0], basis.shape[2]
    out = np.empty((orders.shape[0], 2))
    for b in numba.prange(orders.shape[0]):
        order = orders[b]
        shadow = np.zeros(terms)
        for i in range(genes):
            row = e[order[i]]
            for j in range(genes):
                if mask[i, j]:
                    value = row[order[j]]
                    for k in range(terms):
                        shadow[k] += basis[i, j, k] * value
        by_gene = np.zeros(genes)
        cross, square, pairs = 0.0, 0.0, 0.0
        for i in range(genes):
            row = e[order[i]]
            for j in range(genes):
                if mask[i, j]:
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


def _basis(terms: Sequence[np.ndarray], where: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (G, G, k) of a constant and the terms; 0 outside `where`."""
    columns = [np.ones(int(where.sum()))]
    for number, term in enumerate(terms):
        values = np.broadcast_to(np.asarray(term, float), where.shape)[where]
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
    basis[where] = kept
    return basis


def _residual(values: np.ndarray, basis: np.ndarray, where: np.ndarray) -> np.ndarray:
    inside = basis[where]
    rest = np.zeros(where.shape)
    rest[where] = values[where] - inside @ (inside.T @ values[where])
    return rest


def _ranked(matrix: np.ndarray, where: np.ndarray) -> np.ndarray:
    ranks = np.zeros(matrix.shape)
    ranks[where] = stats.rankdata(matrix[where])
    return ranks


def unique_association(
    a: np.ndarray,
    r: np.ndarray,
    terms: Sequence[np.ndarray],
    rng: np.random.Generator,
    n_perm: int = 1000,
) -> Outcome | NotEstimable:
    r"""Test whether A follows R beyond gene-level terms, one-sided, with genes as units.

    Both matrices are ranked over ordered pairs. The residual E of R on the terms is permuted (rows
    and columns together) and A is refitted on the terms and the permuted E, as in double
    semi-partialling; the statistic is the studentised partial correlation

    .. math:: t = \frac{\sum_{ij} y_{ij} e_{ij}}
              {\sqrt{\sum_g \bigl(\sum_j y_{gj} e_{gj} + \sum_i y_{ig} e_{ig}\bigr)^2
              - \sum_{ij} y_{ij}^2 e_{ij}^2}}

    with y and e the residuals of A and of the permuted E; the denominator is the standard error
    that is robust to pairs sharing a gene.

    Parameters
    ----------
    a
        (G, G) scores, row = source; NaN where a pair is missing.
    r
        (G, G) matrix, finite off the diagonal.
    terms
        Matrices that broadcast to (G, G), held constant.
    rng, n_perm
        Generator and number of permutations; p = (1 + b) / (1 + B).

    Returns
    -------
    Outcome or NotEstimable
        ``estimate`` is the unique :math:`R^2` of R; ``detail`` has ``partial`` (the signed partial
        correlation, whose large values speak against the null), ``r2_matrix``, ``r2_terms``,
        ``r2_both`` and ``n_pairs``.

    References
    ----------
    Dekker D, Krackhardt D, Snijders TAB (2007), Psychometrika 72:563-581 (double semi-partialling).
    Aronow PM, Samii C, Assenova VA (2015), Polit Anal 23:564-577 (the standard error).
    """
    a, r = np.asarray(a, float), np.asarray(r, float)
    if a.ndim != 2 or a.shape != r.shape or a.shape[0] != a.shape[1]:
        raise ParameterError(f"matrices of shapes {a.shape} and {r.shape}; two (G, G) expected")
    genes = len(a)
    if genes < MIN_GENES:
        return NotEstimable(f"{genes} genes; at least {MIN_GENES} needed to permute labels")
    off = ~np.eye(genes, dtype=bool)
    if not np.isfinite(r[off]).all():
        raise ParameterError("R must be finite for every pair; drop genes without variance")
    used = off & np.isfinite(a)
    first, second = _ranked(a, used), _ranked(r, off)
    basis = _basis(terms, used)
    centred = first[used] - first[used].mean()
    total = float(centred @ centred)
    y = _residual(first, basis, used)
    unexplained = float((y**2).sum())
    if total == 0 or unexplained <= 1e-10 * total:
        return NotEstimable("the score does not vary beyond the gene-level terms")
    e = _residual(second, _basis(terms, off), off)
    if (e**2).sum() <= 1e-10 * ((second[off] - second[off].mean()) ** 2).sum():
        return NotEstimable("the gene-level terms explain the other matrix fully")
    orders = np.stack([np.arange(genes), *(rng.permutation(genes) for _ in range(n_perm))])
    values = _studentised(y / np.sqrt(unexplained), e, basis, used, orders)
    partial, statistic = float(values[0, 0]), values[:, 1]
    r2_terms = 1 - unexplained / total
    unique = partial**2 * unexplained / total
    return Outcome(
        unique,
        float(monte_carlo_p(int((statistic[1:] >= statistic[0]).sum()), n_perm)),
        "one",
        "double semi-partialling, studentised",
        "gene labels of the residual matrix permuted",
        "gene",
        genes,
        n_perm,
        1 / (1 + n_perm),
        draws=values[1:, 0] ** 2 * unexplained / total,
        detail={
            "partial": partial,
            "t": float(statistic[0]),
            "r2_matrix": float(np.corrcoef(first[used], second[used])[0, 1] ** 2),
            "r2_terms": r2_terms,
            "r2_both": r2_terms + unique,
            "n_pairs": int(used.sum()),
        },
    )


def naive_p(rho: float, n_pairs: int) -> float:
    """Return the two-sided p of a correlation that takes every pair as an independent unit.

    For the variant ``published`` only: pairs share genes, so this is far too small.
    """
    if n_pairs < 4:
        raise ParameterError(f"{n_pairs} pairs; at least 4 needed")
    t = abs(rho) * np.sqrt((n_pairs - 2) / max(1e-300, 1 - rho**2))
    return float(2 * stats.t.sf(t, n_pairs - 2))
