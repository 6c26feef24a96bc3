"""Geneformer directories: parity with transformers' own attention, and what is refused."""

from __future__ import annotations

import json

import models_kit as kit
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM

from helpers.errors import ModelError
from helpers.models.geneformer import load_geneformer
from helpers.models.load import load_model
from helpers.models.training import random_model


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["fp32", "fp64"]
)
@pytest.mark.parametrize("special", [True, False], ids=["second", "first"])
def test_maps_and_states_equal_transformers_eager(tmp_path, dtype, tolerance, special):
    folder = kit.write_geneformer(tmp_path / "model", special=special)
    adapter = load_model(f"geneformer:{folder}", dtype=dtype)
    tokens = adapter.tokenise(kit.cells())
    batch = adapter.collate(tokens, range(len(tokens)))
    reference = BertForMaskedLM.from_pretrained(
        folder, attn_implementation="eager", dtype=dtype, local_files_only=True
    ).eval()
    with torch.no_grad():
        theirs = reference(
            batch.ids,
            attention_mask=(~batch.padding).long(),
            output_attentions=True,
            output_hidden_states=True,
        )
        ours = adapter.forward(batch)
        keep = ~batch.padding
        logits = ours.prediction
    torch.testing.assert_close(
        ours.hidden[keep], theirs.hidden_states[-1][keep], rtol=0, atol=tolerance
    )
    torch.testing.assert_close(logits[keep], theirs.logits[keep], rtol=0, atol=10 * tolerance)
    for mine, full in zip(kit.attention_maps(adapter, batch), theirs.attentions, strict=True):
        rows = keep[:, None, :, None].expand_as(mine)
        torch.testing.assert_close(mine[rows], full[rows], rtol=0, atol=tolerance)


def rewrite(folder, change) -> None:
    tensors = dict(load_file(folder / "model.safetensors"))
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def test_every_missing_unexpected_and_wrong_shape_tensor_is_listed(tmp_path):
    folder = kit.write_geneformer(tmp_path / "model")

    def change(tensors):
        del tensors["bert.encoder.layer.1.attention.self.key.weight"]
        tensors["bert.pooler.dense.weight"] = torch.ones(2, 2)
        tensors["cls.predictions.bias"] = torch.ones(5)

    rewrite(folder, change)
    with pytest.raises(ModelError) as caught:
        load_geneformer(folder)
    message = str(caught.value)
    assert "missing bert.encoder.layer.1.attention.self.key.weight [32, 32]" in message
    assert "unexpected bert.pooler.dense.weight [2, 2]" in message
    assert "wrong shape cls.predictions.bias: [5], needed [41]" in message


def test_old_files_with_tied_weights_and_counters_load(tmp_path):
    folder = kit.write_geneformer(tmp_path / "model")
    tensors = dict(load_file(folder / "model.safetensors"))
    (folder / "model.safetensors").unlink()
    tensors["bert.embeddings.position_ids"] = torch.arange(64)[None]
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    torch.save(tensors, folder / "pytorch_model.bin")
    loaded = load_geneformer(folder).module
    assert torch.equal(
        loaded.cls.predictions.decoder.weight, tensors["bert.embeddings.word_embeddings.weight"]
    )
    tensors["cls.predictions.decoder.weight"] = torch.zeros(41, 32)
    torch.save(tensors, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="must be tied"):
        load_geneformer(folder)


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("model_type", "gpt2", "gpt2"),
        ("position_embedding_type", "relative_key", "absolute"),
        ("is_decoder", True, "is_decoder"),
        ("num_attention_heads", 5, "multiple"),
        ("hidden_size", None, "hidden_size"),
        ("vocab_size", 42, "no token_dictionary"),
    ],
)
def test_configurations_that_are_no_geneformer_are_refused(tmp_path, entry, value, said):
    folder = kit.write_geneformer(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, entry: value}))
    with pytest.raises(ModelError, match=said):
        load_geneformer(folder)


def test_dictionaries_are_found_beside_the_checkpoint_by_their_size(tmp_path):
    folder = kit.write_geneformer(tmp_path / "model")
    old = tmp_path / "geneformer" / "gene_dictionaries_30m"
    old.mkdir(parents=True)
    for file in ("token_dictionary.json", "gene_median.json"):
        (folder / file).rename(old / file.replace(".json", "_gc30M.json"))
    (tmp_path / "geneformer" / "token_dictionary_gc95M.json").write_text('{"<pad>": 0}')
    assert len(load_geneformer(folder).dictionaries.tokens) == 41
    (old / "gene_median_gc30M.json").unlink()
    with pytest.raises(ModelError, match="gene_median"):
        load_geneformer(folder)


def test_random_model_keeps_dictionaries_and_follows_its_seed():
    like = kit.geneformer_adapter()
    first, again, other = (random_model("geneformer", like, seed) for seed in (1, 1, 2))
    name = "bert.encoder.layer.0.attention.self.query.weight"
    values = [m.module.state_dict()[name] for m in (first, again, other, like)]
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2]) and not torch.equal(values[0], values[3])
    assert first.dictionaries is like.dictionaries
