"""Mean over rows of the Spearman correlation inside each row, given covariates.

A screen has one row per perturbation and one column per gene. Ranks are taken inside each row, so
that how strong a perturbation is, and how many cells it has, cannot pass for agreement. The pairs
of one gene are dependent all the same: one that always moves moves in every row. So columns count
as units beside rows in the standard error, and the test permutes the labels of genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import stats
from scipy.stats import rankdata

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.crossed import MIN_UNITS, smallest_effect
from helpers.statistics.crossed_means import crossed_df, crossed_variance
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome
from helpers.statistics.splines import natural_cubic, unit_ranks

UNIT = "perturbation x gene"
DRAWS_AT_ONCE = 100
LEAST = 8
"""Fewest pairs of a row, beyond three for each covariate (the columns of its spline)."""


@dataclass(frozen=True)
class RowCorrelations:
    """Partial Spearman correlations of k scores with one outcome, row by row.

    Parameters
    ----------
    by_row
        (k, m) correlations of the rows that have enough pairs.
    rows
        (m,) numbers of these rows in the input.
    sizes
        (m,) their pairs.
    influence
        (k, n) what every pair adds to mean minus truth.
    row, column
        (n,) numbers of row and column of every pair.
    """

    by_row: np.ndarray
    rows: np.ndarray
    sizes: np.ndarray
    influence: np.ndarray
    row: np.ndarray
    column: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(k,) means over rows."""
        return self.by_row.mean(axis=1)

    def contrast(self, weights: Sequence[float], level: float = 0.95) -> Outcome | NotEstimable:
        """Test that a weighted sum of the means is 0, two-sided, rows and columns as units.

        ``detail`` has se, df, n_pairs, n_rows and mde, the value found with power 0.8.
        """
        weights = np.asarray(weights, dtype=np.float64)
        one = weights @ self.influence
        se = float(np.sqrt(crossed_variance(one, self.row, self.column)[0, 0]))
        if se <= 1e-12:
            return NotEstimable("the scores rank the pairs alike; they do not differ at all")
        df = crossed_df(one, self.row, self.column)
        value = float(weights @ self.mean)
        half = float(stats.t.ppf((1 + level) / 2, df)) * se
        mde = smallest_effect(se, df, level)
        counts = {"n_pairs": self.row.size, "n_rows": self.rows.size}
        return Outcome(
            value,
            float(2 * stats.t.sf(abs(value) / se, df)),
            "two",
            "t, row x column standard error",
            "no difference" if np.count_nonzero(weights) > 1 else "correlation 0",
            UNIT,
            min(self.rows.size, np.unique(self.column).size),
            low=value - half,
            high=value + half,
            level=level,
            detail=counts | {"se": se, "df": df, "mde": mde},
        )


def row_correlations(
    scores: np.ndarray, outcome: np.ndarray, covariates: Sequence[np.ndarray] = ()
) -> RowCorrelations | NotEstimable:
    r"""Return mean partial Spearman correlations inside rows, all of the same pairs.

    In each row, scores, outcome and covariates are ranked, the first two less their least-squares
    fit on natural cubic splines (4 knots) of the ranks of the covariates, and u, v these residuals
    scaled to length one:

    .. math:: \rho_i = \sum_j u_{ij} v_{ij}, \qquad
              \psi_{ij} = u_{ij} v_{ij} - \tfrac12 \rho_i (u_{ij}^2 + v_{ij}^2)

    with :math:`\psi` the influence of a pair on its row (that of Pearson's correlation; that ranks
    are estimated is not counted).

    Parameters
    ----------
    scores
        (m, G) or (k, m, G); NaN where a pair is missing.
    outcome
        (m, G); NaN where missing.
    covariates
        Arrays that broadcast to (m, G), held constant.

    Returns
    -------
    RowCorrelations or NotEstimable
        Rows with fewer than 8 pairs (three more for each covariate), or in which a score or the
        outcome does not vary beyond the covariates, do not enter; not estimable with fewer than 5.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> d = rng.normal(size=(10, 30))
    >>> found = row_correlations(d + rng.normal(size=d.shape), d)
    >>> found.mean.round(2), found.rows.size
    (array([0.69]), 10)
    """
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores if scores.ndim == 3 else scores[None]
    x, used = _prepared(scores, outcome, covariates)
    kept, parts = [], []
    for i in range(len(used)):
        at = np.flatnonzero(used[i])
        if at.size >= LEAST + 3 * len(x):
            rest = _residuals(np.vstack([scores[:, i, at], outcome[i, at]]), x[:, i, at])
            if rest is not None:
                kept.append(i)
                parts.append((at, rest))
    if len(kept) < MIN_UNITS:
        return NotEstimable(f"{len(kept)} rows with enough pairs; at least {MIN_UNITS} needed")
    m = len(kept)
    rho = np.stack([rest[:-1] @ rest[-1] for _, rest in parts], axis=1)
    influence = []
    for i, (at, rest) in enumerate(parts):
        psi = rest[:-1] * rest[-1] - rho[:, [i]] * (rest[:-1] ** 2 + rest[-1] ** 2) / 2
        influence.append(psi / m + (rho[:, [i]] - rho.mean(axis=1)[:, None]) / (m * at.size))
    sizes = np.array([at.size for at, _ in parts])
    row, column = np.repeat(kept, sizes), np.concatenate([at for at, _ in parts])
    return RowCorrelations(rho, np.array(kept), sizes, np.hstack(influence), row, column)


def relabelled_rows(
    score: np.ndarray,
    outcome: np.ndarray,
    own: Sequence[int],
    rng: np.random.Generator,
    n_perm: int = 999,
    covariates: Sequence[np.ndarray] = (),
) -> Outcome | NotEstimable:
    """Test the mean partial Spearman correlation inside rows by relabelling genes, two-sided.

    What the covariates leave of the outcome's ranks is permuted: genes with a row among these, in
    both of their roles, other genes among others (double semi-partialling, as in
    `helpers.statistics.matrix_regression`). The statistic is studentised by gene, so that genes
    whose values scatter more in both do not pass for agreement.

    Parameters
    ----------
    score, outcome, covariates
        As for `row_correlations`; one score. The outcome is finite wherever a permutation may put
        a pair, that is, everywhere but for a row's own gene.
    own
        (m,) column of each row's gene, -1 where it has none.
    rng, n_perm
        Source and number of relabellings.

    Returns
    -------
    Outcome or NotEstimable
        The mean correlation with its two-way interval; ``detail`` has null_mean, null_sd, se, the
        counts, and mde: the distance from the null mean found with power 0.8.

    References
    ----------
    Dekker D, Krackhardt D, Snijders TAB (2007), Psychometrika 72:563-581.
    """
    found = row_correlations(score, outcome, covariates)
    if isinstance(found, NotEstimable):
        return found
    own = np.asarray(own)[found.rows]
    x, used = _prepared(np.asarray(score, dtype=np.float64)[None], outcome, covariates)
    rows = found.rows
    x, used, y = x[:, rows], used[rows], np.asarray(outcome, dtype=np.float64)[rows]
    columns = np.flatnonzero(used.any(axis=0))
    place = np.full(used.shape[1], -1)
    place[columns] = np.arange(columns.size)
    own = np.where(own >= 0, place[own], -1)
    x, used, y = x[:, :, columns], used[:, columns], y[:, columns]
    there = ~(np.arange(columns.size) == own[:, None])
    if not np.isfinite(y[there]).all():
        raise ParameterError("the outcome must be finite for every gene but the row's own")
    y = np.where(there, y, np.nan)
    basis = _bases(x, used)
    u = _unit(_ranks(np.asarray(score)[rows][:, columns], used), basis, used)
    free = _unit(_ranks(y, there), _bases(x, there), there)
    parts = [_statistics(u, _unit(_ranks(y, used), basis, used)[:, None], own)]
    for first in range(0, n_perm, DRAWS_AT_ONCE):
        many = min(DRAWS_AT_ONCE, n_perm - first)
        to_row, to_column = _relabellings(own, columns.size, many, rng)
        moved = free[to_row.T[:, :, None], to_column[None]]
        parts.append(_statistics(u, _unit(moved, basis, used), own))
    draws = np.concatenate(parts)
    tested = null_outcome(
        draws[0, 1],
        draws[1:, 1],
        sides="two",
        test="gene-label permutation, studentised",
        null="gene labels permuted",
        unit="gene",
        n_units=np.union1d(columns, rows[own < 0] + used.shape[1]).size,
    )
    wide, null = found.contrast([1.0]), draws[1:, 0]
    about = {"null_mean": float(null.mean()), "null_sd": float(null.std(ddof=1))}
    about["mde"] = smallest_effect(about["null_sd"])
    counts = {"n_pairs": found.row.size, "n_rows": found.rows.size, "t": float(draws[0, 1])}
    if isinstance(wide, Outcome):
        counts |= {"se": wide.detail["se"], "df": wide.detail["df"]}
        tested = replace(tested, low=wide.low, high=wide.high)
    mean = float(found.mean[0])
    return replace(tested, estimate=mean, draws=null, detail=about | counts)


def _prepared(scores, outcome, covariates) -> tuple[np.ndarray, np.ndarray]:
    """Return covariates (c, m, G) and which pairs have every value."""
    shape = np.shape(outcome)
    if len(shape) != 2 or scores.shape[1:] != shape:
        raise ParameterError(f"scores of shape {scores.shape}, outcome of shape {shape}")
    x = np.empty((len(covariates), *shape))
    for k, one in enumerate(covariates):
        x[k] = one
    used = np.isfinite(scores).all(axis=0) & np.isfinite(outcome) & np.isfinite(x).all(axis=0)
    return x, used


@lru_cache(maxsize=128)
def _design(x: bytes, n: int) -> np.ndarray:
    """Return (n, 1 + 3 c): a constant, and splines of the ranks of the covariates (c, n).

    The covariates come as bytes, because most rows share them.
    """
    parts = np.frombuffer(x).reshape(-1, n) if x else ()
    return np.column_stack([np.ones(n), *(natural_cubic(unit_ranks(one)) for one in parts)])


def _residuals(values: np.ndarray, x: np.ndarray) -> np.ndarray | None:
    """Return ranks (k, n) less their fit on the ranks of x, of length one; None where constant."""
    design = _design(x.tobytes(), values.shape[1])
    ranks = rankdata(values, axis=1).T
    rest = ranks - design @ np.linalg.lstsq(design, ranks, rcond=1e-9)[0]
    length = np.sqrt((rest**2).sum(axis=0))
    if (length <= 1e-7 * values.shape[1] ** 1.5).any():
        return None
    return (rest / length).T


def _ranks(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    out = np.zeros(values.shape)
    for i, inside in enumerate(where):
        out[i, inside] = rankdata(values[i, inside])
    return out


def _bases(x: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return (m, G, 1 + c) orthonormal columns that hold constants and covariates of each row."""
    out = np.zeros((*where.shape, 1 + 3 * len(x)))
    for i, inside in enumerate(where):
        design = _design(x[:, i, inside].tobytes(), int(inside.sum()))
        left, size, _ = np.linalg.svd(design, full_matrices=False)
        out[i, inside, : size.size] = left * (size > 1e-9 * size.max())
    return out


def _unit(values: np.ndarray, basis: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return what the basis leaves of each row, (m, G) or (m, B, G), of length one."""
    many = values if values.ndim == 3 else values[:, None]
    many = np.where(where[:, None], many, 0.0)
    rest = many - (many @ basis) @ basis.transpose(0, 2, 1)
    rest /= np.maximum(np.sqrt((rest**2).sum(axis=2, keepdims=True)), 1e-300)
    return rest if values.ndim == 3 else rest[:, 0]


def _statistics(u: np.ndarray, v: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return (B, 2): mean correlation of u (m, G) with v (m, B, G), and it studentised by gene."""
    c = u[:, None] * v
    of_row, of_gene = c.sum(axis=2), c.sum(axis=0)
    has = own >= 0
    of_gene[:, own[has]] += of_row[has].T
    squares = (of_gene**2).sum(axis=1) + (of_row[~has] ** 2).sum(axis=0)
    pairs, total = (c**2).sum(axis=(0, 2)), of_row.sum(axis=0)
    se = np.sqrt(np.maximum(np.maximum(squares - pairs, pairs), 1e-300))
    return np.stack([total / len(u), total / se], axis=1)


def _relabellings(own: np.ndarray, n: int, many: int, rng: np.random.Generator):
    """Return orders of rows (B, m) and columns (B, n): genes with a row change places with these.

    Other genes change places with others, and rows whose gene is no column with such rows.
    """
    row, column = np.tile(np.arange(own.size), (many, 1)), np.tile(np.arange(n), (many, 1))
    has, without = np.flatnonzero(own >= 0), np.flatnonzero(own < 0)
    row[:, has] = rng.permuted(row[:, has], axis=1)
    row[:, without] = rng.permuted(row[:, without], axis=1)
    column[:, own[has]] = own[row[:, has]]
    others = np.setdiff1d(np.arange(n), own[has])
    column[:, others] = rng.permuted(column[:, others], axis=1)
    return row, column
