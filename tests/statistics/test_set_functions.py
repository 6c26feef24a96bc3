"""Interactions and Shapley values against all orders."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import ParameterError
from helpers.statistics.set_functions import (
    first_in,
    last_in,
    moebius,
    pair_interactions,
    shapley,
    shapley_by_orders,
)


def _brute_shapley(v, k):
    total = np.zeros(k)
    for order in permutations(range(k)):
        mask = 0
        for i in order:
            total[i] += v[mask | (1 << i)] - v[mask]
            mask |= 1 << i
    return total / np.prod(np.arange(1, k + 1))


@given(st.integers(0, 10_000))
def test_shapley_equals_all_orders_and_is_efficient(seed):
    v = np.random.default_rng(seed).normal(size=32)
    exact = shapley(v)
    assert np.allclose(exact, _brute_shapley(v, 5), atol=1e-10)
    assert exact.sum() == pytest.approx(v[-1] - v[0])


def test_moebius_inverts_and_definitions_follow_from_it():
    v = np.random.default_rng(5).normal(size=16)
    mu = moebius(v)
    for mask in range(16):
        inside = [s for s in range(16) if s & mask == s]
        assert mu[inside].sum() == pytest.approx(v[mask])
    assert np.allclose(first_in(v), mu[[1, 2, 4, 8]])
    members = [[s for s in range(16) if s >> i & 1] for i in range(4)]
    assert np.allclose(last_in(v), [mu[m].sum() for m in members])
    assert pair_interactions(v)[0, 1] == pytest.approx(mu[3])


def test_or_gate():
    v = np.array([0.0, 1, 1, 1])
    assert first_in(v).tolist() == [1, 1]
    assert last_in(v).tolist() == [0, 0]
    assert shapley(v).tolist() == [0.5, 0.5]


def test_sampled_shapley_is_within_three_standard_errors():
    rng = np.random.default_rng(6)
    v = rng.normal(size=64)
    powers = 1 << np.arange(6)
    drawn = shapley_by_orders(lambda s: v[int(s @ powers)], 6, 2000, rng)
    assert (np.abs(drawn.value - shapley(v)) < 3.5 * drawn.se).all()
    assert drawn.value.sum() == pytest.approx(v[-1] - v[0])


def test_too_many_components_are_refused():
    with pytest.raises(ParameterError, match="not one per set"):
        shapley(np.zeros(6))
    with pytest.raises(ParameterError, match="21 components"):
        shapley(np.broadcast_to(0.0, 1 << 21))
