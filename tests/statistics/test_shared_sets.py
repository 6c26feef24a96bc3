"""Exact nulls of overlap against brute force, a library, and drawing."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import hypergeom

from helpers.errors import ParameterError
from helpers.statistics.shared_sets import (
    cross_table,
    independent_null,
    label_null,
    mean_same,
    membership,
    specificity,
    triple_draws,
    triple_null,
)


def _sets(*members, n):
    array = np.zeros((len(members), 3, n), dtype=bool)
    for i, triple in enumerate(members):
        for j, chosen in enumerate(triple):
            array[i, j, list(chosen)] = True
    return array


def test_triple_null_equals_all_arrangements():
    n, k = 5, 2
    sets = _sets(((0, 1), (0, 1), (1, 2)), n=n)
    every = [set(c) for c in combinations(range(n), k)]
    values = [
        np.mean([len(a & b) / len(a | b) for a, b in combinations(triple, 2)])
        for triple in product(every, repeat=3)
    ]
    law = triple_null(sets)
    assert law.mean == pytest.approx(np.mean(values))
    for observed in (0.0, 1 / 3, 5 / 9, 1.0):
        share = np.mean(np.array(values) >= observed - 1e-9)
        assert law.upper_tail(observed) == pytest.approx(share)


def test_banded_null_equals_all_arrangements():
    bands = np.array([0, 0, 1, 1, 1])
    sets = _sets(((0, 2), (1, 3), (2, 3)), n=5)
    choices = []
    for chosen in sets[0]:
        inside = [np.flatnonzero(bands == b) for b in (0, 1)]
        options = [combinations(g, int(chosen[g].sum())) for g in inside]
        choices.append([set(a) | set(b) for a, b in product(*map(list, options))])
    values = [
        np.mean([len(a & b) / len(a | b) for a, b in combinations(t, 2)]) for t in product(*choices)
    ]
    law = triple_null(sets, bands)
    assert law.mean == pytest.approx(np.mean(values))
    assert law.upper_tail(0.3) == pytest.approx(np.mean(np.array(values) >= 0.3 - 1e-9))


def test_expectation_is_the_hypergeometric_sum():
    k, n = 5, 12
    i = np.arange(k + 1)
    expected = (hypergeom(n, k, k).pmf(i) * i / (2 * k - i)).sum()
    assert independent_null(k, n, 1).mean == pytest.approx(expected)
    assert independent_null(k, n, 6).mean == pytest.approx(expected)
    sets = membership(np.random.default_rng(0).normal(size=(2, 3, n)), k)
    assert triple_null(sets).mean == pytest.approx(expected)


def test_keeping_sets_together_widens_the_null():
    """Three indices of three sets vary more together than three of six sets."""
    sets = membership(np.random.default_rng(1).normal(size=(1, 3, 10)), 3)

    def variance(law):
        return ((law.values - law.mean) ** 2) @ law.probabilities

    assert variance(triple_null(sets)) >= variance(independent_null(3, 10, 3)) - 1e-12


def test_draws_follow_the_exact_law():
    rng = np.random.default_rng(2)
    sets = membership(rng.normal(size=(2, 3, 11)), 5)
    bands = np.arange(11) // 2
    for chosen in (None, bands):
        law, drawn = triple_null(sets, chosen), triple_draws(sets, chosen, 20_000, rng)
        assert drawn.mean() == pytest.approx(law.mean, abs=0.005)
        point = float(np.quantile(law.values, 0.8))
        assert (drawn >= point - 1e-9).mean() == pytest.approx(law.upper_tail(point), abs=0.015)


def test_p_is_uniform_at_most_under_the_null():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(300):
        sets = membership(rng.normal(size=(2, 3, 11)), 4)
        p.append(triple_null(sets).upper_tail(mean_same(sets)))
    assert np.mean(np.array(p) <= 0.05) <= 0.09
    assert np.mean(p) > 0.45


def test_specificity_of_own_and_of_common_circuits():
    own = _sets(((0, 1), (0, 1), (0, 1)), ((2, 3), (2, 3), (2, 3)), n=6)
    common = _sets(((0, 1), (0, 1), (0, 1)), ((0, 1), (0, 1), (0, 1)), n=6)
    assert specificity(cross_table(own)) == pytest.approx(1.0)
    assert specificity(cross_table(common)) == pytest.approx(0.0)
    assert label_null(cross_table(own)).upper_tail(1.0) == pytest.approx(1 / 4)


def test_bad_input_is_refused():
    with pytest.raises(ParameterError, match="not between 1 and 4"):
        membership(np.ones((2, 4)), 5)
    with pytest.raises(ParameterError, match="at least two objects"):
        specificity(cross_table(_sets(((0,), (1,), (2,)), n=3)))
    with pytest.raises(ParameterError, match="shape"):
        triple_null(np.ones((2, 2, 5), dtype=bool))
