"""Rows and columns of attention maps, and words of one gene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from extraction_models import TFS, build, cells

from helpers.extraction import extract
from helpers.extraction.rows import additive, key_columns, merge_words, softmax_rows
from helpers.models.attention import full_attention

QUIET = {"show_progress": False}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return build("scgpt", tmp_path_factory.mktemp("model"))


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
