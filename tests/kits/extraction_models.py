"""Small random checkpoints in the published layouts, and cells for them."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM

from helpers.models.load import load_model
from helpers.models.scgpt_module import ScGPT, ScGPTConfig

GENES = [f"G{number:02d}" for number in range(40)]
TFS = GENES[3:33:6]


def cells(n: int = 12, seed: int = 0) -> ad.AnnData:
    """Sparse counts, so that token order and length differ from cell to cell."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.7, 2, size=(n, len(GENES))))
    counts[:, 0] = 0  # a gene that never occurs
    counts[np.arange(n), rng.integers(1, len(GENES), n)] += 1
    adata = ad.AnnData(sp.csr_matrix(counts.astype(np.float32)))
    adata.var_names = GENES
    adata.obs_names = [f"cell{number}" for number in range(n)]
    adata.var["is_tf"] = np.isin(GENES, TFS)
    adata.obs["donor"] = pd.Categorical([f"d{number % 3}" for number in range(n)])
    return adata


def save_scgpt(folder: Path, seed: int = 0, spread: float = 3.0) -> Path:
    """Write an scGPT directory: 3 layers, 4 heads, width 32, packed names of released files."""
    torch.manual_seed(seed)
    vocabulary = {gene: number for number, gene in enumerate(reversed(GENES))}
    vocabulary |= {"<pad>": 40, "<cls>": 41, "<eoc>": 42}
    config = ScGPTConfig(n_tokens=43, width=32, n_heads=4, n_layers=3, d_hid=48, pad_id=40)
    module = ScGPT(config)
    with torch.no_grad():  # peaked attention, so that a wrong row or column shows
        for layer in module.transformer_encoder.layers:
            layer.self_attn.in_proj_weight.mul_(spread)
    folder.mkdir(parents=True, exist_ok=True)
    names = {n: n.replace("self_attn.in_proj_", "self_attn.Wqkv.") for n in module.state_dict()}
    save_file(
        {names[name]: t.contiguous() for name, t in module.state_dict().items()},
        folder / "model.safetensors",
    )
    arguments = {"embsize": 32, "nheads": 4, "nlayers": 3, "d_hid": 48, "n_bins": 51}
    arguments |= {"max_seq_len": 1200, "pad_value": -2, "mask_value": -1, "pad_token": "<pad>"}
    (folder / "args.json").write_text(json.dumps(arguments))
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    return folder


def save_geneformer(folder: Path, seed: int = 0, special: bool = True) -> Path:
    """Write a Geneformer directory: 3 layers, 4 heads, width 32."""
    torch.manual_seed(seed)
    names = ["<pad>", "<mask>"] + (["<cls>", "<eos>"] if special else [])
    tokens = {name: number for number, name in enumerate([*names, *GENES])}
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
        pad_token_id=0,
        initializer_range=0.3,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    (folder / "token_dictionary.json").write_text(json.dumps(tokens))
    rng = np.random.default_rng(seed)
    medians = {gene: float(value) for gene, value in zip(GENES, rng.gamma(2, 1, 40), strict=True)}
    (folder / "gene_median.json").write_text(json.dumps(medians))
    return folder


def build(family: str, folder: Path, dtype: torch.dtype = torch.float32):
    """Save and load one small model: ``scgpt``, ``geneformer-v1`` or ``geneformer-v2``."""
    if family == "scgpt":
        return load_model(f"scgpt:{save_scgpt(folder)}", dtype=dtype)
    path = save_geneformer(folder, special=family.endswith("v2"))
    return load_model(f"geneformer:{path}", dtype=dtype)


FAMILIES = ("scgpt", "geneformer-v1", "geneformer-v2")
