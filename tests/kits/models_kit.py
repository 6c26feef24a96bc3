"""Small checkpoints in the published layouts, toy cells, and the published scGPT code."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import types
import warnings
import zipfile
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BertConfig, BertForMaskedLM, GPTNeoXConfig, GPTNeoXForCausalLM

from helpers.datasets.fetch import artefact_path
from helpers.errors import DataError
from helpers.models.attention import full_attention, tapping
from helpers.models.geneformer import GeneformerAdapter, save_geneformer
from helpers.models.geneformer_tokens import Dictionaries
from helpers.models.scgpt import ScGPTAdapter, config_from, save_scgpt
from helpers.models.scgpt_module import ScGPT

GENES = [f"GENE{i}" for i in range(40)]
ENSEMBL = [f"ENSG{i:011d}" for i in range(40)]
ARGS = {
    "embsize": 32,
    "nheads": 4,
    "d_hid": 48,
    "nlayers": 3,
    "dropout": 0.1,
    "n_bins": 51,
    "max_seq_len": 64,
    "pad_token": "<pad>",
    "pad_value": -2,
    "mask_value": -1,
    "input_emb_style": "continuous",
}
OFFICIAL_VARIANTS = {
    "plain": {},
    "batch labels": {"use_batch_labels": True, "num_batch_labels": 3},
    "domain batch norm": {
        "use_batch_labels": True,
        "num_batch_labels": 3,
        "domain_spec_batchnorm": True,
        "do_dab": True,
    },
    "batch norm": {"domain_spec_batchnorm": "batchnorm"},
    "category": {"input_emb_style": "category", "n_input_bins": 53, "pad_value": 52},
    "scaling": {"input_emb_style": "scaling"},
    "zero probability": {"explicit_zero_prob": True},
}
VOCABULARY = {name: i for i, name in enumerate([*GENES, "<pad>", "<cls>", "<eoc>"])}


def cells(n: int = 12, seed: int = 0) -> anndata.AnnData:
    """Counts of 40 genes; the last cell is empty."""
    counts = np.random.default_rng(seed).poisson(0.9, (n, len(GENES))).astype(np.float32)
    counts[-1] = 0
    obs = pd.DataFrame({"batch": [f"b{i % 3}" for i in range(n)]}, [f"cell{i}" for i in range(n)])
    return anndata.AnnData(
        counts, obs=obs, var=pd.DataFrame({"ensembl_id": ENSEMBL}, index=pd.Index(GENES))
    )


def scgpt_tensors(seed: int = 0, **heads: torch.Tensor) -> dict[str, torch.Tensor]:
    """State of a small scGPT with a cell decoder, drawn at random."""
    torch.manual_seed(seed)
    found = {"mvc_decoder.W.weight": torch.empty(0), **heads}
    return ScGPT(config_from(ARGS, VOCABULARY, found, Path("args"))).state_dict()


def write_scgpt(
    folder: Path, tensors: dict | None = None, args: dict | None = None, file: str = "best_model.pt"
) -> Path:
    """Write a scGPT directory with these tensors as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "args.json").write_text(json.dumps({**ARGS, **(args or {})}))
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY))
    tensors = scgpt_tensors() if tensors is None else tensors
    if file.endswith(".safetensors"):
        from safetensors.torch import save_file

        save_file({k: v.clone().contiguous() for k, v in tensors.items()}, folder / file)
    else:
        torch.save(tensors, folder / file)
    return folder


def scgpt_adapter(seed: int = 0) -> ScGPTAdapter:
    """A small scGPT in memory."""
    module = ScGPT(
        config_from(ARGS, VOCABULARY, {"mvc_decoder.W.weight": torch.empty(0)}, Path("args"))
    )
    module.load_state_dict(scgpt_tensors(seed))
    return ScGPTAdapter("small", module.eval(), VOCABULARY, dict(ARGS))


def dictionaries(special: bool = True) -> Dictionaries:
    """Tokens and medians of all genes but the last three."""
    names = ["<pad>", "<mask>", *(["<cls>", "<eos>"] if special else []), *ENSEMBL[:-3]]
    return Dictionaries(
        {name: i for i, name in enumerate(names)},
        {name: 0.5 + (i % 5) / 2 for i, name in enumerate(ENSEMBL[:-3])},
    )


def geneformer_adapter(seed: int = 0, special: bool = True) -> GeneformerAdapter:
    """A small Geneformer in memory, attention weights large enough not to be flat."""
    tables = dictionaries(special)
    config = BertConfig(
        vocab_size=len(tables.tokens),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
        hidden_act="relu",
        initializer_range=0.2,
        pad_token_id=0,
    )
    torch.manual_seed(seed)
    return GeneformerAdapter("small", BertForMaskedLM(config).eval(), tables)


def write_geneformer(folder: Path, seed: int = 0, special: bool = True) -> Path:
    """Write a Geneformer directory."""
    save_geneformer(geneformer_adapter(seed, special), folder)
    return folder


def write_small_scgpt(folder: Path, seed: int = 0) -> Path:
    """Write a scGPT directory through our own writer."""
    save_scgpt(scgpt_adapter(seed), folder)
    return folder


def write_cell_sentence(folder: Path) -> Path:
    """A random GPT-NeoX whose byte-pair tokenizer splits gene names into several tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=270,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([" ".join(GENES)] * 3, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = GPTNeoXConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=128,
        initializer_range=0.2,
    )
    torch.manual_seed(0)
    GPTNeoXForCausalLM(config).eval().save_pretrained(folder)
    return folder


def attention_maps(adapter, batch) -> list[torch.Tensor]:
    """Full attention maps of every layer, from the tapped tensors."""
    maps: list[torch.Tensor] = []

    def tap(layer, query, key, value, mask, scaling, module):
        assert layer == len(maps)
        maps.append(full_attention(query, key, mask, scaling))

    with torch.no_grad(), tapping(tap):
        adapter.forward(batch)
    return maps


def official_scgpt(folder: Path) -> types.SimpleNamespace:
    """Import the published code from its wheel, which is not installed; skip where it is absent.

    Its package initialiser imports what has no build for this Python; empty package objects with
    the right search path let single modules be imported as they are.
    """
    try:
        wheel = artefact_path("scgpt")
    except DataError as error:
        pytest.skip(f"the scgpt wheel is neither cached nor reachable: {error}")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for name in ("scgpt", "scgpt.model"):
        package = types.ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")))]
        package.logger = logging.getLogger("scgpt")
        sys.modules[name] = package
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return types.SimpleNamespace(
            model=importlib.import_module("scgpt.model.model"),
            preprocess=importlib.import_module("scgpt.preprocess"),
            collator=importlib.import_module("scgpt.data_collator"),
        )


def published_layers(model, ids, values, padding, labels) -> list[tuple[torch.Tensor, ...]]:
    """Output and weights of every layer's attention, given by torch's own attention modules."""
    inputs, handles = [], []
    for layer in model.transformer_encoder.layers:
        handles.append(
            layer.register_forward_pre_hook(lambda module, given: inputs.append(given[0]))
        )
    # Gradients on keep the layers off the fused path, so that the hooks see every input.
    with torch.enable_grad():
        model._encode(ids, values, padding, labels)
    for handle in handles:
        handle.remove()
    same = {"key_padding_mask": padding, "need_weights": True, "average_attn_weights": False}
    return [
        layer.self_attn(x, x, x, **same)
        for layer, x in zip(model.transformer_encoder.layers, inputs, strict=True)
    ]


def published_maps(model, ids, values, padding, labels) -> list[torch.Tensor]:
    """Attention weights of every layer, (cell, head, query, key)."""
    return [weights for _, weights in published_layers(model, ids, values, padding, labels)]
