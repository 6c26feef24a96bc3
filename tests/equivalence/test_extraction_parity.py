"""The extractor against whole maps of other implementations, on loaded checkpoints."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import torch
from extraction_models import FAMILIES, GENES, TFS, build, cells

from helpers.errors import ModelError
from helpers.extraction import extract, rollout
from helpers.extraction.reference import reference_maps
from helpers.models.attention import tapping
from helpers.models.load import SHIPPED, load_model, shipped_models

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def summed_by_hand(adapter, adata, sources, targets):
    """Sums, squares and counts from whole maps, one pair of tokens at a time."""
    tokens = adapter.tokenise(adata)
    batch = adapter.collate(tokens, range(len(tokens)))
    maps = torch.stack(reference_maps(adapter, batch)).double().numpy()
    shape = (adapter.n_layers, adapter.n_heads, len(sources), len(targets))
    total, squares, count = np.zeros(shape), np.zeros(shape), np.zeros(shape[2:], dtype=int)
    names = list(tokens.gene_names)
    for cell in range(len(tokens)):
        genes = batch.genes[cell].tolist()
        for a, source in enumerate(sources):
            for b, target in enumerate(targets):
                i, j = names.index(source), names.index(target)
                if i in genes and j in genes:
                    value = maps[:, cell, :, genes.index(i), genes.index(j)]
                    total[:, :, a, b] += value
                    squares[:, :, a, b] += value**2
                    count[a, b] += 1
    return total, squares, count


@pytest.fixture(params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_equals_whole_maps_of_the_reference(family, dtype, tmp_path):
    adapter, adata, targets = build(family, tmp_path, dtype), cells(8), GENES[1:]
    found = extract(adapter, adata, sources=TFS, genes=targets, show_progress=False)
    total, squares, count = summed_by_hand(adapter, adata, TFS, targets)
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(found["sum"], total, atol=tolerance, rtol=0)
    np.testing.assert_allclose(found["sum_sq"], squares, atol=tolerance, rtol=0)
    np.testing.assert_array_equal(found["count"], count)
    assert count.max() > 1 and count.min() == 0
    # The transposed direction is a different, wrong answer that this test would notice.
    square = found["sum"].sel(target=TFS)
    flipped = square.transpose("layer", "head", "target", "source")
    assert float(np.abs(square.values - flipped.values).max()) > 1e-3


def test_the_reference_leaves_the_model_as_it_was(family, tmp_path):
    adapter, adata = build(family, tmp_path), cells(3)
    before = extract(adapter, adata, sources=TFS, show_progress=False)
    tokens = adapter.tokenise(adata)
    reference_maps(adapter, adapter.collate(tokens, range(len(tokens))))
    after = extract(adapter, adata, sources=TFS, show_progress=False)
    np.testing.assert_array_equal(before["sum"], after["sum"])


def test_a_model_that_bypasses_the_tap_is_refused(tmp_path):
    adapter = build("geneformer-v1", tmp_path)
    adapter.module.set_attn_implementation("eager")
    with pytest.raises(ModelError, match=r"layers \[0, 1, 2\] showed the tap no attention"):
        extract(adapter, cells(3), sources=TFS, show_progress=False)


def test_row_is_query_and_column_is_key(family, tmp_path):
    adapter, adata = build(family, tmp_path), cells(1, seed=4)
    tokens = adapter.tokenise(adata)
    genes = tokens.genes[0]
    i, j = (g for g in genes if g >= 0 and GENES[g] in TFS), (g for g in genes[::-1] if g >= 0)
    i, j = next(i), next(j)
    found = extract(adapter, adata, sources=[GENES[i]], genes=[GENES[j]], show_progress=False)
    batch = adapter.collate(tokens, [0])
    place = {int(g): p for p, g in enumerate(genes)}
    expected = torch.stack(reference_maps(adapter, batch))[:, 0, :, place[int(i)], place[int(j)]]
    np.testing.assert_allclose(found["sum"][:, :, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("scores", ["softmax", "value_weighted", "qk", "qk_rank"])
def test_invariant_to_batch_size_padding_and_gene_order(family, scores, tmp_path):
    adapter, adata = build(family, tmp_path, torch.float64), cells(9)
    choice = {"sources": TFS, "genes": GENES, "scores": scores, "show_progress": False}
    alone = extract(adapter, adata, batch_size=1, **choice)
    padded = extract(adapter, adata, batch_size=9, **choice)
    shuffled = adata[::-1, np.random.default_rng(0).permutation(adata.n_vars)].copy()
    reordered = extract(adapter, shuffled, batch_size=4, **choice)
    for other in (padded, reordered):
        for name in ("sum", "sum_sq", "outside", "count", "cells"):
            np.testing.assert_allclose(other[name], alone[name], atol=1e-10, err_msg=name)


def test_rows_sum_to_one_and_padding_gets_nothing(family, tmp_path):
    adapter, adata = build(family, tmp_path, torch.float64), cells(9)
    found = extract(adapter, adata, sources="all", batch_size=9, show_progress=False)
    whole = found["sum"].sum("target") + found["outside"]
    np.testing.assert_allclose(whole, found["cells"].broadcast_like(whole), atol=1e-10)
    if family == "geneformer-v1":  # no special tokens: every bit of attention is between genes
        np.testing.assert_allclose(found["outside"], 0, atol=1e-12)
    else:
        assert (found["outside"].values > 0).all()


def test_weights_times_values_rebuild_the_attention_output(family, tmp_path):
    adapter, adata = build(family, tmp_path, torch.float64), cells(5)
    batch = adapter.collate(tokens := adapter.tokenise(adata), range(len(tokens)))
    seen, outputs = {}, {}
    handles = [
        part.projection.register_forward_hook(
            lambda _m, _i, out, layer=layer: outputs.__setitem__(layer, out)
        )
        for layer, part in enumerate(adapter.layers())
    ]

    def read(layer, query, key, value, mask, scaling, module):
        seen[layer] = value

    with torch.no_grad(), tapping(read):
        adapter.forward(batch)
    for handle in handles:
        handle.remove()
    maps, keep = reference_maps(adapter, batch), ~batch.padding
    for layer, part in enumerate(adapter.layers()):
        heads = maps[layer] @ seen[layer]
        rebuilt = part.projection(heads.transpose(1, 2).flatten(2))
        torch.testing.assert_close(rebuilt[keep], outputs[layer][keep], atol=1e-10, rtol=0)
    assert len(outputs) == adapter.n_layers


def test_value_weighted_is_the_length_of_each_contribution(family, tmp_path):
    adapter, adata = build(family, tmp_path, torch.float64), cells(1, seed=2)
    choice = {"sources": "all", "show_progress": False}
    found = extract(adapter, adata, scores="value_weighted", **choice)
    tokens = adapter.tokenise(adata)
    batch, seen = adapter.collate(tokens, [0]), {}

    def read(layer, query, key, value, mask, scaling, module):
        seen[layer] = value

    with torch.no_grad(), tapping(read):
        adapter.forward(batch)
    maps = reference_maps(adapter, batch)
    at = [np.flatnonzero(tokens.genes[0] == GENES.index(g))[0] for g in found["source"].values]
    for layer, part in enumerate(adapter.layers()):
        for head in range(adapter.n_heads):
            columns = slice(head * 8, head * 8 + 8)
            sent = seen[layer][0, head] @ part.projection.weight[:, columns].T
            lengths = (maps[layer][0, head][..., None] * sent).norm(dim=-1)
            found_here = found["sum"][layer, head].values
            np.testing.assert_allclose(found_here, lengths.detach()[at][:, at], atol=1e-10)


def test_key_side_columns_equal_whole_rows(family, tmp_path):
    """Few wanted keys take the log-sum-exp path, and give what whole rows give."""
    adapter, adata = build(family, tmp_path, torch.float64), cells(9)
    choice = {"sources": "all", "show_progress": False}
    few = extract(adapter, adata, genes=TFS[:2], **choice)
    every = extract(adapter, adata, **choice)
    for name in ("sum", "sum_sq"):
        np.testing.assert_allclose(few[name], every[name].sel(target=TFS[:2]), atol=1e-12)
    np.testing.assert_array_equal(few["count"], every["count"].sel(target=TFS[:2]))
    gone = every["outside"] + every["sum"].drop_sel(target=TFS[:2]).sum("target")
    np.testing.assert_allclose(few["outside"], gone, atol=1e-10)


def test_rollout_multiplies_the_mean_maps(family, tmp_path):
    adapter, adata = build(family, tmp_path, torch.float64), cells(3)
    found = rollout(adapter, adata, sources=TFS, batch_size=2, show_progress=False)
    total = np.zeros(found["sum"].shape)
    tokens = adapter.tokenise(adata)
    for cell in range(len(tokens)):
        batch = adapter.collate(tokens, [cell])
        rolled = np.eye(batch.ids.shape[1])
        for weights in reference_maps(adapter, batch):
            mean = weights[0].mean(dim=0).numpy()
            rolled = (mean + np.eye(len(mean))) @ rolled / 2
        for p, i in enumerate(tokens.genes[cell]):
            for q, j in enumerate(tokens.genes[cell]):
                if i >= 0 and j >= 0 and GENES[i] in TFS:
                    total[TFS.index(GENES[i]), list(found["target"]).index(GENES[j])] += rolled[
                        p, q
                    ]
    np.testing.assert_allclose(found["sum"], total, atol=1e-10)
    assert found["sum"].dims == ("source", "target")


@pytest.mark.parametrize("name", sorted(p.parent.name for p in SHIPPED.glob("*/card.yaml")) or [""])
def test_shipped_checkpoints_equal_the_reference(name):
    if name not in shipped_models():
        pytest.skip("no shipped checkpoint in this checkout")
    adapter = load_model(name)
    vocabulary = getattr(adapter, "vocabulary", None) or adapter.dictionaries.medians
    names = [gene for gene in vocabulary if not gene.startswith("<")][:60]
    counts = np.random.default_rng(0).poisson(1.0, (4, len(names))).astype(np.float32)
    adata = ad.AnnData(counts)
    adata.var_names = names
    sources = names[:5]
    found = extract(adapter, adata, sources=sources, genes=names, show_progress=False)
    tokens = adapter.tokenise(adata)
    batch = adapter.collate(tokens, range(len(tokens)))
    maps = torch.stack(reference_maps(adapter, batch)).double().numpy()
    total = np.zeros(found["sum"].shape)
    for cell in range(len(tokens)):
        genes = batch.genes[cell].numpy()
        for p in np.flatnonzero(np.isin(genes, range(5))):
            kept = np.flatnonzero(genes >= 0)
            total[:, :, genes[p], genes[kept]] += maps[:, cell, :, p][:, :, kept]
    np.testing.assert_allclose(found["sum"], total, atol=1e-5, rtol=0)
