"""What any expected share of the largest magnitudes must satisfy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.statistics.top_share_law import expected_noise_share

ERROR = 1e-3


@settings(max_examples=15, deadline=None)
@given(
    se=st.lists(st.floats(0.05, 20), min_size=3, max_size=6),
    cells=st.integers(3, 12),
    data=st.data(),
)
def test_share_grows_with_k_from_the_even_share_towards_one(se, cells, data):
    k = data.draw(st.integers(1, len(se) - 2))
    n = np.full(len(se), cells)
    smaller, larger = (expected_noise_share(np.array(se), n, j) for j in (k, k + 1))
    assert k / len(se) - ERROR <= smaller <= larger + ERROR
    assert larger <= 1 + ERROR


@settings(max_examples=15, deadline=None)
@given(se=st.lists(st.floats(0.05, 20), min_size=3, max_size=6), seed=st.integers(0, 99))
def test_order_of_components_does_not_matter(se, seed):
    order = np.random.default_rng(seed).permutation(len(se))
    n = np.arange(3, 3 + len(se))
    first = expected_noise_share(np.array(se), n, 2)
    assert abs(first - expected_noise_share(np.array(se)[order], n[order], 2)) < ERROR
