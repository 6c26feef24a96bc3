"""The parts of the extractor on plain tensors and small models, each against something simpler."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from extraction_models import GENES, TFS, build, cells
from scipy.stats import rankdata

from helpers.estimates import NotEstimable
from helpers.extraction import extract, order_share, sampled_mean
from helpers.extraction.rows import additive, key_columns, merge_words, softmax_rows
from helpers.extraction.scores import average_rank, qk_rank, value_norms
from helpers.extraction.sums import empty_sums, prepare_loop, prepare_scatter
from helpers.models.attention import full_attention

QUIET = {"show_progress": False}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return build("scgpt", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def ranked(tmp_path_factory):
    return build("geneformer-v1", tmp_path_factory.mktemp("ranked"))


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["none", "bool", "additive", "causal"])
def test_rows_and_columns_are_parts_of_the_whole_map(kind):
    query, key = drawn(3, 2, 7, 4), drawn(3, 2, 7, 4, seed=1)
    keep = torch.ones(3, 1, 1, 7, dtype=torch.bool)
    keep[1, ..., 5:] = False
    mask = {
        "none": None,
        "bool": keep,
        "causal": torch.ones(7, 7, dtype=torch.bool).tril()[None, None],
    }
    mask["additive"] = torch.zeros(3, 1, 1, 7).masked_fill(~keep, -torch.inf)
    mask = mask[kind]
    bias = additive(mask, torch.float64)
    whole = full_attention(query, key, mask, 0.5)
    rows, columns = torch.tensor([[0, 3], [6, 1], [2, 2]]), torch.tensor([[1], [4], [6]])
    found = softmax_rows(query, key, bias, 0.5, rows)
    part = key_columns(query, key, bias, 0.5, rows, columns)
    for cell in range(3):
        expected = whole[cell][:, rows[cell]]
        torch.testing.assert_close(found[cell], expected)
        torch.testing.assert_close(part[cell], expected[:, :, columns[cell]])


def test_average_rank_equals_scipy():
    values = torch.tensor([[3.0, 1, 3, 2, 3, 1], [0, 0, 0, 0, 0, 0]])
    expected = rankdata(values.numpy(), axis=1) - 1
    np.testing.assert_array_equal(average_rank(values), expected)


def test_rank_score_is_the_tutorials_where_nothing_ties():
    """Against argsort of argsort by row; by column, ties are broken by position there."""
    query, key = drawn(5, 3), drawn(5, 3, seed=1)
    raw = query @ key.T
    by_row = raw.argsort(dim=1, stable=True).argsort(dim=1, stable=True) / 5
    expected = np.stack([rankdata(column) - 1 for column in by_row.T.numpy()], axis=1) / 5
    np.testing.assert_allclose(qk_rank(query, key), expected)


def test_value_norms_are_lengths_of_projected_values():
    value, weight = drawn(2, 3, 5, 4), drawn(12, 12, seed=1)
    found = value_norms(value, weight)
    for head in range(3):
        expected = (value[:, head] @ weight[:, 4 * head : 4 * head + 4].T).norm(dim=-1)
        torch.testing.assert_close(found[:, head], expected)


@pytest.mark.parametrize("add", [prepare_loop, prepare_scatter])
@pytest.mark.parametrize("squares", [True, False])
def test_values_reach_the_slots_of_their_genes(add, squares):
    rng = np.random.default_rng(0)
    sums = empty_sums(
        scores=1, layers=1, strata=2, heads=3, sources=4, targets=6, squares=squares, device="cpu"
    )
    expected = np.zeros((2, 3, 5, 7))
    expected_squares = expected.copy()
    for _ in range(2):
        values = torch.from_numpy(rng.random((4, 3, 3, 5)))
        stratum = torch.from_numpy(rng.integers(0, 2, 4))
        source = torch.from_numpy(rng.integers(0, 5, (4, 3)))
        target = torch.from_numpy(rng.integers(0, 7, (4, 5)))
        onto = sums.squares[0, 0] if squares else None
        add(values, stratum, source, target, sums.total[0, 0], onto)()
        for cell, head, row, column in np.ndindex(4, 3, 3, 5):
            place = int(stratum[cell]), head, int(source[cell, row]), int(target[cell, column])
            expected[place] += float(values[cell, head, row, column])
            expected_squares[place] += float(values[cell, head, row, column]) ** 2
    kept = np.s_[:, :, :4]  # whether dumped rows are added is of no interest
    np.testing.assert_allclose(sums.total[0, 0][kept], expected[kept])
    if squares:
        np.testing.assert_allclose(sums.squares[0, 0][kept], expected_squares[kept])


def test_words_of_a_gene_are_merged():
    """Gene 0 has two tokens as a query and gene 1 two as a key."""
    values = torch.tensor([[[[0.1, 0.2, 0.3, 0.4], [0.3, 0.2, 0.5, 0.0], [1.0, 0, 0, 0]]]])
    source, target = torch.tensor([[0, 0, 5]]), torch.tensor([[1, 2, 1, 9]])
    options = {"source_dump": 5, "target_dump": 9}
    merged, rows, columns = merge_words(values, source, target, over_keys="sum", **options)
    assert rows.tolist() == [[0]] and columns.tolist() == [[1, 2, 9]]
    torch.testing.assert_close(merged, torch.tensor([[[[0.6, 0.2, 0.2]]]]))
    torch.testing.assert_close(merged.sum(-1), torch.ones(1, 1, 1))
    mean, _, _ = merge_words(values, source, target, over_keys="mean", **options)
    torch.testing.assert_close(mean, torch.tensor([[[[0.3, 0.2, 0.2]]]]))


class TwoWords:
    """A model whose tokeniser writes each gene as two words: the same token, twice."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def tokenise(self, adata, *, max_length=None, seed=0):
        tokens = self.inner.tokenise(adata, max_length=30, seed=seed)
        twice = {n: [np.repeat(a, 2) for a in getattr(tokens, n)] for n in ("ids", "genes")}
        values = None if tokens.values is None else [np.repeat(v, 2) for v in tokens.values]
        return replace(tokens, values=values, **twice)


@pytest.mark.parametrize("scores", ["softmax", "qk"])
def test_identical_words_change_nothing_after_merging(adapter, scores):
    """Without positions, doubling every token halves each weight; merging restores it."""
    adata = cells(5)
    once = extract(adapter, adata, sources=TFS, scores=scores, max_length=30, **QUIET)
    twice = extract(TwoWords(adapter), adata, sources=TFS, scores=scores, **QUIET)
    for name in ("sum", "sum_sq", "outside", "count", "cells"):
        if (scores, name) != ("qk", "outside"):
            np.testing.assert_allclose(twice[name], once[name], atol=1e-4, rtol=1e-4)


def test_order_share_is_the_share_of_cells_in_which_the_target_comes_first(ranked):
    tokens = ranked.tokenise(cells(9))
    found = order_share(tokens, sources=TFS, genes=GENES)
    for a, source in enumerate(TFS):
        for b, target in enumerate(GENES):
            places = [
                (list(c).index(GENES.index(source)), list(c).index(GENES.index(target)))
                for c in tokens.genes
                if GENES.index(source) in c and GENES.index(target) in c
            ]
            assert int(found["count"][a, b]) == len(places)
            assert float(found["sum"][a, b]) == sum(j < i for i, j in places)
    both = found.sel(target=TFS)
    mirrored = both["sum"].values + both["sum"].values.T
    np.testing.assert_array_equal(
        mirrored[~np.eye(5, dtype=bool)], both["count"].values[~np.eye(5, dtype=bool)]
    )


def test_sampled_mean_covers_the_mean_of_all_rows():
    """In 400 draws of 12 out of 60 rows, the 95 % interval holds the truth in about 95 %."""
    rng = np.random.default_rng(0)
    population = rng.normal(2, 1, 60)
    inside = 0
    for _ in range(400):
        found = sampled_mean(rng.choice(population, 12, replace=False), 60)
        inside += found.low <= population.mean() <= found.high
    assert 0.91 <= inside / 400 <= 0.985
    everything = sampled_mean(population, 60)
    assert everything.low == everything.high == pytest.approx(population.mean())
    assert isinstance(sampled_mean(population[:2], 60), NotEstimable)
    assert isinstance(sampled_mean(np.array([1.0, np.nan, 2.0]), 60), NotEstimable)
