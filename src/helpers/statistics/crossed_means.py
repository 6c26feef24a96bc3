"""Mean of values that belong to a row and a column at once, with a two-way standard error."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import cluster_codes, one_of
from helpers.statistics.crossed import (
    MIN_UNITS,
    UNIT,
    effective_units,
    satterthwaite_df,
    smallest_effect,
)
from helpers.statistics.results import Outcome


def crossed_variance(influence: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    r"""Return the two-way clustered covariance (k, k) of sums whose terms share rows and columns.

    .. math:: V = \tfrac{T}{T-1}\sum_i a_i a_i^\top + \tfrac{G}{G-1}\sum_j b_j b_j^\top
              - \sum_{ij} c_{ij} c_{ij}^\top

    with a, b, c the sums of the influences over rows, columns and single pairs. Each variance is
    never below the larger of its two one-way ones.

    Parameters
    ----------
    influence
        (n, k) or (n,) terms whose sums are the estimates less their true values.
    rows, columns
        (n,) names; a pair may stand more than once.

    References
    ----------
    Cameron AC, Gelbach JB, Miller DL (2011), J Bus Econ Stat 29:238-249.
    """
    influence = np.asarray(influence, dtype=np.float64)
    influence = influence[:, None] if influence.ndim == 1 else influence
    n = len(influence)
    row = cluster_codes(rows, n)[1]
    column_names, column = cluster_codes(columns, n)
    both = np.unique(row * column_names.size + column, return_inverse=True)[1]

    def products(codes: np.ndarray, correct: bool) -> np.ndarray:
        groups = int(codes.max()) + 1
        sums = np.zeros((groups, influence.shape[1]))
        np.add.at(sums, codes, influence)
        return sums.T @ sums * (groups / max(groups - 1, 1) if correct else 1.0)

    by_row, by_column = products(row, True), products(column, True)
    covariance = by_row + by_column - products(both, False)
    least = np.maximum(np.diag(by_row), np.diag(by_column))
    np.fill_diagonal(covariance, np.maximum(np.diag(covariance), least))
    return covariance


def crossed_df(influence: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    """Return the degrees of freedom of a two-way standard error, at least 1.

    The smaller of `effective_units` - 1 and `satterthwaite_df` of the sums over rows, and over
    columns.

    Parameters
    ----------
    influence
        (n,) terms, as for `crossed_variance`.
    rows, columns
        (n,) names; every term counts as one value of its row and its column.
    """
    limits = []
    for names in (rows, columns):
        code = np.unique(names, return_inverse=True)[1]
        limits += [effective_units(code) - 1, satterthwaite_df(np.bincount(code, influence))]
    return float(max(1.0, min(limits)))


def crossed_mean_test(
    values: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    null: float = 0.0,
    sides: str = "two",
    level: float = 0.95,
) -> Outcome | NotEstimable:
    """Test that the mean of values is `null`, rows (TFs) and columns (targets) as units.

    Parameters
    ----------
    values
        (n,) finite values with equal weight, for example within-set AUROCs of positives.
    rows, columns
        (n,) row and column of each value.
    null, sides, level
        Mean under the null; ``one`` (large means) or ``two``; coverage of the interval.

    Returns
    -------
    Outcome or NotEstimable
        t with the degrees of freedom of `crossed_df`. ``detail`` has se, df, n_values, the numbers
        of rows and columns, and mde: the distance from `null` found with power 0.8. Not estimable
        with fewer than 5 rows or columns.

    Examples
    --------
    >>> import numpy as np
    >>> rows, columns = np.divmod(np.arange(100), 10)
    >>> crossed_mean_test(np.sin(np.arange(100.0)), rows, columns).detail["df"]
    9.0
    """
    one_of("sides", sides, ("one", "two"))
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ParameterError("a vector of finite values is expected")
    n_rows, n_columns = np.unique(rows).size, np.unique(columns).size
    if min(n_rows, n_columns) < MIN_UNITS:
        return NotEstimable(
            f"{n_rows} TFs and {n_columns} targets with a value; at least {MIN_UNITS} of each "
            "needed"
        )
    mean = float(values.mean())
    influence = (values - mean) / values.size
    se = float(np.sqrt(crossed_variance(influence, rows, columns)[0, 0]))
    df = crossed_df(influence, rows, columns)
    if se <= 1e-12:
        return NotEstimable("the values do not vary between TFs or targets")
    t = (mean - null) / se
    half = float(stats.t.ppf((1 + level) / 2, df)) * se
    return Outcome(
        estimate=mean,
        p=float(stats.t.sf(t, df) if sides == "one" else 2 * stats.t.sf(abs(t), df)),
        sides=sides,
        test="t, TF x target standard error",
        null=f"mean {null:g}",
        unit=UNIT,
        n_units=min(n_rows, n_columns),
        low=mean - half,
        high=mean + half,
        level=level,
        detail={
            "se": se,
            "df": df,
            "n_values": int(values.size),
            "n_tfs_with_positive": n_rows,
            "n_targets_with_positive": n_columns,
            "mde": smallest_effect(se, df, level, sides),
        },
    )
