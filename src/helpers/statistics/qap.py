"""Correlation of two gene x gene matrices, with genes as units: the QAP test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from helpers.estimates import NotEstimable
from helpers.statistics.checks import one_of
from helpers.statistics.gene_matrices import SCALES, align, permuted_sums
from helpers.statistics.jackknife import jackknife_se
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome


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
    one_of("method", method, tuple(SCALES))
    data = align(a, r, rows)
    if isinstance(data, NotEstimable):
        return data
    scale = SCALES[method]
    y, x = scale(data.a, data.used), scale(data.r, data.off_diagonal)
    if not y.any() or not x.any():
        return NotEstimable("one of the matrices is constant")
    n_pairs = int(data.used.sum())
    weight = data.used.astype(np.float64)
    m, g = data.shape
    cross, squares, total = permuted_sums(y, x, weight, data.orders(rng, n_perm)).T
    values = cross / np.sqrt((y**2).sum() * (squares - total**2 / n_pairs))
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
