"""Counts of pairs are those of a loop over cells and pairs, in both orders of attention."""

import numpy as np
import pytest

from helpers.extraction.axes import Axes, slots_of
from helpers.extraction.counts import add_counts
from helpers.extraction.sums import empty_sums
from helpers.models.adapter import Tokens


@pytest.mark.parametrize("causal", [False, True])
def test_counts_are_those_of_a_loop(causal):
    rng = np.random.default_rng(0)
    names = np.array([f"g{n}" for n in range(12)], dtype=object)
    genes = [np.concatenate([[-1], rng.permutation(12)[: rng.integers(1, 9)]]) for _ in range(9)]
    genes[3] = np.append(genes[3], genes[3][1])  # a gene with two tokens counts once
    tokens = Tokens(genes, None, genes, names, np.arange(9))
    few, keys = names[[2, 5, 7, 8]], names[[0, 2, 3, 5, 7, 9, 11]]
    axes = Axes(few, keys, slots_of(names, few), slots_of(names, keys))
    codes = rng.integers(0, 3, 9)
    sums = empty_sums(
        scores=1, layers=1, strata=3, heads=1, sources=4, targets=7, squares=False,
        device="cpu", causal=causal,
    )  # fmt: skip
    for rows in (np.array([8, 1, 3]), np.array([0, 2, 4, 5, 6, 7])):
        add_counts(sums, axes, tokens, rows, codes[rows])
    count, held = np.zeros((3, 4, 7), int), np.zeros((3, 4, 7), int)
    for cell, code in zip(genes, codes, strict=True):
        places = {f"g{gene}": place for place, gene in reversed(list(enumerate(cell))) if gene >= 0}
        for a, b in np.ndindex(4, 7):
            if few[a] in places and keys[b] in places:
                held[code, a, b] += 1
                count[code, a, b] += not causal or places[keys[b]] <= places[few[a]]
    np.testing.assert_array_equal(sums.count[:, :4, :7], count)
    assert (sums.held is None) == (not causal)
    if causal:
        np.testing.assert_array_equal(sums.held[:, :4, :7], held)
        assert count.sum() < held.sum()
    np.testing.assert_array_equal(sums.n_cells, np.bincount(codes, minlength=3))
