"""Cells and attention for the pages on strata and on null models, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr

from helpers.analyses.coexpression_inputs import choose_genes, read_cells, resolve_models
from helpers.edges import embedding, leiden
from helpers.errors import DataError, ModelError
from helpers.extraction import extract
from helpers.models.load import load_model

OTHER = "other"


@dataclass(frozen=True)
class Read:
    """Attention sums of one model over cells of one data set.

    Parameters
    ----------
    label
        Short name of the model.
    sums
        Attention sums; with strata, `stratum` is ``"NAME|A"`` or ``"NAME|B"``, the cell half.
    adata
        The cells.
    references
        Name -> curated edges.
    sizes
        Cells per stratum name.
    """

    label: str
    sums: xr.Dataset
    adata: ad.AnnData
    references: dict[str, pd.DataFrame]
    sizes: dict[str, int]


@dataclass(frozen=True)
class Models:
    """What could be read: attention per model, and a reason per model that is not here."""

    read: dict[str, Read]
    missing: dict[str, str]


def _strata(adata: ad.AnnData, kind: str, min_cells: int, seed: int) -> np.ndarray:
    """Return the stratum of each cell, ``"other"`` for those of small strata."""
    if kind == "leiden":
        labels = leiden(embedding(adata, seed=seed), seed=seed).astype(str)
    else:
        labels = adata.obs["cell_type"].astype(str).to_numpy()
    sizes = pd.Series(labels).value_counts()
    small = sizes.index[sizes < min_cells]
    return np.where(np.isin(labels, small), OTHER, labels)


def read_models(
    model: str,
    data: str,
    n_cells: int,
    n_genes: int,
    seed: int,
    *,
    strata: str = "none",
    min_cells: int = 50,
    show_progress: bool = False,
) -> Models:
    """Read the attention of every model that is here, on the same cells and genes.

    Parameters
    ----------
    model
        ``"both"`` or one of ``"scgpt"`` and ``"geneformer"`` (the shipped checkpoints), or
        ``"scgpt:/path"`` and ``"geneformer:/path"``.
    data
        ``"baron"`` or ``"sim"``.
    n_cells, n_genes
        Cells drawn at random, and genes on both axes.
    seed
        Seed of the draw of cells and of the halves.
    strata
        ``"none"``, ``"cell_type"`` or ``"leiden"`` (of the cells' principal components).
    min_cells
        Smallest stratum; cells of smaller ones are left out.
    show_progress
        Show the progress of the extraction.
    """
    cells = read_cells(data, n_cells, seed)
    adapters, missing = {}, {}
    for label, spec in resolve_models(model, data).items():
        try:
            adapters[label] = load_model(spec)
        except ModelError as error:
            missing[label] = str(error)
    if not adapters:
        return Models({}, missing)
    genes = choose_genes(cells, list(adapters.values()), n_genes)
    tfs = set().union(*(reference["source"] for reference in cells.references.values()))
    adata, labels, sizes, sources = cells.adata, None, {}, genes
    if strata != "none":
        kept = _strata(adata, strata, min_cells, seed)
        if (kept == OTHER).all():
            raise DataError(
                f"No {strata} stratum of the {adata.n_obs} cells has {min_cells} cells; draw more "
                "cells or lower min_cells"
            )
        adata, kept = adata[kept != OTHER].copy(), kept[kept != OTHER]
        half = np.random.default_rng([seed, 1]).permutation(np.arange(len(kept)) % 2)
        labels = np.array([f"{name}|{'AB'[h]}" for name, h in zip(kept, half, strict=True)])
        sizes = pd.Series(kept).value_counts().to_dict()
        sources = [gene for gene in genes if gene in tfs]
    read = {}
    for label, adapter in adapters.items():
        sums = extract(
            adapter,
            adata[:, cells.model_genes].copy(),
            sources=sources,
            genes=genes,
            strata=labels,
            squares=False,
            seed=seed,
            show_progress=show_progress,
        )
        read[label] = Read(label, sums, adata[:, genes].copy(), cells.references, sizes)
    return Models(read, missing)
