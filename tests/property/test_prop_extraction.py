"""Properties of the extractor's parts that hold for any input."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.extraction.order import order_share
from helpers.extraction.rows import key_columns, merge_words, softmax_rows
from helpers.extraction.scores import average_rank, qk_rank
from helpers.extraction.sums import prepare_loop, prepare_scatter
from helpers.models.adapter import Tokens
from helpers.models.attention import full_attention

seeds = st.integers(0, 2**31 - 1)


@given(seed=seeds, tokens=st.integers(1, 12), padding=st.integers(0, 5), scale=st.floats(0.1, 20))
def test_rows_are_shares_and_padding_is_nothing(seed, tokens, padding, scale):
    """Rows sum to one, are never negative, and padding neither gets nor changes anything."""
    generator = torch.Generator().manual_seed(seed)
    query, key = (
        torch.randn(1, 2, tokens + padding, 3, generator=generator, dtype=torch.float64)
        for _ in range(2)
    )
    bias = torch.zeros(1, 1, 1, tokens + padding, dtype=torch.float64)
    bias[..., tokens:] = -torch.inf
    rows = torch.arange(tokens)[None]
    found = softmax_rows(query, key, bias, scale, rows)
    torch.testing.assert_close(found.sum(-1), torch.ones(1, 2, tokens, dtype=torch.float64))
    assert (found >= 0).all() and (found[..., tokens:] == 0).all()
    bare = full_attention(query[:, :, :tokens], key[:, :, :tokens], None, scale)
    torch.testing.assert_close(found[..., :tokens], bare)
    columns = torch.arange(0, tokens, 2)[None]
    part = key_columns(query, key, bias, scale, rows, columns)
    torch.testing.assert_close(part, bare[..., ::2])


@given(values=hnp.arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 9)),
                         elements=st.sampled_from([0.0, 1.0, 1.5, 2.0])))  # fmt: skip
def test_average_ranks_sum_to_those_of_untied_values(values):
    ranks = average_rank(torch.from_numpy(values)).numpy()
    n = values.shape[1]
    np.testing.assert_allclose(ranks.sum(axis=1), n * (n - 1) / 2)
    order = np.argsort(values, axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(ranks, order, axis=1), axis=1) >= 0).all()


@given(seed=seeds, tokens=st.integers(1, 10))
def test_rank_score_follows_its_tokens_and_ignores_scale(seed, tokens):
    rng = np.random.default_rng(seed)
    query, key = (torch.from_numpy(rng.normal(size=(tokens, 3))) for _ in range(2))
    found = qk_rank(query, key)
    order = torch.from_numpy(rng.permutation(tokens))
    torch.testing.assert_close(qk_rank(query[order], key[order]), found[order][:, order])
    torch.testing.assert_close(qk_rank(query * 7, key), found)
    assert (found >= 0).all() and (found < 1).all()


@settings(max_examples=50)
@given(seed=seeds, cells=st.integers(1, 4), rows=st.integers(1, 4), columns=st.integers(1, 6))
def test_both_ways_of_adding_agree_and_lose_nothing(seed, cells, rows, columns):
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(rng.random((cells, 2, rows, columns)).astype(np.float32))
    stratum = torch.from_numpy(rng.integers(0, 2, cells))
    source = torch.from_numpy(rng.integers(0, 3, (cells, rows)))  # slot 3 would be the dump
    target = torch.from_numpy(rng.integers(0, 6, (cells, columns)))
    sums = [torch.zeros(2, 2, 4, 6, dtype=torch.float64) for _ in range(4)]
    prepare_loop(values, stratum, source, target, sums[0], sums[1])()
    prepare_scatter(values, stratum, source, target, sums[2], sums[3])()
    torch.testing.assert_close(sums[0], sums[2], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sums[1], sums[3], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(float(sums[0].sum()), float(values.double().sum()))


@given(seed=seeds, rows=st.integers(1, 6), columns=st.integers(1, 6))
def test_merging_words_keeps_rows_that_sum_to_one(seed, rows, columns):
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(rng.dirichlet(np.ones(columns), size=(2, 3, rows)))
    source = torch.from_numpy(rng.integers(0, 4, (2, rows)))
    target = torch.from_numpy(rng.integers(0, 4, (2, columns)))
    merged, row_slots, column_slots = merge_words(
        values, source, target, source_dump=9, target_dump=9, over_keys="sum"
    )
    real = (row_slots != 9)[:, None, :].expand(merged.shape[:3])
    ones = torch.ones(int(real.sum()), dtype=values.dtype)
    torch.testing.assert_close(merged.sum(-1)[real], ones)
    for slots in (*row_slots, *column_slots):
        kept = slots[slots != 9].tolist()
        assert len(set(kept)) == len(kept)


@given(orders=st.lists(st.permutations(range(5)).flatmap(
    lambda p: st.integers(0, 5).map(lambda n: p[:n])), min_size=1, max_size=6))  # fmt: skip
def test_order_shares_of_the_two_directions_sum_to_the_count(orders):
    names = np.array(list("abcde"))
    arrays = [np.array(order, dtype=int) for order in orders]
    tokens = Tokens(arrays, None, arrays, names, np.arange(len(arrays)))
    found = order_share(tokens, sources=list(names))
    both = found["sum"].values + found["sum"].values.T
    expected = found["count"].values * (1 - np.eye(5, dtype=int))
    np.testing.assert_array_equal(both, expected)
