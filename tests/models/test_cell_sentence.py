"""Cell sentences: words of several tokens, the causal mask, and attention between genes."""

from __future__ import annotations

import json

import models_kit as kit
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPTNeoXForCausalLM

from helpers.errors import ModelError
from helpers.models.load import load_model


def gene_attention(
    attention: torch.Tensor, genes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over query tokens of the sum over key tokens; the genes present, and between them."""
    present, place = torch.unique(genes[genes >= 0], return_inverse=True)
    member = torch.zeros(len(genes), len(present), dtype=attention.dtype, device=attention.device)
    member[torch.where(genes >= 0)[0], place] = 1.0
    summed = attention @ member
    return present, (member / member.sum(dim=0)).T @ summed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return kit.write_cell_sentence(tmp_path_factory.mktemp("c2s"))


def test_words_follow_counts_and_spell_the_sentence(folder):
    adapter, adata = load_model(f"cell-sentence:{folder}"), kit.cells()
    tokens = adapter.tokenise(adata)
    assert tokens.report["empty_cells"] == [11]
    several = 0
    for cell, ids, genes in zip(tokens.cells, tokens.ids, tokens.genes, strict=True):
        order = list(dict.fromkeys(genes.tolist()))
        counts = adata.X[cell]
        assert (
            order
            == sorted(np.flatnonzero(counts), key=lambda g: (-counts[g], kit.GENES[g]))[
                : len(order)
            ]
        )
        assert adapter.tokenizer.decode(ids) == " ".join(kit.GENES[g] for g in order)
        several += len(ids) > len(order)
    assert several == len(tokens), "every cell should hold names of several tokens"
    short = adapter.tokenise(adata, max_length=20)
    assert short.report["truncated_cells"] == len(short)
    for ids, genes in zip(short.ids, short.genes, strict=True):
        assert len(ids) <= 20
        assert adapter.tokenizer.decode(ids).split()[-1] == kit.GENES[genes[-1]]


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["fp32", "fp64"]
)
def test_maps_and_states_equal_transformers_eager_with_padding(
    folder, dtype, tolerance, monkeypatch
):
    # The reference takes its softmax in single precision whatever the model's; here it may not.
    softmax = torch.nn.functional.softmax
    monkeypatch.setattr(
        torch.nn.functional, "softmax", lambda x, dim, dtype=None: softmax(x, dim=dim)
    )
    adapter = load_model(f"cell-sentence:{folder}", dtype=dtype)
    tokens = adapter.tokenise(kit.cells())
    batch = adapter.collate(tokens, range(4))
    assert batch.padding.any()
    reference = GPTNeoXForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=dtype, local_files_only=True
    ).eval()
    with torch.no_grad():
        theirs = reference(
            batch.ids,
            attention_mask=(~batch.padding).long(),
            output_attentions=True,
            output_hidden_states=True,
        )
        hidden, logits = (output := adapter.forward(batch)).hidden, output.prediction
    keep = ~batch.padding
    torch.testing.assert_close(hidden[keep], theirs.hidden_states[-1][keep], rtol=0, atol=tolerance)
    torch.testing.assert_close(logits[keep], theirs.logits[keep], rtol=0, atol=10 * tolerance)
    maps = kit.attention_maps(adapter, batch)
    for mine, full in zip(maps, theirs.attentions, strict=True):
        rows = keep[:, None, :, None].expand_as(mine)
        torch.testing.assert_close(mine[rows], full[rows], rtol=0, atol=tolerance)
        assert float(mine.triu(1).abs().max()) == 0.0


def test_one_cell_without_padding_shows_the_causal_mask_to_the_tap(folder):
    adapter = load_model(f"cell-sentence:{folder}")
    batch = adapter.collate(adapter.tokenise(kit.cells()), [0])
    for attention in kit.attention_maps(adapter, batch):
        assert float(attention.triu(1).abs().max()) == 0.0
        torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:3]))


def test_gene_attention_is_the_mean_over_queries_of_the_sum_over_keys():
    attention = torch.rand(2, 3, 6, 6, dtype=torch.float64)
    attention /= attention.sum(-1, keepdim=True)
    genes = torch.tensor([7, 7, 2, -1, 9, 9])
    present, made = gene_attention(attention, genes)
    assert present.tolist() == [2, 7, 9]
    for i, source in enumerate([2, 7, 9]):
        for j, target in enumerate([2, 7, 9]):
            rows = [q for q in range(6) if genes[q] == source]
            expected = sum(
                attention[..., q, k] for q in rows for k in range(6) if genes[k] == target
            ) / len(rows)
            torch.testing.assert_close(made[..., i, j], expected)
    lost = attention[..., 3]
    torch.testing.assert_close(made[..., 0, :].sum(-1), 1 - lost[..., 2])


def test_later_genes_get_no_attention(folder):
    adapter = load_model(f"cell-sentence:{folder}")
    tokens = adapter.tokenise(kit.cells())
    batch = adapter.collate(tokens, [0])
    order = list(dict.fromkeys(batch.genes[0].tolist()))
    for attention in kit.attention_maps(adapter, batch):
        present, made = gene_attention(attention[0], batch.genes[0])
        rank = torch.tensor([order.index(int(gene)) for gene in present])
        later = rank[None, :] > rank[:, None]
        assert float(made[:, later].abs().max()) == 0.0
        torch.testing.assert_close(made.sum(-1), torch.ones(made.shape[:2]))


def test_damaged_or_foreign_folders_are_refused(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = dict(load_file(tmp_path / "model.safetensors"))
    removed = tensors.pop("gpt_neox.layers.1.attention.dense.weight")
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"missing gpt_neox\.layers\.1\.attention\.dense\.weight"):
        load_model(f"cell-sentence:{tmp_path}")
    tensors["gpt_neox.layers.1.attention.dense.weight"] = removed
    tensors["gpt_neox.layers.0.attention.bias"] = torch.ones(1, 1, 128, 128)
    save_file(tensors, tmp_path / "model.safetensors")
    assert load_model(f"cell-sentence:{tmp_path}").n_layers == 2
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    with pytest.raises(ModelError, match="llama"):
        load_model(f"cell-sentence:{tmp_path}")
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        load_model(f"cell-sentence:{tmp_path}")
