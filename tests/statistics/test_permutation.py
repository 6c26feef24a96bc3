"""Permutation and sign flips against enumeration and scipy."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from helpers.estimates import NotEstimable
from helpers.statistics.auroc import auroc_many
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
