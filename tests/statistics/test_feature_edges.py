"""Rules for edges between features against scipy, closed cases, and worlds with known edges."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.statistics.feature_edges import (
    corrected_edges,
    edge_table,
    published_edges,
    pursued_edges,
)
from helpers.statistics.multiplicity import adjust


def test_table_equals_scipy_over_the_active_cells():
    rng = np.random.default_rng(0)
    change, active = rng.normal(size=(3, 30, 4)), rng.random((3, 30)) < 0.7
    change[change > 1] = 0
    table = edge_table(change, active)
    for row in table.itertuples():
        x = change[row.source, active[row.source], row.target]
        assert row.p == pytest.approx(stats.ttest_1samp(x, 0).pvalue, rel=1e-9)
        assert (row.positive, row.negative, row.zero) == (
            (x > 0).sum(),
            (x < 0).sum(),
            (x == 0).sum(),
        )
        assert row.d == pytest.approx(x.mean() / x.std(ddof=1))
    assert len(table) == 12


def test_pairs_without_spread_are_counted_and_left_out():
    change = np.ones((2, 25, 3))
    change[0, :, 1] = np.arange(25)
    table = edge_table(change, np.stack([np.ones(25, bool), np.arange(25) == 0]))
    assert table[["source", "target"]].to_numpy().tolist() == [[0, 1]]
    assert table.attrs["no_spread"] == 5
    nothing = edge_table(change, np.zeros((2, 25), bool))
    assert nothing.empty and not published_edges(nothing).any()
    assert not corrected_edges(nothing, 0.05).any()
    with pytest.raises(ParameterError, match="finite"):
        edge_table(np.full((2, 25, 3), np.nan), np.ones((2, 25), bool))
    with pytest.raises(ParameterError):
        edge_table(change, np.ones((2, 24), bool))


def rows(**columns):
    base = {"source": 0, "n": 40, "d": 1.0, "positive": 35, "negative": 5, "zero": 0, "p": 1e-6}
    return pd.DataFrame(base | columns)


def test_zeros_count_as_negative_in_the_published_rule_only():
    table = rows(target=[0, 1], d=[0.6, -0.6], positive=[24, 2], negative=[2, 24], zero=[14, 14])
    assert published_edges(table).tolist() == [False, True]
    assert corrected_edges(table, 0.05).tolist() == [True, True]


def test_the_published_rule_keeps_the_largest_of_each_source():
    table = rows(
        source=[0, 0, 0, 1], target=[0, 1, 2, 0], d=[0.9, -2.0, 0.6, 0.7], positive=[35, 2, 35, 35]
    )
    assert published_edges(table, most=2).tolist() == [True, True, False, True]
    assert published_edges(table, most=None).all()


def test_the_corrected_rule_is_bh_over_pairs_with_enough_cells():
    p = np.array([0.001, 0.02, 0.03, 0.9])
    table = rows(target=range(4), p=p)
    np.testing.assert_array_equal(corrected_edges(table, 0.05), adjust(p) <= 0.05)
    few = rows(target=range(4), p=p, n=[19, 40, 40, 40])
    np.testing.assert_array_equal(corrected_edges(few, 0.05)[1:], adjust(p[1:]) <= 0.05)
    assert not corrected_edges(few, 0.05)[0]
    assert not corrected_edges(table, 0.05, d=2.0).any()


def test_false_discoveries_are_at_most_nominal_with_zeros_and_both_signs():
    rng, shares, negative = np.random.default_rng(1), [], []
    for _ in range(60):
        sign = np.zeros((4, 60))
        sign.flat[rng.permutation(240)[:20]] = np.resize([1, -1], 20)
        change = rng.normal(size=(4, 60, 60)) + 1.2 * sign[:, None]
        change *= rng.random(change.shape) > rng.uniform(0.2, 0.5, (4, 1, 60))
        table = edge_table(change, np.ones((4, 60), bool))
        called = table[corrected_edges(table, 0.05)]
        false = sign[called["source"], called["target"]] == 0
        shares.append(false.mean() if len(called) else 0.0)
        negative.append((called["d"] < 0).mean())
        assert len(called) - false.sum() >= 18
    # BH at 0.05 with 220 of 240 null pairs: 0.046 expected
    assert np.mean(shares) < 0.046 + 3 * np.std(shares) / 60**0.5
    assert np.mean(negative) == pytest.approx(0.5, abs=0.05)


def test_pursuit_calls_planted_directions_and_nothing_else():
    rng = np.random.default_rng(2)
    decoder = np.linalg.qr(rng.normal(size=(64, 64)))[0][:20]
    weights = np.zeros((10, 20))
    weights.flat[rng.permutation(200)[:20]] = np.resize([1.0, -1.0], 20)
    control = rng.normal(size=(20, 10)) / 8 @ weights @ decoder + 0.01 * rng.normal(size=(20, 64))
    noise = 0.01 * rng.normal(size=(10, 64))
    found = pursued_edges(weights @ decoder + noise, control, decoder, 0.05)
    np.testing.assert_array_equal(found != 0, weights != 0)
    np.testing.assert_allclose(found[weights != 0], weights[weights != 0], atol=0.1)


def test_pursuit_takes_one_target_for_what_a_neighbour_of_it_reads():
    a = np.array([1.0, 0, 0, 0, 0, 0])
    decoder = np.stack([a, [0.8, 0.6, 0, 0, 0, 0], np.eye(6)[2]])
    control = 0.05 * np.random.default_rng(0).normal(size=(30, 6))
    found = pursued_edges(a[None], control, decoder, 0.05)
    assert (found[0] != 0).tolist() == [True, False, False]


def test_random_directions_have_hardly_an_edge():
    rng = np.random.default_rng(3)
    decoder = rng.normal(size=(30, 40))
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    mixing, any_call = rng.normal(size=(40, 40)), []
    for _ in range(200):
        both = rng.normal(size=(21, 40)) @ mixing
        any_call.append((pursued_edges(both[:1], both[1:], decoder, 0.05) != 0).any())
    assert np.mean(any_call) <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
    with pytest.raises(ParameterError, match="five directions"):
        pursued_edges(both[:1], both[1:4], decoder, 0.05)
