"""Cells and references of pages that are still in the old form; see `helpers.reading`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd

from helpers.datasets import load, load_reference
from helpers.datasets.simulate import training_world
from helpers.errors import ParameterError
from helpers.models.adapter import ModelAdapter
from helpers.models.recipes import training_genes

DATA = ("baron", "kang", "sim")


@dataclass(frozen=True)
class Cells:
    """Cells of one data set in random order, in nested blocks, with two contexts.

    Parameters
    ----------
    data
        ``"baron"``, ``"kang"`` or ``"sim"``.
    adata
        All genes, for expression; counts in ``layers["counts"]``.
    model_genes
        Genes that the models read.
    references
        Name -> curated edges (for ``sim``, the true network).
    block_ends
        Cell numbers of the table, increasing; the first n cells are the set of size n.
    context
        (cells,) ``"A"`` for cells of the most frequent type, ``"B"`` for the others.
    context_name
        That type.
    """

    data: str
    adata: ad.AnnData
    model_genes: list[str]
    references: dict[str, pd.DataFrame]
    block_ends: tuple[int, ...]
    context: np.ndarray
    context_name: str

    @property
    def strata(self) -> np.ndarray:
        """Block number and context of each cell, as one label."""
        block = np.searchsorted(self.block_ends, np.arange(self.adata.n_obs), side="right")
        return np.array([f"{b}{c}" for b, c in zip(block, self.context, strict=True)])


SHARES = (0.2, 0.5, 1.0)
"""Sizes of the nested cell sets as shares of the largest: 200, 500 and 1,000 of 1,000."""


def cell_numbers(n_cells: int) -> list[int]:
    """Return the sizes of the nested cell sets."""
    return [round(share * n_cells) for share in SHARES]


def read_cells(data: str, n_cells: int, seed: int, reference: str = "both") -> Cells:
    """Read a data set and draw nested random sets of its cells.

    Parameters
    ----------
    data
        ``"baron"``: human pancreas (Baron et al. 2016) with TRRUST and DoRothEA. ``"kang"``:
        unstimulated blood cells (Kang et al. 2018) with the same references, where their file is
        (see ``helpers data card kang``). ``"sim"``: the simulated training world with its true
        network.
    n_cells
        Size of the largest set; a number larger than the data hold is refused.
    seed
        Seed of the draw.
    reference
        ``"trrust"``, ``"dorothea"`` or ``"both"``; the simulated world has its own.
    """
    if data not in DATA:
        raise ParameterError(f"data is {data!r}; choose one of {list(DATA)}")
    if data == "sim":
        drawn = training_world()
        adata, references = drawn.adata, {"network": drawn.reference}
        genes = list(adata.var_names)
    else:
        adata = load("baron-human" if data == "baron" else data)
        names = ("trrust", "dorothea") if reference == "both" else (reference,)
        references = {name: load_reference(name) for name in names}
        genes = training_genes(adata)[0]
    if n_cells > adata.n_obs:
        raise ParameterError(f"n_cells is {n_cells}; {data} holds {adata.n_obs} cells")
    ends = tuple(cell_numbers(n_cells))
    rows = np.random.default_rng(seed).permutation(adata.n_obs)[:n_cells]
    chosen = adata[rows].copy()
    kinds = chosen.obs["cell_type"].astype(str)
    largest = kinds.value_counts().idxmax()
    context = np.where(kinds == largest, "A", "B")
    return Cells(data, chosen, genes, references, ends, context, largest)


def resolve_models(model: str, data: str) -> dict[str, str]:
    """Return label -> model to load for a data set.

    Parameters
    ----------
    model
        ``"scgpt"`` or ``"geneformer"``: the checkpoint trained on the data set, for blood the one
        trained on pancreas; ``"both"``; or ``"scgpt:/path"`` and ``"geneformer:/path"``: a user's
        own, read on cells, while the simulated world is read with the shipped models.
    data
        ``"baron"``, ``"kang"`` or ``"sim"``.
    """
    family, colon, _ = model.partition(":")
    if colon and data != "sim":
        return {f"own-{family}": model}
    families = ("scgpt", "geneformer") if colon or model == "both" else (model,)
    trained_on = "sim" if data == "sim" else "baron"
    return {name: f"{name}-{trained_on}" for name in families}


def choose_genes(cells: Cells, adapters: Sequence[ModelAdapter], n_genes: int) -> list[str]:
    """Return the genes to score: those that all models read, half of them regulators if possible.

    Regulators of the references come first, the most often detected first, up to half of
    `n_genes`; the rest are the most often detected other genes. Detection in the chosen cells is
    the only thing looked at, never a label.
    """
    adata = cells.adata[:, cells.model_genes]
    seen = np.full(adata.n_vars, np.inf)
    for adapter in adapters:
        held = np.concatenate(adapter.tokenise(adata).genes)
        seen = np.minimum(seen, np.bincount(held[held >= 0], minlength=adata.n_vars))
    ranked = adata.var_names[np.argsort(-seen, kind="stable")]
    ranked = [gene for gene in ranked if seen[adata.var_names.get_loc(gene)] > 0]
    tfs = set().union(*(reference["source"] for reference in cells.references.values()))
    first = [gene for gene in ranked if gene in tfs][: n_genes // 2]
    chosen = set(first) | set(
        [gene for gene in ranked if gene not in set(first)][: n_genes - len(first)]
    )
    return [gene for gene in adata.var_names if gene in chosen]
