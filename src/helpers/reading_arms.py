"""Every arm of models on one set of cells: `helpers.reading`, beyond attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges.arms import ARMS, read_arms
from helpers.extraction.inputs import token_embeddings
from helpers.models.adapter import Tokens
from helpers.models.training import random_model
from helpers.reading import prepare


@dataclass(frozen=True)
class ArmReading:
    """What can be read from one model over one set of cells.

    Parameters
    ----------
    model, data, adata, references, tokens
        As in `helpers.reading.Reading`.
    genes
        Genes on both axes.
    arms
        Arm -> scores; see `helpers.edges.arms.read_arms`.
    embeddings
        (genes, width) token embeddings.
    """

    model: str
    data: str
    adata: ad.AnnData
    references: Mapping[str, pd.DataFrame]
    tokens: Tokens = field(repr=False)
    genes: list[str] = field(repr=False)
    arms: Mapping[str, xr.DataArray] = field(repr=False)
    embeddings: np.ndarray = field(repr=False)


def read_every_arm(
    model: str,
    adata: ad.AnnData,
    n_genes: int,
    references: Sequence[str],
    arms: Sequence[str] = ARMS,
    *,
    min_count: int = 20,
    n_hidden: int = 6,
    seed: int = 0,
    random: bool = False,
) -> list[ArmReading]:
    """Read arms of models over cells; all models score the same genes.

    Parameters
    ----------
    model, adata, n_genes, references, seed, random
        As for `helpers.reading.read_attention`.
    arms, min_count, n_hidden
        As for `helpers.edges.arms.read_arms`.
    """
    edges, cells, adapters, tokens, genes = prepare(model, adata, n_genes, references, seed)
    found = []
    for name, adapter in adapters.items():
        used = random_model(adapter.family, adapter, seed) if random else adapter
        about = {"min_count": min_count, "n_hidden": n_hidden, "seed": seed}
        scores = read_arms(used, cells, tokens[name], genes, arms, **about)
        vectors = token_embeddings(used, tokens[name], genes)
        data = str(adata.uns["data"])
        found.append(ArmReading(name, data, adata, edges, tokens[name], genes, scores, vectors))
    return found
