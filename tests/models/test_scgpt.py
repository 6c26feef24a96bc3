"""scGPT directories: what loads, what is refused, and what the forward pass must not depend on."""

from __future__ import annotations

import models_kit as kit
import numpy as np
import pytest
import torch

from helpers.errors import ModelError
from helpers.models.attention import full_attention, tapping
from helpers.models.load import load_model
from helpers.models.scgpt import save_scgpt
from helpers.models.training import random_model


def renamed(tensors: dict) -> dict:
    return {name.replace("in_proj_", "Wqkv."): tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("file", ["best_model.pt", "model.safetensors"])
@pytest.mark.parametrize("names", ["in_proj", "Wqkv"])
def test_both_names_and_both_files_load_the_same_model(tmp_path, file, names):
    tensors = kit.scgpt_tensors()
    stored = renamed(tensors) if names == "Wqkv" else tensors
    model = load_model(f"scgpt:{kit.write_scgpt(tmp_path, stored, file=file)}")
    assert (model.family, model.n_layers, model.n_heads, model.width) == ("scgpt", 3, 4, 32)
    loaded = model.module.state_dict()
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_optional_heads_load_and_do_not_change_hidden_states(tmp_path):
    bare = {k: v for k, v in kit.scgpt_tensors().items() if not k.startswith("mvc_decoder")}
    full = dict(bare)
    full["flag_encoder.weight"] = torch.zeros(2, 32)
    for place, shape in ((0, (32, 32)), (2, (32,)), (3, (32, 32)), (5, (32,))):
        full[f"cls_decoder._decoder.{place}.weight"] = torch.ones(shape)
        full[f"cls_decoder._decoder.{place}.bias"] = torch.ones(32)
    full["cls_decoder.out_layer.weight"] = torch.ones(7, 32)
    full["cls_decoder.out_layer.bias"] = torch.ones(7)
    first = load_model(f"scgpt:{kit.write_scgpt(tmp_path / 'a', bare)}")
    second = load_model(f"scgpt:{kit.write_scgpt(tmp_path / 'b', full)}")
    assert second.config.n_cls == 7 and second.config.flag_encoder and not first.config.mvc
    batch = first.collate(first.tokenise(kit.cells()), range(5))
    torch.testing.assert_close(
        first.forward(batch).hidden, second.forward(batch).hidden, rtol=0, atol=0
    )


def test_every_missing_unexpected_and_wrong_shape_tensor_is_listed(tmp_path):
    tensors = kit.scgpt_tensors()
    del tensors["transformer_encoder.layers.1.self_attn.in_proj_weight"]
    tensors["transformer_encoder.layers.0.norm1.weight"] = torch.ones(31)
    tensors["stray.weight"] = torch.ones(2)
    with pytest.raises(ModelError) as caught:
        load_model(f"scgpt:{kit.write_scgpt(tmp_path, tensors)}")
    message = str(caught.value)
    assert "1 missing, 1 unexpected, 1 wrong-shape" in message
    assert "missing transformer_encoder.layers.1.self_attn.in_proj_weight [96, 32]" in message
    assert "unexpected stray.weight [2]" in message
    assert "wrong shape transformer_encoder.layers.0.norm1.weight: [31], needed [32]" in message


def test_a_head_that_is_half_there_is_refused(tmp_path):
    tensors = kit.scgpt_tensors()
    del tensors["mvc_decoder.gene2query.bias"]
    with pytest.raises(ModelError, match=r"missing mvc_decoder\.gene2query\.bias"):
        load_model(f"scgpt:{kit.write_scgpt(tmp_path, tensors)}")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"nlayers": None}, "nlayers"),
        ({"embsize": 30}, "multiple"),
        ({"pre_norm": True}, "pre_norm"),
        ({"input_emb_style": "odd"}, "input_emb_style"),
        ({"domain_spec_batchnorm": "odd"}, "domain_spec_batchnorm"),
        ({"use_batch_labels": True}, "batch_encoder"),
        ({"pad_token": "<none>"}, "<none>"),
    ],
)
def test_unsupported_or_broken_args_are_named(tmp_path, args, said):
    with pytest.raises(ModelError, match=said):
        load_model(f"scgpt:{kit.write_scgpt(tmp_path, args=args)}")


@pytest.mark.parametrize("file", ["args.json", "vocab.json", "best_model.pt"])
def test_a_missing_file_is_named(tmp_path, file):
    folder = kit.write_scgpt(tmp_path)
    (folder / file).unlink()
    with pytest.raises(ModelError, match=file.split(".")[0]):
        load_model(f"scgpt:{folder}")


def test_unknown_names_say_what_there_is(tmp_path):
    with pytest.raises(ModelError, match="scgpt:/path"):
        load_model("scgpt-nowhere")
    with pytest.raises(ModelError, match="family 'esm'"):
        load_model(f"esm:{tmp_path}")
    with pytest.raises(ModelError, match="not a directory"):
        load_model(f"scgpt:{tmp_path / 'absent'}")


@pytest.mark.parametrize("make", [kit.scgpt_adapter, kit.geneformer_adapter])
def test_hidden_states_do_not_depend_on_batch_or_padding(make, tmp_path):
    adapter = reloaded(make(), tmp_path)
    tokens = adapter.tokenise(kit.cells())
    together = adapter.collate(tokens, range(len(tokens)))
    hidden = adapter.forward(together).hidden
    for row in range(len(tokens)):
        alone = adapter.forward(adapter.collate(tokens, [row])).hidden[0]
        torch.testing.assert_close(hidden[row, : len(alone)], alone, rtol=0, atol=2e-6)


def reloaded(adapter, folder):
    """The adapter as loaded from disk, in double precision so that rounding cannot hide a bug."""
    save = save_scgpt if adapter.family == "scgpt" else kit.save_geneformer
    save(adapter, folder / "model")
    return load_model(f"{adapter.family}:{folder / 'model'}", dtype=torch.float64)


@pytest.mark.parametrize("make", [kit.scgpt_adapter, kit.geneformer_adapter])
def test_attention_rows_sum_to_one_and_padding_gets_none(make, tmp_path):
    adapter = reloaded(make(), tmp_path)
    tokens = adapter.tokenise(kit.cells())
    batch = adapter.collate(tokens, range(len(tokens)))
    assert batch.padding.any()
    for attention in kit.attention_maps(adapter, batch):
        torch.testing.assert_close(
            attention.sum(-1), torch.ones(attention.shape[:3], dtype=torch.float64)
        )
        hidden_keys = batch.padding[:, None, None, :].expand_as(attention)
        assert float(attention[hidden_keys].max()) == 0.0
        # Flat attention could pass everything above.
        assert float(attention.max()) > 2 / batch.ids.shape[1]


@pytest.mark.parametrize("make", [kit.scgpt_adapter, kit.geneformer_adapter])
def test_attention_values_and_projection_rebuild_the_layer(make, tmp_path):
    adapter = reloaded(make(), tmp_path)
    batch = adapter.collate(tokens := adapter.tokenise(kit.cells()), range(len(tokens)))
    rebuilt, real = [], []

    def tap(layer, query, key, value, mask, scaling, module):
        heads = full_attention(query, key, mask, scaling) @ value
        joined = heads.transpose(1, 2).flatten(2)
        rebuilt.append(adapter.layers()[layer].projection(joined))

    handles = [
        part.projection.register_forward_hook(lambda m, i, out: real.append(out))
        for part in adapter.layers()
    ]
    with torch.no_grad(), tapping(tap):
        adapter.forward(batch)
    for handle in handles:
        handle.remove()
    # The tap itself runs the projection, so every layer is seen twice: ours, then the model's.
    assert len(real) == 2 * adapter.n_layers
    for ours, theirs in zip(rebuilt, real[1::2], strict=True):
        keep = ~batch.padding
        torch.testing.assert_close(ours[keep], theirs[keep], rtol=0, atol=1e-10)


def test_gene_order_changes_neither_tokens_nor_states():
    adapter, adata = kit.scgpt_adapter(), kit.cells()
    order = np.random.default_rng(1).permutation(adata.n_vars)
    first, second = adapter.tokenise(adata), adapter.tokenise(adata[:, order].copy())
    for a, b in zip(first.ids, second.ids, strict=True):
        assert np.array_equal(a, b)
    for a, b in zip(first.values, second.values, strict=True):
        assert np.array_equal(a, b)
    for a, b in zip(first.genes, second.genes, strict=True):
        assert np.array_equal(first.gene_names[a[1:]], second.gene_names[b[1:]])


def test_states_follow_a_permutation_of_the_tokens(tmp_path):
    adapter = reloaded(kit.scgpt_adapter(), tmp_path)
    batch = adapter.collate(adapter.tokenise(kit.cells()), [0])
    order = torch.randperm(batch.ids.shape[1])
    plain = adapter.module(batch.ids, batch.values, batch.padding)
    moved = adapter.module(batch.ids[:, order], batch.values[:, order], batch.padding)
    torch.testing.assert_close(plain[:, order], moved, rtol=0, atol=1e-12)


def test_batch_labels_are_read_and_needed(tmp_path):
    tensors = kit.scgpt_tensors()
    tensors["batch_encoder.embedding.weight"] = torch.randn(3, 32)
    tensors["batch_encoder.enc_norm.weight"] = torch.ones(32)
    tensors["batch_encoder.enc_norm.bias"] = torch.zeros(32)
    tensors["decoder.fc.0.weight"] = torch.randn(32, 64)
    tensors["mvc_decoder.W.weight"] = torch.randn(64, 32)
    for batch in range(3):
        tensors[f"dsbn.bns.{batch}.running_mean"] = torch.randn(32)
        tensors[f"dsbn.bns.{batch}.running_var"] = torch.rand(32) + 0.5
        tensors[f"dsbn.bns.{batch}.num_batches_tracked"] = torch.tensor(1)
    folder = kit.write_scgpt(
        tmp_path, tensors, {"use_batch_labels": True, "domain_spec_batchnorm": "dsbn"}
    )
    model, adata = load_model(f"scgpt:{folder}"), kit.cells()
    tokens = model.tokenise(adata)
    assert tokens.batch_labels[:4].tolist() == [0, 1, 2, 0]
    mixed = model.forward(model.collate(tokens, range(4)))
    alone = model.forward(model.collate(tokens, [2]))
    length = alone.hidden.shape[1]
    torch.testing.assert_close(mixed.hidden[2, :length], alone.hidden[0], rtol=0, atol=2e-6)
    torch.testing.assert_close(mixed.prediction[2, :length], alone.prediction[0], rtol=0, atol=1e-5)
    adata.obs["batch"] = [f"b{i}" for i in range(adata.n_obs)]
    with pytest.raises(ModelError, match="knows 3"):
        model.tokenise(adata)
    del adata.obs["batch"]
    with pytest.raises(ModelError, match='obs\\["batch"\\]'):
        model.tokenise(adata)


def test_random_model_keeps_the_shape_and_follows_its_seed(tmp_path):
    like = kit.scgpt_adapter()
    first, again, other = (random_model("scgpt", like, seed) for seed in (1, 1, 2))
    shapes = {name: t.shape for name, t in like.module.state_dict().items()}
    assert {name: t.shape for name, t in first.module.state_dict().items()} == shapes
    weight = "transformer_encoder.layers.0.self_attn.in_proj_weight"
    values = [m.module.state_dict()[weight] for m in (first, again, other, like)]
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2]) and not torch.equal(values[0], values[3])
    with pytest.raises(ModelError, match="geneformer"):
        random_model("geneformer", like, 0)
