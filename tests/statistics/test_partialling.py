"""Partialling out: against least squares with explicit dummies, and against explicit blocks."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import OLS

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.crossed_means import crossed_variance
from helpers.statistics.partialling import block_halves, partial_fit, without_effects


def pairs(rng, n_rows=9, n_columns=14, missing=15, theta=0.5):
    """A grid with a few missing pairs; score, covariates and outcome share gene effects."""
    row, column = np.divmod(np.arange(n_rows * n_columns), n_columns)
    keep = np.sort(rng.permutation(row.size)[missing:])
    row, column = row[keep], column[keep]
    effect = rng.normal(size=n_rows)[row] + rng.normal(size=n_columns)[column]
    x = rng.normal(size=(row.size, 2)) + effect[:, None]
    score = effect + x @ [0.5, -0.2] + rng.normal(size=row.size)
    outcome = theta * score + x @ [1.0, 0.3] - 2 * effect + rng.normal(size=row.size)
    return outcome, score, x, row, column


def dummies(row, column):
    """Design of row and column effects, a constant included."""
    tables = [pd.get_dummies(code).to_numpy(float) for code in (row, column)]
    return np.column_stack([tables[0], tables[1][:, 1:]])


def test_effects_are_those_of_least_squares():
    _, _, x, row, column = pairs(np.random.default_rng(0))
    design = dummies(row, column)
    expected = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    np.testing.assert_allclose(without_effects(x, row, column), expected, atol=1e-9)


def test_without_blocks_it_is_least_squares_with_dummies():
    y, s, x, row, column = pairs(np.random.default_rng(1))
    fit = OLS(y, np.column_stack([s, x, dummies(row, column)])).fit()
    found = partial_fit(y, s, x, row, column)
    assert found.coefficient == pytest.approx(fit.params[0], abs=1e-9)
    reverse = OLS(s, np.column_stack([y, x, dummies(row, column)])).fit()
    assert found.slope_of_score == pytest.approx(reverse.params[0], abs=1e-9)


def test_clustered_variance_against_a_double_loop_over_pairs():
    y, s, x, row, column = pairs(np.random.default_rng(2))
    design = np.column_stack([x, dummies(row, column)])
    rest = s - design @ np.linalg.lstsq(design, s, rcond=None)[0]
    full = np.column_stack([s, design])
    error = y - full @ np.linalg.lstsq(full, y, rcond=None)[0]
    parts = dict.fromkeys(("row", "column", "pair"), 0.0)
    for a in range(y.size):
        for b in range(y.size):
            product = rest[a] * error[a] * rest[b] * error[b] / (rest @ rest) ** 2
            parts["row"] += product * (row[a] == row[b])
            parts["column"] += product * (column[a] == column[b])
            parts["pair"] += product * (a == b)
    by_row, by_column = parts["row"] * 9 / 8, parts["column"] * 14 / 13
    expected = max(by_row + by_column - parts["pair"], by_row, by_column)
    found = partial_fit(y, s, x, row, column)
    assert crossed_variance(found.influence, row, column)[0, 0] == pytest.approx(expected)
    assert found.influence.sum() == pytest.approx(0, abs=1e-9)


def test_blocks_against_four_explicit_fits():
    y, s, x, row, column = pairs(np.random.default_rng(3), 12, 16, 10)
    top, left = block_halves(row, column, np.random.default_rng(7))
    rest = {}
    for t in (True, False):
        for c in (True, False):
            k = np.flatnonzero((top == t) & (left == c))
            design = dummies(row[k], column[k])
            values = np.column_stack([y, s, x])[k]
            rest[t, c] = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    cross = size = 0.0
    for (t, c), own in rest.items():
        other = rest[not t, not c]
        slopes = np.linalg.lstsq(other[:, 2:], other[:, :2], rcond=None)[0]
        y_left, s_left = (own[:, :2] - own[:, 2:] @ slopes).T
        cross, size = cross + s_left @ y_left, size + s_left @ s_left
    found = partial_fit(y, s, x, row, column, np.random.default_rng(7), n_splits=1)
    assert found.coefficient == pytest.approx(cross / size, abs=1e-9)


def test_halves_split_rows_and_columns_whole():
    row, column = np.divmod(np.arange(70), 10)
    top, left = block_halves(row, column, np.random.default_rng(0))
    for name, half in ((row, top), (column, left)):
        assert all(np.unique(half[name == k]).size == 1 for k in np.unique(name))
    assert np.unique(row[top]).size == 4 and np.unique(column[left]).size == 5


@pytest.mark.parametrize("blocks", [False, True])
def test_gene_effects_and_covariates_change_nothing(blocks):
    y, s, x, row, column = pairs(np.random.default_rng(4), 12, 16, 10)
    effect = np.random.default_rng(5).normal(size=(2, 40))
    moved = [y + 3 * effect[0, row] - effect[1, column], s + effect[1, row] + effect[0, column]]
    fits = [
        partial_fit(*two, x, row, column, np.random.default_rng(0) if blocks else None)
        for two in ((y, s), moved)
    ]
    assert fits[0].coefficient == pytest.approx(fits[1].coefficient, abs=1e-8)


def test_a_score_of_gene_values_alone_has_no_coefficient():
    y, _, x, row, column = pairs(np.random.default_rng(6))
    effect = np.random.default_rng(5).normal(size=40)
    found = partial_fit(y, effect[row] + effect[column], x, row, column)
    assert isinstance(found, NotEstimable) and "score" in found.reason
    with pytest.raises(ParameterError, match="finite"):
        partial_fit(y, y * np.nan, x, row, column)


def test_level_and_power_where_everything_is_shared():
    rejected, planted = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        for theta, found in ((0.0, rejected), (0.25, planted)):
            y, s, x, row, column = pairs(rng, 20, 25, 30, theta=theta)
            fit = partial_fit(y, s, x, row, column, rng, 1)
            se = np.sqrt(crossed_variance(fit.influence, row, column)[0, 0])
            found.append(abs(fit.coefficient) > 2.093 * se)
    assert np.mean(rejected) <= 0.08
    assert np.mean(planted) > 0.9
