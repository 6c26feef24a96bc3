"""Edge scores from what a model holds of each gene before it has read a cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from torch import nn

from helpers.errors import DataError, ModelError
from helpers.models.adapter import ModelAdapter, Tokens


def embedding_edges(adapter: ModelAdapter, tokens: Tokens, genes: Sequence[str]) -> xr.DataArray:
    """Score gene pairs by the cosine of their token embeddings.

    Parameters
    ----------
    adapter
        A loaded model; its first embedding table is that of the tokens.
    tokens
        Cells as the model reads them: they say which token stands for which gene.
    genes
        Genes on both axes.

    Returns
    -------
    xarray.DataArray
        (source, target), symmetric, diagonal 1; the same for all cells.

    Raises
    ------
    DataError
        If a gene is a token of no cell.
    ModelError
        If the model has no embedding table.
    """
    tables = [part for part in adapter.module.modules() if isinstance(part, nn.Embedding)]
    if not tables:
        raise ModelError(f"{adapter.name} has no table of token embeddings")
    ids, held = np.concatenate(tokens.ids), np.concatenate(tokens.genes)
    kept = held >= 0  # special tokens stand for no gene
    number = dict(zip(held[kept].tolist(), ids[kept].tolist(), strict=True))
    position = {gene: place for place, gene in enumerate(tokens.gene_names.astype(str))}
    if absent := [gene for gene in genes if position.get(gene, -1) not in number]:
        raise DataError(f"{len(absent)} genes are a token of no cell, for example {absent[:5]}")
    rows = [number[position[gene]] for gene in genes]
    vectors = tables[0].weight.detach().cpu().numpy()[rows].astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    names = np.asarray(list(genes), dtype=str)
    return xr.DataArray(
        np.clip(unit @ unit.T, -1, 1),
        dims=("source", "target"),
        coords={"source": names, "target": names},
        name="embedding-cosine",
    )
