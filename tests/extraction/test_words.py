"""Attention between genes that a causal language model spells in several tokens."""

from __future__ import annotations

import models_kit as kit
import numpy as np
import pytest
import torch
from transformers import GPTNeoXForCausalLM
from typer.testing import CliRunner

from helpers.errors import ParameterError
from helpers.extraction import extract, order_share, rollout
from helpers.models.commands import app
from helpers.models.load import load_model

TFS = kit.GENES[1:40:9]
QUIET = {"show_progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return kit.write_cell_sentence(tmp_path_factory.mktemp("c2s"))


@pytest.fixture
def plain_softmax(monkeypatch):
    """The reference takes its softmax in single precision whatever the model's; here it may not."""
    softmax = torch.nn.functional.softmax
    monkeypatch.setattr(
        torch.nn.functional, "softmax", lambda x, dim, dtype=None: softmax(x, dim=dim)
    )


def eager_maps(folder, dtype, ids) -> list[np.ndarray]:
    reference = GPTNeoXForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=dtype, local_files_only=True
    ).eval()
    with torch.no_grad():
        maps = reference(torch.as_tensor(ids)[None], output_attentions=True).attentions
    return [layer[0].double().numpy() for layer in maps]


def spans(genes) -> dict[str, list[int]]:
    """Where each gene's tokens stand."""
    found: dict[str, list[int]] = {}
    for place, gene in enumerate(genes):
        found.setdefault(kit.GENES[gene], []).append(place)
    return found


def by_loop(cells, sources, targets, read):
    """Sum `read(maps, query places, key places)` over cells, for pairs whose key is no later."""
    total = count = held = 0
    for maps, genes in cells:
        places = spans(genes)
        here = np.zeros((len(maps), len(maps[0]), len(sources), len(targets)))
        seen, both = np.zeros((2, len(sources), len(targets)), dtype=int)
        for a, source in enumerate(sources):
            for b, target in enumerate(targets):
                if source not in places or target not in places:
                    continue
                both[a, b] = 1
                if places[target][0] > places[source][0]:
                    continue
                seen[a, b] = 1
                for layer, weights in enumerate(maps):
                    here[layer, :, a, b] = read(weights, places[source], places[target])
        total, count, held = total + here, count + seen, held + both
    return total, count, held


def mean_of_sums(weights, queries, keys):
    """Mean over the tokens of the query of the sum over the tokens of the key."""
    return np.mean([sum(weights[:, q, k] for k in keys) for q in queries], axis=0)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["fp32", "fp64"]
)
def test_sums_equal_eager_maps_read_gene_by_gene(folder, dtype, tolerance, plain_softmax):
    adapter, adata = load_model(f"cell-sentence:{folder}", dtype=dtype), kit.cells()
    tokens = adapter.tokenise(adata)
    assert max(len(places) for places in spans(tokens.genes[0]).values()) > 1
    cells = [
        (eager_maps(folder, dtype, ids), g) for ids, g in zip(tokens.ids, tokens.genes, strict=True)
    ]
    targets = kit.GENES[:-1]
    total, count, held = by_loop(cells, TFS, targets, mean_of_sums)
    for batch_size in (1, 4):
        found = extract(adapter, adata, sources=TFS, genes=targets, batch_size=batch_size, **QUIET)
        np.testing.assert_allclose(found["sum"], total, atol=tolerance, rtol=0)
        np.testing.assert_array_equal(found["count"], count)
        np.testing.assert_array_equal(found["held"], held)
        rows = found["sum"].sum("target") + found["outside"]
        np.testing.assert_allclose(rows, found["cells"].broadcast_like(rows), atol=10 * tolerance)
    assert 0 < count.sum() < held.sum()
    assert (total[:, :, count == 0] == 0).all() and (held[count == 0] > 0).any()


def test_counts_of_visible_pairs_are_the_order_share(folder):
    adapter, adata = load_model(f"cell-sentence:{folder}"), kit.cells()
    found = extract(adapter, adata, sources=TFS, genes=kit.GENES, **QUIET)
    share = order_share(adapter.tokenise(adata), sources=TFS, genes=kit.GENES)
    other = np.array(TFS)[:, None] != np.array(kit.GENES)[None, :]
    np.testing.assert_array_equal(found["count"].values[other], share["sum"].values[other])
    np.testing.assert_array_equal(found["held"], share["count"])
    own = found["count"].values[~other]
    np.testing.assert_array_equal(own, found["cells"])


def test_gene_order_of_the_data_changes_nothing(folder):
    adapter, adata = load_model(f"cell-sentence:{folder}", dtype=torch.float64), kit.cells()
    order = np.random.default_rng(0).permutation(adata.n_vars)
    choice = {"sources": TFS, "genes": kit.GENES, "scores": ("softmax", "value_weighted", "qk")}
    one = extract(adapter, adata, batch_size=3, **choice, **QUIET)
    other = extract(adapter, adata[::-1, order].copy(), batch_size=11, **choice, **QUIET)
    for name in ("sum", "sum_sq", "count", "held", "cells"):
        np.testing.assert_allclose(other[name], one[name], atol=1e-10)


def test_rollout_merges_words_too(folder, plain_softmax):
    dtype = torch.float64
    adapter, adata = load_model(f"cell-sentence:{folder}", dtype=dtype), kit.cells(4)
    tokens, cells = adapter.tokenise(adata), []
    for ids, genes in zip(tokens.ids, tokens.genes, strict=True):
        rolled = np.eye(len(ids))
        for weights in eager_maps(folder, dtype, ids):
            rolled = (weights.mean(axis=0) + np.eye(len(ids))) @ rolled / 2
        cells.append(([rolled[None]], genes))
    total, count, _ = by_loop(cells, TFS, kit.GENES, mean_of_sums)
    found = rollout(adapter, adata, sources=TFS, genes=kit.GENES, batch_size=2, **QUIET)
    np.testing.assert_allclose(found["sum"], total[0, 0], atol=1e-10)
    np.testing.assert_array_equal(found["count"], count)


def test_ranks_among_keys_that_cannot_be_seen_are_refused(folder):
    adapter = load_model(f"cell-sentence:{folder}")
    with pytest.raises(ParameterError, match="is causal and a rank"):
        extract(adapter, kit.cells(), sources=TFS, scores=("softmax", "qk_rank"), **QUIET)


def test_inspect_checks_and_runs_a_cell_sentence_model(folder):
    result = CliRunner().invoke(app, ["inspect", f"cell-sentence:{folder}"])
    assert result.exit_code == 0, result.output
    assert "any name, spelled out" in result.output and "finite" in result.output
    assert "<|endoftext|> 0" in result.output
