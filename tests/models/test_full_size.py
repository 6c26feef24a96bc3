"""Published shapes at full size, with random weights: they load and run a full-length cell."""

from __future__ import annotations

import gc
import json

import anndata
import models_kit as kit
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM

from helpers.extraction import extract
from helpers.models.load import load_model

pytestmark = pytest.mark.slow

GENEFORMER = {
    "V1-10M": (6, 4, 256, 512, 2048, 25_426),
    "V2-104M": (12, 12, 768, 3072, 4096, 20_275),
    "V2-316M": (18, 18, 1152, 4608, 4096, 20_275),
}
READ = {"V2-316M": 256}
"""Tokens of the cell where fewer than the model takes: V2-104M reads as many as V2-316M would."""
STEP = 3
"""The made-up cell expresses every third gene: more than any model reads."""


def one_cell(genes: list[str], ids: list[str] | None = None) -> anndata.AnnData:
    counts = np.zeros((1, len(genes)), dtype=np.float32)
    counts[0, ::STEP] = 1 + np.arange(len(counts[0, ::STEP])) % 9
    var = pd.DataFrame({"ensembl_id": ids or genes}, index=pd.Index(genes))
    return anndata.AnnData(counts, obs=pd.DataFrame(index=["cell"]), var=var)


def check_run(adapter, adata, length: int) -> None:
    """Run one full-length cell through the extractor, and a short one to its prediction."""
    genes = list(adata.var_names)
    found = extract(
        adapter, adata, sources=genes[: STEP * 20 : STEP], genes=genes[: STEP * 100], squares=False,
        max_length=length, device="cpu", show_progress=False,
    )  # fmt: skip
    assert len(adapter.tokenise(adata, max_length=length).ids[0]) == length
    assert found["sum"].shape == (adapter.n_layers, adapter.n_heads, 20, 100 * STEP)
    rows = found["sum"].sum("target") + found["outside"]
    held = found["cells"].broadcast_like(rows)
    assert 0 < int(found["cells"].sum()) <= 20
    np.testing.assert_allclose(rows, held, atol=1e-4)
    tokens = adapter.tokenise(adata, max_length=64)
    with torch.inference_mode():
        output = adapter.forward(adapter.collate(tokens, [0]))
        assert output.hidden.shape == (1, 64, adapter.width)
        assert torch.isfinite(output.hidden).all() and torch.isfinite(output.prediction).all()


def test_scgpt_whole_human_shape(tmp_path):
    """12 layers x 8 heads x 512, 60,697 tokens, released names, and the stray flag encoder."""
    genes = [f"G{i}" for i in range(60_694)]
    vocabulary = {name: i for i, name in enumerate([*genes, "<pad>", "<cls>", "<eoc>"])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    args = {**kit.ARGS, "embsize": 512, "nheads": 8, "d_hid": 512, "nlayers": 12}
    (tmp_path / "args.json").write_text(json.dumps({**args, "max_seq_len": 1200}))
    draw = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw) * 0.05

    def linear(name: str, rows: int, columns: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": normal(rows, columns), f"{name}.bias": normal(rows)}

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": torch.ones(512), f"{name}.bias": torch.zeros(512)}

    tensors = {"encoder.embedding.weight": normal(60_697, 512), **norm("encoder.enc_norm")}
    tensors |= linear("value_encoder.linear1", 512, 1) | linear("value_encoder.linear2", 512, 512)
    tensors |= norm("value_encoder.norm")
    for i in range(12):
        layer = f"transformer_encoder.layers.{i}"
        tensors |= linear(f"{layer}.self_attn.Wqkv", 1536, 512)
        tensors |= linear(f"{layer}.self_attn.out_proj", 512, 512)
        tensors |= linear(f"{layer}.linear1", 512, 512) | linear(f"{layer}.linear2", 512, 512)
        tensors |= norm(f"{layer}.norm1") | norm(f"{layer}.norm2")
    for name in (
        "decoder.fc.0",
        "decoder.fc.2",
        "cls_decoder._decoder.0",
        "cls_decoder._decoder.3",
    ):
        tensors |= linear(name, 512, 512)
    tensors |= linear("decoder.fc.4", 1, 512) | linear("cls_decoder.out_layer", 1, 512)
    tensors |= norm("cls_decoder._decoder.2") | norm("cls_decoder._decoder.5")
    tensors |= linear("mvc_decoder.gene2query", 512, 512) | {
        "mvc_decoder.W.weight": normal(512, 512)
    }
    assert len(tensors) == 172
    tensors["flag_encoder.weight"] = normal(2, 512)
    torch.save(tensors, tmp_path / "best_model.pt")
    adapter = load_model(f"scgpt:{tmp_path}")
    assert (adapter.n_layers, adapter.n_heads, adapter.width) == (12, 8, 512)
    assert adapter.max_length == 1200
    check_run(adapter, one_cell(genes[:10_000]), 1200)


@pytest.mark.apart
@pytest.mark.parametrize("version", GENEFORMER)
def test_geneformer_shapes(tmp_path, version):
    layers, heads, width, hidden, positions, words = GENEFORMER[version]
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=hidden,
        max_position_embeddings=positions,
        hidden_act="relu",
        pad_token_id=0,
    )
    special = ["<pad>", "<mask>", *(["<cls>", "<eos>"] if version.startswith("V2") else [])]
    genes = [f"ENSG{i:011d}" for i in range(words - len(special))]
    tokens = {name: i for i, name in enumerate([*special, *genes])}
    (tmp_path / "token_dictionary.json").write_text(json.dumps(tokens))
    (tmp_path / "gene_median.json").write_text(json.dumps(dict.fromkeys(genes, 1.5)))
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    module = BertForMaskedLM(config)
    state = {
        k: v for k, v in module.state_dict().items() if not k.startswith("cls.predictions.dec")
    }
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    del module, state
    gc.collect()
    adapter = load_model(f"geneformer:{tmp_path}")
    try:
        assert (adapter.n_layers, adapter.n_heads, adapter.width) == (layers, heads, width)
        assert adapter.max_length == positions
        check_run(adapter, one_cell(genes), READ.get(version, positions))
    finally:
        (tmp_path / "model.safetensors").unlink()
