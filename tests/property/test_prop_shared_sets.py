"""Overlap nulls and banded rank tests for any size, band layout and data."""

from math import comb

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helpers.statistics.banded_ranks import BandedTest, banded_test
from helpers.statistics.shared_sets import mean_same, membership, triple_null


@given(st.integers(3, 12), st.data())
def test_triple_null_is_a_distribution_with_the_hypergeometric_mean(n, data):
    k = data.draw(st.integers(1, n))
    seed = data.draw(st.integers(0, 1000))
    sets = membership(np.random.default_rng(seed).normal(size=(1, 3, n)), k)
    law = triple_null(sets)
    expected = sum(
        comb(k, i) * comb(n - k, k - i) / comb(n, k) * i / (2 * k - i)
        for i in range(max(0, 2 * k - n), k + 1)
    )
    assert np.isclose(law.probabilities.sum(), 1)
    assert np.isclose(law.mean, expected)
    assert 0 < law.upper_tail(mean_same(sets)) <= 1


@given(st.integers(0, 1000), st.integers(1, 4))
def test_bands_of_one_leave_nothing_to_chance(seed, k):
    sets = membership(np.random.default_rng(seed).normal(size=(1, 3, 8)), k)
    law = triple_null(sets, np.arange(8))
    assert np.isclose(law.mean, mean_same(sets))
    assert len(law.values) == 1


@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_banded_test_depends_on_ranks_only(seed, scale):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 10))
    bands = np.repeat(np.arange(5), 2)
    one = banded_test(a, b, bands, draws=20, rng=np.random.default_rng(0))
    two = banded_test(np.exp(scale * a), b**3, bands, draws=20, rng=np.random.default_rng(0))
    assert isinstance(one, BandedTest)
    assert np.isclose(one.statistic, two.statistic)
    assert one.p_exact == two.p_exact
    assert one.floor <= one.p_exact <= 1
