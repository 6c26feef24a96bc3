"""scGPT tokens of toy cells, in any company."""

from __future__ import annotations

import models_kit as kit
import numpy as np
import pytest

from helpers.errors import ModelError


def test_scgpt_tokens_of_toy_cells():
    adata = kit.cells(20)
    tokens = kit.scgpt_adapter().tokenise(adata)
    assert tokens.report["empty_cells"] == [19] and len(tokens) == 19
    for cell, ids, values, genes in zip(
        tokens.cells, tokens.ids, tokens.values, tokens.genes, strict=True
    ):
        assert (ids[0], values[0], genes[0]) == (kit.VOCABULARY["<cls>"], -2, -1)
        expressed = np.flatnonzero(adata.X[cell])
        assert set(genes[1:]) == set(expressed)
        assert np.array_equal(ids[1:], [kit.VOCABULARY[kit.GENES[g]] for g in genes[1:]])
        assert values[1:].min() >= 1 and values[1:].max() <= 50
        count = adata.X[cell, genes[1:]]
        higher = count[:, None] > count[None, :]
        assert (values[1:][:, None] >= values[1:][None, :])[higher].all()


def test_a_cell_has_the_same_scgpt_tokens_in_any_company():
    adapter, adata = kit.scgpt_adapter(), kit.cells(20)
    together = adapter.tokenise(adata, max_length=10)
    alone = adapter.tokenise(adata[[7]].copy(), max_length=10)
    assert together.report["truncated_cells"] > 0 and len(alone.ids[0]) == 10
    assert np.array_equal(together.ids[7], alone.ids[0])
    assert np.array_equal(together.values[7], alone.values[0])
    other = adapter.tokenise(adata, max_length=10, seed=1)
    assert any(not np.array_equal(a, b) for a, b in zip(together.ids, other.ids, strict=True))


def test_repeated_symbols_are_refused_for_scgpt():
    adata = kit.cells(4)
    adata.var_names = ["GENE1", *kit.GENES[1:]]
    with pytest.raises(ModelError, match="GENE1"):
        kit.scgpt_adapter().tokenise(adata)
