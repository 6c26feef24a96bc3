"""Cells and attention for the pages on strata and on null models, or why there are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr

from helpers.analyses.coexpression_inputs import choose_genes, read_cells, resolve_models
from helpers.edges import embedding, leiden, thin
from helpers.errors import DataError, ModelError, ParameterError
from helpers.extraction import extract
from helpers.extraction.cells import cell_states
from helpers.models.adapter import ModelAdapter
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


STRATA = ("cell_type", "leiden", "embedding")
"""Where strata come from: given labels, or clusters of principal components or hidden states."""


def _named(labels: np.ndarray, kind: str, min_cells: int) -> np.ndarray:
    """Name the strata, ``"other"`` for the cells of small ones.

    Raises
    ------
    DataError
        If no stratum is large enough.
    """
    sizes = pd.Series(labels).value_counts()
    if sizes.max() < min_cells:
        raise DataError(
            f"No {kind} stratum of the {len(labels)} cells has {min_cells} cells; draw more "
            "cells or lower min_cells"
        )
    return np.where(np.isin(labels, sizes.index[sizes < min_cells]), OTHER, labels.astype(str))


def _clusters(adata: ad.AnnData, kind: str, adapter: ModelAdapter, seed: int) -> np.ndarray:
    """Return Leiden labels, of principal components or of a model's mean hidden states."""
    if kind == "leiden":
        return leiden(embedding(adata, seed=seed), seed=seed).astype(str)
    tokens = adapter.tokenise(adata, seed=seed)
    labels = np.full(adata.n_obs, "no token", dtype=object)
    found = leiden(cell_states(adapter, tokens), seed=seed)
    labels[tokens.cells] = found.astype(str)
    return labels.astype(str)


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
        ``"baron"``, ``"kang"`` or ``"sim"``.
    n_cells, n_genes
        Cells drawn at random, and genes on both axes.
    seed
        Seed of the draw of cells and of the halves.
    strata
        ``"none"``, ``"cell_type"`` (given labels), ``"leiden"`` (clusters of the cells' principal
        components) or ``"embedding"`` (clusters of the model's mean hidden states). Clusters come
        from one binomially thinned half of the counts, and the model reads the other, so that they
        share no noise with the scores.
    min_cells
        Smallest stratum; cells of smaller ones are left out.
    show_progress
        Show the progress of the extraction.

    Raises
    ------
    ParameterError
        If `data` or `strata` is unknown, or more cells are asked for than there are.
    DataError
        If no stratum is large enough, or no cell has a token.
    """
    if strata not in ("none", *STRATA):
        raise ParameterError(f"strata is {strata!r}; choose one of {['none', *STRATA]}")
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
    sources = genes if strata == "none" else [gene for gene in genes if gene in tfs]
    clustered = scored = cells.adata
    if strata in ("leiden", "embedding"):
        # clusters of the counts that are scored would share their noise
        clustered, scored = thin(cells.adata, np.random.default_rng([seed, 2]))
    read = {}
    for label, adapter in adapters.items():
        adata, labels, sizes = scored, None, {}
        if strata != "none":
            kinds = cells.adata.obs["cell_type"].astype(str).to_numpy()
            if strata != "cell_type":
                known = clustered[:, cells.model_genes].copy()
                kinds = _clusters(known, strata, adapter, seed)
            kept = _named(kinds, strata, min_cells)
            adata, kept = scored[kept != OTHER].copy(), kept[kept != OTHER]
            half = np.random.default_rng([seed, 1]).permutation(np.arange(len(kept)) % 2)
            labels = np.array([f"{name}|{'AB'[h]}" for name, h in zip(kept, half, strict=True)])
            sizes = pd.Series(kept).value_counts().to_dict()
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


def cases_of(
    inputs: Models, data: str, make: Callable[[str, Read, pd.DataFrame], Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Score every model against every reference, keeping the reason where that is impossible.

    Parameters
    ----------
    inputs
        From `read_models`.
    data
        Name of the cells.
    make
        Function of a name, a read model and curated edges; it raises `DataError` where nothing can
        be scored (no pair with enough cells, no positive).

    Returns
    -------
    (cases, left_out)
        ``"model/data/reference"`` -> result; and scope -> reason, where a model is not here
        (``"model/data"``) or a reference has nothing to score.
    """
    cases = {}
    left_out = {f"{label}/{data}": reason for label, reason in inputs.missing.items()}
    for label, one in inputs.read.items():
        for reference, edges in one.references.items():
            name = f"{label}/{data}/{reference}"
            try:
                cases[name] = make(name, one, edges)
            except DataError as error:
                left_out[name] = str(error)
    return cases, left_out
