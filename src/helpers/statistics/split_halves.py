"""Correlation of scores of two sets of cells, with the noise of both taken out by halves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.statistics.auroc import midranks
from helpers.statistics.jackknife import jackknife_se
from helpers.statistics.qap import leave_one_gene_out

LEAST_RELIABILITY = 0.2
"""Smallest correlation of two halves of a single row that a correlation is divided by."""
LEAST_RATIO = 3.0
"""Smallest ratio of that correlation to its own standard error, where genes are the units."""
PAIRS = ((0, 2), (0, 3), (1, 2), (1, 3), (0, 1), (2, 3))
"""Which of the halves (first, first, second, second) are correlated: four across, two within."""


@dataclass(frozen=True)
class Halves:
    """Disattenuated correlations of r rows of scores.

    Parameters
    ----------
    value, se
        (r,) correlation across over the root of both reliabilities, and its jackknife standard
        error over folds of cells; NaN where not `estimable`.
    across
        (r,) mean of the four correlations between a half of one set and a half of the other.
    reliability
        (2, r) correlation of the two halves of each set.
    estimable
        (r,) whether both reliabilities reach 0.2.
    df
        Degrees of freedom of the standard error.
    """

    value: np.ndarray
    se: np.ndarray
    across: np.ndarray
    reliability: np.ndarray = field(repr=False)
    estimable: np.ndarray = field(repr=False)
    df: int


def disattenuated_rows(
    first: np.ndarray, first_cells: np.ndarray, second: np.ndarray, second_cells: np.ndarray
) -> Halves:
    r"""Return rank correlations of two sets of scores row by row, the noise of cells taken out.

    .. math:: D = \frac{\tfrac14 \sum_{a,b} \rho(f_a, s_b)}{\sqrt{\rho(f_1, f_2)\,\rho(s_1, s_2)}}

    with f and s the scores over the even and the odd folds of cells of both sets. The halves of one
    set share everything but the noise of their cells, so their correlation is the ceiling for one
    half; no assumption is made of how it grows with the number of cells.

    Parameters
    ----------
    first, second
        (K, r, n) sums of scores over the cells of K folds.
    first_cells, second_cells
        (K,) cells of each fold.

    References
    ----------
    Spearman C (1904), Am J Psychol 15:72-101. The standard error leaves out one fold of one set at
    a time, the two sets being independent: cells of these donors and these genes, no others.
    """
    sets = [np.asarray(x, dtype=np.float64) for x in (first, second)]
    cells = [np.asarray(n, dtype=np.float64) for n in (first_cells, second_cells)]
    if any(x.ndim != 3 or len(x) != n.size or len(x) < 4 for x, n in zip(sets, cells, strict=True)):
        raise ParameterError("sums (folds, rows, pairs) of four folds or more are expected")
    ranks = [_half(x, n, side) for x, n in zip(sets, cells, strict=True) for side in (0, 1)]
    value, across, reliability = _ratio(ranks)
    variance = np.zeros(value.shape)
    for one, (x, n) in enumerate(zip(sets, cells, strict=True)):
        left = []
        for fold in range(len(x)):
            changed = list(ranks)
            changed[2 * one + fold % 2] = _half(x, n, fold % 2, without=fold)
            left.append(_ratio(changed)[0])
        left = np.stack(left)
        variance += (len(x) - 1) * ((left - left.mean(axis=0)) ** 2).mean(axis=0)
    good = (reliability >= LEAST_RELIABILITY).all(axis=0) & np.isfinite(variance)
    value, se = (np.where(good, x, np.nan) for x in (value, np.sqrt(variance)))
    return Halves(value, se, across, reliability, good, min(map(len, sets)) - 1)


def disattenuated_genes(
    first: np.ndarray, second: np.ndarray, cells_se: float = 0.0, level: float = 0.95
) -> Estimate | NotEstimable:
    """Return one disattenuated rank correlation of gene matrices, genes as units.

    Parameters
    ----------
    first, second
        (2, m, G) scores of the halves of each set, the gene of row i being that of column i; pairs
        of a gene with itself are left out.
    cells_se
        Standard error from cells (`disattenuated_rows`), added in squares.
    level
        Coverage; t with m - 1 degrees of freedom.

    Returns
    -------
    Estimate or NotEstimable
        ``detail``: ``across``, both reliabilities, ``ceiling`` (root of their product) and ``se``.
        The value is not cut at 1.
    """
    halves = [*np.asarray(first, np.float64), *np.asarray(second, np.float64)]
    m, g = halves[0].shape
    used = ~np.eye(m, g, dtype=bool)
    if m < 5 or not all(np.isfinite(half[used]).all() for half in halves):
        return NotEstimable(f"{m} row genes with complete scores; at least 5 needed")
    ranked = []
    for half in halves:
        ranks = np.zeros((m, g))
        ranks[used] = midranks(half[used])
        if np.ptp(ranks[used]) == 0:
            return NotEstimable("the scores of a half do not vary")
        ranks[used] -= ranks[used].mean()
        ranked.append(ranks / np.linalg.norm(ranks))
    whole = np.array([(ranked[i] * ranked[j]).sum() for i, j in PAIRS])
    left = np.stack([leave_one_gene_out(ranked[i], ranked[j], used) for i, j in PAIRS])
    if (noisy := whole[4:] < LEAST_RATIO * np.array([jackknife_se(x) for x in left[4:]])).any():
        return NotEstimable(f"halves of one set correlate at {whole[4:][noisy][0]:.2f} only")
    value, ceiling = _value(whole), float(np.sqrt(whole[4] * whole[5]))
    se = float(np.hypot(jackknife_se(_value(left)), cells_se))
    half_width = float(stats.t.ppf((1 + level) / 2, m - 1)) * se
    about = {"across": float(whole[:4].mean()), "ceiling": ceiling, "se": se}
    about |= {"reliability_first": float(whole[4]), "reliability_second": float(whole[5])}
    method = "jackknife over genes, and over folds of cells" if cells_se else "jackknife over genes"
    ends = float(value) - half_width, float(value) + half_width
    return Estimate(float(value), *ends, method, "gene", g, level=level, detail=about)


def _value(parts: np.ndarray) -> np.ndarray:
    return parts[:4].mean(axis=0) / np.sqrt(parts[4] * parts[5])


def _half(sums: np.ndarray, cells: np.ndarray, side: int, without: int | None = None) -> np.ndarray:
    """Return unit rank vectors (r, n) of the scores over the folds of one side."""
    folds = [k for k in range(side, len(sums), 2) if k != without]
    rows = sums[folds].sum(axis=0) / cells[folds].sum()
    ranks = np.stack([midranks(row) for row in rows])
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return ranks / np.where(length > 0, length, np.inf)


def _ratio(ranks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts = np.stack([np.einsum("rn,rn->r", ranks[i], ranks[j]) for i, j in PAIRS])
    product = parts[4] * parts[5]
    low = parts[4:].min(axis=0) <= 0
    value = np.where(low, np.nan, parts[:4].mean(axis=0) / np.sqrt(np.where(low, 1.0, product)))
    return value, parts[:4].mean(axis=0), parts[4:]
