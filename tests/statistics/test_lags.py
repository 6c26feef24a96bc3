"""Lagged correlations beside numpy, their symmetries, and worlds whose direction is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.datasets.simulate.lagged import LAGGED_WORLDS, lagged_world
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.crossed_means import crossed_mean_test
from helpers.statistics.lags import (
    bin_means,
    call_pairs,
    direction_score,
    lagged_correlations,
    peak_lags,
    shift_rows,
)


def test_correlations_are_those_of_numpy_at_every_lag():
    x, y = np.random.default_rng(0).normal(size=(2, 4, 30)).cumsum(axis=2)
    found = lagged_correlations(x, y, 6)
    for k, lag in enumerate(range(-6, 7)):
        for i in range(4):
            a, b = (x[i], y[i]) if lag >= 0 else (y[i], x[i])
            cut = abs(lag)
            assert found[k, i] == pytest.approx(np.corrcoef(a[: 30 - cut], b[cut:])[0, 1])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), max_lag=st.integers(1, 12), signed=st.booleans())
def test_exchange_and_reversal_turn_the_direction(seed, max_lag, signed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 5, 40)).cumsum(axis=2)
    sign = rng.choice([-1, 1], 5) if signed else None
    d = direction_score(lagged_correlations(x, y, max_lag), sign)
    exchanged = direction_score(lagged_correlations(y, x, max_lag), sign)
    reverse = lagged_correlations(x[:, ::-1], y[:, ::-1], max_lag)
    np.testing.assert_allclose(exchanged, -d, atol=1e-9)
    np.testing.assert_allclose(direction_score(reverse, sign), -d, atol=1e-9)
    scaled = lagged_correlations(3 * x + 1, 0.5 * y - 2, max_lag)
    np.testing.assert_allclose(direction_score(scaled, sign), d, atol=1e-9)


def test_a_planted_lag_is_found_where_it_is():
    rng = np.random.default_rng(1)
    for lag in (1, 4, 8):
        w = lagged_world("planted-lag", rng, lag=lag, noise=0.05)
        r = lagged_correlations(w.tfs[w.source], w.targets[w.target])
        at, peak = peak_lags(r)
        assert np.median(at) == lag
        assert (np.sign(peak) == w.sign).mean() > 0.95


def test_every_kind_of_pair_is_called_by_its_name():
    r = np.zeros((7, 5))
    for column, (lag, value) in enumerate([(2, 0.9), (0, 0.9), (-2, 0.9), (2, -0.9), (3, -0.1)]):
        r[lag + 3, column] = value
    wanted = ["leads", "simultaneous", "target leads", "wrong sign", "weak"]
    assert call_pairs(r, np.ones(5)).tolist() == wanted


def test_shifts_move_each_row_in_a_circle_and_never_by_nothing():
    x = np.tile(np.arange(20.0), (50, 1))
    moved = shift_rows(x, np.random.default_rng(2))
    assert (np.sort(moved, axis=1) == x).all()
    assert (np.diff(moved, axis=1) % 20 == 1).all()
    assert (moved[:, 0] != 0).all()
    assert len(np.unique(moved[:, 0])) > 10


def test_bins_hold_equally_many_cells_and_keep_ties_together():
    rng = np.random.default_rng(3)
    order = rng.permutation(1000).astype(float)
    values = np.column_stack([order, np.ones(1000)])
    means = bin_means(values, order, 20, window=1)
    np.testing.assert_allclose(means[0], np.arange(20) * 50 + 24.5)
    assert (means[1] == 1).all()
    backwards = bin_means(values, -order, 20, window=1)
    np.testing.assert_allclose(backwards[0], means[0][::-1])
    tied = bin_means(values, np.floor(order / 25), 30, window=1)
    assert tied.shape[1] <= 30
    assert np.isfinite(tied).all()
    wide = bin_means(values, np.exp(order / 150), 40, equal="width", window=1)
    assert wide.shape == (2, 40)
    assert (np.diff(wide[0]) > 0).all()


def test_unreached_cells_are_left_out_and_too_few_are_refused():
    order = np.r_[np.arange(400.0), np.nan]
    values = np.r_[np.arange(400.0), 1e9][:, None]
    assert bin_means(values, order, 20).max() < 400
    assert isinstance(bin_means(values[:150], order[:150]), NotEstimable)
    assert isinstance(bin_means(values[:400], np.repeat(np.arange(4.0), 100)), NotEstimable)


def test_constant_series_have_no_correlation_and_wrong_shapes_are_refused():
    flat = np.ones((2, 30))
    assert (lagged_correlations(flat, np.random.default_rng(4).normal(size=(2, 30))) == 0).all()
    with pytest.raises(ParameterError, match="equal"):
        lagged_correlations(flat, flat[:1])
    with pytest.raises(ParameterError, match="max_lag"):
        lagged_correlations(flat, flat, 28)
    with pytest.raises(ParameterError, match="no world"):
        lagged_world("late", np.random.default_rng(0))


@pytest.mark.parametrize("name", [w for w in LAGGED_WORLDS if w != "planted-lag"])
def test_the_mean_direction_holds_its_level_where_nobody_leads(name):
    rejected = []
    for k in range(200):
        w = lagged_world(name, np.random.default_rng([k, 5]))
        d = direction_score(lagged_correlations(w.tfs[w.source], w.targets[w.target]), w.sign)
        rejected.append(crossed_mean_test(d, w.source, w.target, sides="one").p <= 0.05)
    assert np.mean(rejected) <= 0.10  # 5 % and three standard errors
