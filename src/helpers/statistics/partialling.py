"""One coefficient given row effects, column effects and covariates, fitted where it is not tested.

The slopes of the covariates come from other rows and other columns than the pairs to which they
are applied, so that no pair helps to explain itself away (cross-fitting; Chernozhukov et al. 2018,
Econom J 21:C1-C68). Row and column effects exist only where their pairs are, so they are taken out
within each block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import cluster_codes

MAX_SWEEPS = 500


@dataclass(frozen=True)
class PartialFit:
    """A coefficient and what its standard error is made of.

    Parameters
    ----------
    coefficient
        Slope of the outcome on the score, given everything else.
    influence
        (n,) what every pair adds to coefficient minus truth; sums to zero.
    slope_of_score
        The reverse slope: score on outcome, given everything else.
    influence_of_score
        (n,) its influences.
    """

    coefficient: float
    influence: np.ndarray
    slope_of_score: float
    influence_of_score: np.ndarray


def without_effects(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return values (n, k) less their row and column effects (least squares), by turns.

    On a full grid one sweep is exact; a few missing pairs take a few sweeps more.

    Parameters
    ----------
    values
        (n, k) finite values.
    rows, columns
        (n,) names of the row and column of each.
    """
    values = np.asarray(values, dtype=np.float64)
    codes = [cluster_codes(names, len(values))[1] for names in (rows, columns)]
    sizes = [np.bincount(code) for code in codes]
    out = values - values.mean(axis=0)
    scale = np.abs(out).max(initial=0.0)
    for _ in range(MAX_SWEEPS):
        moved = 0.0
        for code, size in zip(codes, sizes, strict=True):
            sums = np.stack([np.bincount(code, weights=one) for one in out.T], axis=1)
            means = sums / size[:, None]
            out = out - means[code]
            moved = max(moved, np.abs(means).max(initial=0.0))
        if moved <= 1e-12 * max(scale, 1e-300):
            return out
    raise ParameterError("row and column effects did not settle: too few pairs connect them")


def block_halves(
    rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return booleans (n,), (n,): whether the row, and the column, falls in the first half."""
    halves = []
    for names in (rows, columns):
        unique, code = cluster_codes(names, np.asarray(names).size)
        first = rng.permutation(unique.size) < unique.size / 2
        halves.append(first[code])
    return halves[0], halves[1]


def partial_fit(
    outcome: np.ndarray,
    score: np.ndarray,
    covariates: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    rng: np.random.Generator | None = None,
    n_splits: int = 5,
) -> PartialFit | NotEstimable:
    r"""Return the slope of an outcome on a score given covariates, row and column effects.

    .. math:: y_{ij} = \theta s_{ij} + x_{ij}^\top\gamma + \alpha_i + \beta_j + \varepsilon_{ij},
              \quad \hat\theta = \frac{\sum \tilde s\,\tilde y}{\sum \tilde s^2}

    where a tilde marks what is left after row and column effects of the block and the covariates
    times the slopes of the complementary block (the other rows and the other columns).

    Parameters
    ----------
    outcome, score
        (n,) finite values.
    covariates
        (n, p) finite values, p may be 0; collinear columns do no harm.
    rows, columns
        (n,) row (TF) and column (target) of every pair.
    rng
        Source of the halves of rows and columns. Without one there are no blocks: ordinary least
        squares with dummies.
    n_splits
        Splits whose coefficients and influences are averaged, so that none of them matters much.

    Returns
    -------
    PartialFit or NotEstimable
        Not estimable where the score does not vary beyond everything else.
    """
    table = np.column_stack([outcome, score, np.reshape(covariates, (len(outcome), -1))])
    table = np.asarray(table, dtype=np.float64)
    if not np.isfinite(table).all():
        raise ParameterError("outcome, score and covariates must be finite")
    if rng is None:
        rest = without_effects(table, rows, columns)
        return _slopes(rest[:, :2] - rest[:, 2:] @ _coefficients(rest), table)
    fits = []
    for _ in range(n_splits):
        top, left = block_halves(rows, columns, rng)
        rest, blocks = np.empty_like(table), [(t, c) for t in (True, False) for c in (True, False)]
        for t, c in blocks:
            inside = (top == t) & (left == c)
            rest[inside] = without_effects(table[inside], rows[inside], columns[inside])
        left_over = np.empty((len(table), 2))
        for t, c in blocks:
            inside, other = (top == t) & (left == c), (top != t) & (left != c)
            slopes = _coefficients(rest[other])
            left_over[inside] = rest[inside, :2] - rest[inside, 2:] @ slopes
        fits.append(_slopes(left_over, table))
    failed = [fit for fit in fits if isinstance(fit, NotEstimable)]
    if failed:
        return failed[0]
    return PartialFit(
        float(np.mean([fit.coefficient for fit in fits])),
        np.mean([fit.influence for fit in fits], axis=0),
        float(np.mean([fit.slope_of_score for fit in fits])),
        np.mean([fit.influence_of_score for fit in fits], axis=0),
    )


def _coefficients(rest: np.ndarray) -> np.ndarray:
    """Return slopes (p, 2) of outcome and score on the covariates; zero in constant directions."""
    return np.linalg.lstsq(rest[:, 2:], rest[:, :2], rcond=1e-9)[0]


def _slopes(left_over: np.ndarray, table: np.ndarray) -> PartialFit | NotEstimable:
    y, s = left_over.T
    size, spread = float(s @ s), float(y @ y)
    for name, found, column in (("outcome", spread, 0), ("score", size, 1)):
        total = float(((table[:, column] - table[:, column].mean()) ** 2).sum())
        if found <= 1e-10 * max(total, 1e-300):
            return NotEstimable(f"the {name} does not vary beyond the other terms")
    cross = float(s @ y)
    return PartialFit(
        cross / size,
        s * (y - s * cross / size) / size,
        cross / spread,
        y * (s - y * cross / spread) / spread,
    )
