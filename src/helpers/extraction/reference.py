"""Whole attention maps from other people's implementations, beside what the extractor sums."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
import xarray as xr
from anndata import AnnData
from torch import nn

from helpers.errors import ModelError
from helpers.extraction.axes import slots_of
from helpers.extraction.capture import extract
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


def against_reference(
    adapter: ModelAdapter, adata: AnnData, *, sources: Sequence[str]
) -> tuple[xr.Dataset, xr.Dataset]:
    """Compute the same mean attention with the extractor and from whole maps.

    Parameters
    ----------
    adapter, adata
        Model and cells (few: whole maps are formed for all of them).
    sources
        Query genes.

    Returns
    -------
    tuple
        Mean weights ``extracted`` and ``reference`` (layer, head, source, target), NaN where no
        cell holds both genes; and the extracted sums.
    """
    found = extract(adapter, adata, sources=sources, show_progress=False)
    tokens = adapter.tokenise(adata)
    source, target = (
        slots_of(tokens.gene_names, found[axis].values) for axis in ("source", "target")
    )
    expected = np.zeros(tuple(size + 1 for size in found["sum"].shape))[1:, 1:]
    for row in range(len(tokens)):
        maps = torch.stack(reference_maps(adapter, adapter.collate(tokens, [row])))[:, 0]
        genes = tokens.genes[row] + 1
        queries = np.flatnonzero(source[genes] < source[0])
        rows = source[genes[queries]][:, None]
        # Each gene has one token in a cell, so only the last, unused column meets twice.
        expected[:, :, rows, target[genes][None, :]] += maps[:, :, queries].double().numpy()
    expected = expected[:, :, :-1, :-1]
    both = xr.Dataset(
        {"extracted": found["sum"], "reference": (found["sum"].dims, expected)}
    ).where(found["count"] > 0) / found["count"].where(found["count"] > 0)
    return both, found


def largest_difference(both: xr.Dataset) -> float:
    """Return the largest difference between extracted and reference weights."""
    return float(np.abs(both["extracted"] - both["reference"]).max())


def largest_weights(both: xr.Dataset, n: int = 10) -> pd.DataFrame:
    """Return ``layer, head, source, target, extracted, reference`` of the largest mean weights."""
    values = np.nan_to_num(both["extracted"].values, nan=-1.0)
    top = np.argsort(-values, axis=None, kind="stable")[:n]
    dims = both["extracted"].dims
    where = np.unravel_index(top, values.shape)
    table = {dim: both[dim].values[index] for dim, index in zip(dims, where, strict=True)}
    return pd.DataFrame(
        table | {name: both[name].values[where] for name in ("extracted", "reference")}
    )


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
    from transformers import BertForMaskedLM

    # A copy: the choice of attention is kept in the configuration, which our model also reads.
    config = copy.deepcopy(adapter.module.config)
    eager = BertForMaskedLM._from_config(config, attn_implementation="eager").eval()
    eager = eager.to(next(adapter.module.parameters()).dtype)
    eager.load_state_dict(adapter.module.state_dict())
    mask = (~batch.padding).long()
    return list(eager(batch.ids, attention_mask=mask, output_attentions=True).attentions)
