"""Whole attention maps from other people's implementations, for tests and for looking at a cell."""

from __future__ import annotations

import copy

import torch
from torch import nn
from transformers import BertForMaskedLM

from helpers.errors import ModelError
from helpers.models.adapter import Batch, ModelAdapter


def reference_maps(adapter: ModelAdapter, batch: Batch) -> list[torch.Tensor]:
    """Return every layer's map, (cell, head, query, key), computed without our attention function.

    scGPT weights are put into PyTorch's own encoder layers, Geneformer weights into transformers'
    model with eager attention. Memory grows with the square of the tokens: use few cells.

    Parameters
    ----------
    adapter
        A loaded scGPT or Geneformer.
    batch
        Its padded cells. Rows of padded queries mean nothing.

    Raises
    ------
    ModelError
        For a family without a second implementation here.
    """
    if adapter.family not in ("scgpt", "geneformer"):
        raise ModelError(f"family {adapter.family!r}: no second implementation to compare with")
    with torch.no_grad():
        return (_pytorch if adapter.family == "scgpt" else _transformers)(adapter, batch)


def _pytorch(adapter: ModelAdapter, batch: Batch) -> list[torch.Tensor]:
    module = adapter.module
    if module.config.input_emb_style == "scaling" or module.config.batch_norm != "none":
        raise ModelError("the reference covers scGPT without scaled input and batch normalisation")
    hidden = module.encoder(batch.ids) + module.value_encoder(batch.values)
    maps = []
    for layer in module.transformer_encoder.layers:
        reference = nn.TransformerEncoderLayer(
            adapter.width,
            adapter.n_heads,
            layer.linear1.out_features,
            batch_first=True,
            dtype=hidden.dtype,
        ).eval()
        reference.load_state_dict(layer.state_dict())
        same = {"key_padding_mask": batch.padding, "average_attn_weights": False}
        maps.append(reference.self_attn(hidden, hidden, hidden, **same)[1])
        # Outside no_grad PyTorch takes its plain path, which leaves padded places alone.
        with torch.enable_grad():
            hidden = reference(hidden, src_key_padding_mask=batch.padding).detach()
    return maps


def _transformers(adapter: ModelAdapter, batch: Batch) -> list[torch.Tensor]:
    # A copy: the choice of attention is kept in the configuration, which our model also reads.
    config = copy.deepcopy(adapter.module.config)
    eager = BertForMaskedLM._from_config(config, attn_implementation="eager").eval()
    eager = eager.to(next(adapter.module.parameters()).dtype)
    eager.load_state_dict(adapter.module.state_dict())
    mask = (~batch.padding).long()
    return list(eager(batch.ids, attention_mask=mask, output_attentions=True).attentions)
