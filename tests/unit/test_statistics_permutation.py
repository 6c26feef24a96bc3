"""Permutation, sign flips, max-statistic and curveball against enumeration and scipy."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import auroc_many
from helpers.statistics.curveball import curveball, curveball_tests
from helpers.statistics.maxstat import max_statistic
from helpers.statistics.permutation import (
    permutation_null,
    permutation_test,
    sign_flip_test,
)


def test_free_permutation_matches_the_enumerated_distribution():
    scores = np.array([3.0, 1.0, 1.0, 4.0, 2.0, 0.0, 5.0, 2.0])
    labels = np.array([1, 0, 0, 1, 0, 0, 1, 0], bool)
    every = []
    for chosen in combinations(range(8), 3):
        mask = np.zeros(8, bool)
        mask[list(chosen)] = True
        every.append(auroc_many(scores, mask)[0])
    result = permutation_test(scores, labels, np.random.default_rng(0), 20_000)
    exact = np.mean(np.array(every) >= result.estimate - 1e-12)
    assert result.p == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))
    assert set(np.round(result.draws, 9)) == set(np.round(every, 9))
    assert result.detail["null_mean"] == pytest.approx(0.5, abs=0.01)
    assert result.p_floor == 1 / 20_001


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_free_permutation_moments_are_those_of_the_rank_sum(share):
    rng = np.random.default_rng(1)
    n = 400
    labels = np.arange(n) < share * n
    draws = permutation_null(rng.normal(size=(2, n)), labels, rng, 8000).draws
    plus = labels.sum()
    sd = np.sqrt((n + 1) / 12 / (plus * (n - plus)))
    np.testing.assert_allclose(draws.mean(axis=0), 0.5, atol=4 * sd / np.sqrt(8000))
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.04)


def test_within_group_permutation_equals_a_slow_loop():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(6), 30)
    labels = np.concatenate([rng.permutation(30) < k for k in (0, 3, 29, 30, 10, 1)])
    scores = np.round(rng.normal(size=180), 1) + groups
    fast = permutation_null(scores, labels, rng, 6000, groups)
    slow = np.empty(2000)
    for b in range(2000):
        shuffled = labels.copy()
        for g in range(6):
            shuffled[groups == g] = rng.permutation(labels[groups == g])
        slow[b] = auroc_many(scores, shuffled)[0]
    assert fast.observed[0] == pytest.approx(auroc_many(scores, labels)[0], abs=1e-12)
    assert fast.movable_positives == 3 + 29 + 10 + 1
    assert stats.ks_2samp(fast.draws[:, 0], slow).pvalue > 1e-3
    assert abs(fast.draws.mean() - 0.5) > 0.05  # between-group differences stay in the null


def test_permutation_degenerate_designs():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 5)
    separate = permutation_test(np.arange(10), groups == 1, rng, 10, groups)
    assert isinstance(separate, NotEstimable) and "both" in separate.reason
    two = permutation_test(np.arange(10), np.tile([1, 0, 0, 0, 0], 2), rng, 10, groups)
    assert isinstance(two, NotEstimable) and "2 groups" in two.reason
    assert isinstance(permutation_test(np.arange(4), np.zeros(4), rng), NotEstimable)


def test_same_seed_same_draws():
    labels = np.arange(50) < 9
    one, two = (
        permutation_null(np.arange(50.0), labels, np.random.default_rng(7), 20) for _ in range(2)
    )
    np.testing.assert_array_equal(one.draws, two.draws)


def test_sign_flip_enumerates_and_states_its_floor():
    rng = np.random.default_rng(0)
    three = sign_flip_test([0.1, 0.2, 0.3], rng)
    assert three.p == three.p_floor == 1 / 8
    assert sign_flip_test([0.1, 0.2, 0.3], rng, sides="two").p == 2 / 8
    values = rng.normal(0.3, 1, 10)
    means = [np.mean(np.array(signs) * values) for signs in product((1, -1), repeat=10)]
    assert sign_flip_test(values, rng).p == np.mean(np.array(means) >= values.mean() - 1e-12)
    theirs = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
    )
    assert sign_flip_test(values, rng).p == pytest.approx(theirs.pvalue)
    assert isinstance(sign_flip_test([1.0, 2.0], rng), NotEstimable)
    shifted = sign_flip_test(values + 0.5, rng, null_value=0.5)
    assert shifted.estimate == pytest.approx(values.mean() + 0.5)


def test_sign_flip_monte_carlo_agrees_with_t():
    values = np.random.default_rng(5).normal(0.25, 1, 80)
    ours = sign_flip_test(values, np.random.default_rng(0), 20_000, sides="two").p
    assert ours == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)


def test_max_statistic_equals_the_definition():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(999, 5))
    observed = np.array([0.5, 3.0, -1.0, 2.2, 2.5])
    result = max_statistic(observed, draws, standardise=False)
    expected = [(1 + (draws.max(axis=1) >= value).sum()) / 1000 for value in observed]
    np.testing.assert_allclose(result.adjusted, expected)
    assert (result.best, result.best_p) == (1, expected[1])
    down = max_statistic(observed, draws, standardise=False, step_down=True)
    second = (1 + (draws[:, [0, 2, 3, 4]].max(axis=1) >= 2.5).sum()) / 1000
    assert down.adjusted[4] == pytest.approx(max(second, expected[1]))
    assert (down.adjusted <= result.adjusted + 1e-12).all()


def test_max_statistic_does_not_prefer_noisy_scores():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(2000, 2)) * np.array([1.0, 10.0])
    result = max_statistic(np.array([3.0, 8.0]), draws)
    assert result.best == 0


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    rate = rng.dirichlet(np.ones(12) * 0.7)[:, None] * rng.dirichlet(np.ones(60) * 0.7)
    forbidden = np.eye(12, 60, dtype=bool)
    cells = rng.choice(720, 90, replace=False, p=(rate + 1e-4).ravel() / (rate + 1e-4).sum())
    matrix = np.zeros(720, bool)
    matrix[cells] = True
    return matrix.reshape(12, 60) & ~forbidden, forbidden


def test_curveball_keeps_margins_and_forbidden_cells(network):
    matrix, forbidden = network
    result = curveball(matrix, np.random.default_rng(1), 100, forbidden)
    for draw in range(100):
        drawn = result.network(draw)
        np.testing.assert_array_equal(drawn.sum(axis=0), matrix.sum(axis=0))
        np.testing.assert_array_equal(drawn.sum(axis=1), matrix.sum(axis=1))
        assert not (drawn & forbidden).any()
        shared = (drawn & matrix).sum()
        assert result.jaccard_distance[draw] == pytest.approx(1 - shared / (drawn | matrix).sum())
    assert result.share_unchanged == 0.0
    assert result.jaccard_distance.mean() > 0.4


def test_curveball_is_uniform_on_a_small_space():
    start = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], bool)
    rows, columns = start.sum(axis=1), start.sum(axis=0)
    space = [
        np.array(m, bool).reshape(3, 4)
        for m in product((0, 1), repeat=12)
        if (np.array(m).reshape(3, 4).sum(1) == rows).all()
        and (np.array(m).reshape(3, 4).sum(0) == columns).all()
    ]
    drawn = curveball(start, np.random.default_rng(3), 6000)
    seen = [drawn.network(b).tobytes() for b in range(6000)]
    tally = [seen.count(m.tobytes()) for m in space]
    assert sum(tally) == 6000
    assert stats.chisquare(tally).pvalue > 1e-4


def test_target_only_score_does_not_vary_under_curveball(network):
    matrix, forbidden = network
    target = np.tile(np.random.default_rng(0).random(60), (12, 1))
    (result,) = curveball_tests(target[None], matrix, np.random.default_rng(1), 200, forbidden)
    assert np.ptp(result.draws) < 1e-12
    assert result.draws[0] == pytest.approx(result.estimate, abs=1e-12)
    assert result.p == 1.0


def test_curveball_auroc_is_that_of_the_drawn_networks(network):
    matrix, forbidden = network
    scores = np.random.default_rng(4).normal(size=(2, 12, 60))
    outcomes = curveball_tests(scores, matrix, np.random.default_rng(5), 20, forbidden)
    drawn = curveball(matrix, np.random.default_rng(5), 20, forbidden)
    for b in range(20):
        labels = drawn.network(b)[~forbidden]
        expected = auroc_many(scores[:, ~forbidden], labels)
        np.testing.assert_allclose([o.draws[b] for o in outcomes], expected, atol=1e-12)


def test_the_crossed_p_of_curveball_from_loops(network):
    matrix, forbidden = network
    rng = np.random.default_rng(8)
    scores = rng.normal(size=(12, 60)) + 0.7 * matrix + 3 * rng.normal(size=60)
    (found,) = curveball_tests(scores[None], matrix, np.random.default_rng(5), 50, forbidden)
    drawn = curveball(matrix, np.random.default_rng(5), 50, forbidden)
    surplus = matrix - np.mean([drawn.network(b) for b in range(50)], axis=0)
    assert surplus.sum(axis=0) == pytest.approx(0) and surplus.sum(axis=1) == pytest.approx(0)
    ranks = np.full((12, 60), np.nan)
    ranks[~forbidden] = stats.rankdata(scores[~forbidden])
    ones, zeros = matrix.sum(), (~forbidden & ~matrix).sum()
    excess = np.nansum(surplus * ranks) / (ones * zeros)
    assert excess == pytest.approx(found.estimate - found.detail["null_mean"])
    ranks = ranks - np.nanmean(ranks, axis=1, keepdims=True)
    terms = surplus * (ranks - np.nanmean(ranks, axis=0)) / (ones * zeros)
    kept = ~forbidden & (surplus != 0)
    variance, limits = -np.nansum(terms**2), []
    for axis, names in enumerate(np.nonzero(kept)):
        sums = [np.nansum(terms.take(k, axis)) for k in np.unique(names)]
        n = np.bincount(names)
        variance += len(sums) / (len(sums) - 1) * np.sum(np.square(sums))
        limits += [n.sum() ** 2 / (n**2).sum() - 1]
        limits += [3 * np.sum(np.square(sums)) ** 2 / np.sum(np.power(sums, 4))]
    expected = stats.t.sf(np.nansum(terms) / np.sqrt(variance), min(limits))
    assert found.detail["p_crossed"] == pytest.approx(expected, rel=1e-6)
    assert found.p == max(found.detail["p_rewired"], found.detail["p_crossed"])
    (planted,) = curveball_tests((scores + 3 * matrix)[None], matrix, rng, 199, forbidden)
    assert planted.p < 0.02


def test_curveball_degenerate_networks():
    rng = np.random.default_rng(0)
    assert isinstance(curveball(np.ones((3, 4), bool), rng), NotEstimable)
    assert isinstance(curveball(np.array([[1, 0, 1]], bool), rng), NotEstimable)
    only_row = np.zeros((4, 5), bool)
    only_row[2, 1:3] = True
    assert isinstance(curveball_tests(np.zeros((1, 4, 5)), only_row, rng), NotEstimable)
    with pytest.raises(ParameterError, match="forbidden"):
        curveball(np.eye(3, dtype=bool), rng, forbidden=np.eye(3, dtype=bool))
