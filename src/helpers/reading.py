"""Cells of a named set or of a file, and the attention of models on them.

>>> cells = draw_cells("baron", 240, seed=0)  # doctest: +SKIP
>>> for one in read_attention("both", cells, 240, ["trrust"]):  # doctest: +SKIP
...     print(one.model, one.scores(min_count=20).shape)
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr

from helpers.datasets import load
from helpers.datasets.own import in_words, open_own, with_roles
from helpers.datasets.own_network import networks, said
from helpers.datasets.simulate import World, control_world, training_world
from helpers.edges import edge_scores, pool, uniform_of_tokens
from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.extraction import extract, order_share
from helpers.models.adapter import ModelAdapter, Tokens
from helpers.models.load import load_model, shipped_models
from helpers.models.recipes import training_genes
from helpers.models.training import random_model

_log = logging.getLogger(__name__)

SIM, CONTROL = "sim", "control"
"""Names of the simulated worlds among the sets of cells: the one that the small models are trained
on, and the one whose edges the positive controls have learned (2,000 cells new to them)."""

SHORT = {"baron": "baron-human"}
FAMILIES = ("scgpt", "geneformer")
READ = "read_by_models"
"""Column of ``var``: genes that the models are given."""


@dataclass(frozen=True)
class Reading:
    """Attention of one model over one set of cells.

    Parameters
    ----------
    model, data
        Short names, as they stand in tests and tables.
    adata
        The cells, all genes.
    references
        Name -> curated edges; for the simulated cells their true network.
    sums
        Attention sums; columns of ``obs`` that were asked for are coordinates of ``stratum``.
    tokens
        What the model read.
    """

    model: str
    data: str
    adata: ad.AnnData
    references: Mapping[str, pd.DataFrame]
    sums: xr.Dataset = field(repr=False)
    tokens: Tokens = field(repr=False)

    @property
    def genes(self) -> list[str]:
        """Genes on the target axis."""
        return self.sums["target"].values.astype(str).tolist()

    def part(self, **where: object) -> xr.Dataset:
        """Return sums and counts over the cells for which `where` holds.

        Parameters
        ----------
        **where
            Column of ``obs`` that the sums are kept apart by -> value, or list of values.

        Raises
        ------
        ParameterError
            If the sums are not kept apart by a column.
        DataError
            If no cell is left.
        """
        found = self.sums[["sum", "count"]]
        if "stratum" not in found.dims:
            found = found.expand_dims("stratum")
        keep = np.ones(found.sizes["stratum"], bool)
        for column, wanted in where.items():
            if column not in found.coords:
                coordinates = found.coords.items()
                known = [k for k, v in coordinates if v.dims == ("stratum",) and k != "stratum"]
                raise ParameterError(f"sums are kept apart by {known}, not by {column!r}")
            keep &= np.isin(found[column].values, np.atleast_1d(wanted).astype(str))
        if not keep.any():
            raise DataError(f"{self.model} on {self.data}: no cell with {where}")
        return found.isel(stratum=keep).sum("stratum")

    def scores(self, min_count: int = 20, **where: object) -> xr.DataArray:
        """Return the pooled score over the cells for which `where` holds: ``scores(context="A")``.

        The mean over layers and heads of attention per cell that holds both genes (see
        `helpers.edges.edge_scores`); pairs with fewer than `min_count` such cells are missing.
        """
        return pool(edge_scores(self.part(**where), min_count=min_count))

    @cached_property
    def uniform(self) -> xr.DataArray:
        """The score that attention without any preference would have."""
        return uniform_of_tokens(self.tokens, self.genes)

    @cached_property
    def order(self) -> xr.DataArray | None:
        """Share of cells in which the target's token precedes the source's.

        ``None`` for models that are given expression beside the tokens, whose order means nothing.
        Pairs that no cell holds have the neutral 0.5; they have no score either.
        """
        if self.tokens.values is not None:
            return None
        found = order_share(self.tokens, sources=self.genes, genes=self.genes)
        return (found["sum"] / found["count"].where(found["count"] > 0)).fillna(0.5)


def draw_cells(data: str, n_cells: int, seed: int, symbols: str = "", **columns: str) -> ad.AnnData:
    """Draw cells at random.

    Parameters
    ----------
    data
        Name of a registered set (``"baron"`` is short for ``"baron-human"``), ``"sim"`` for the
        simulated training world, ``"control"`` for that of the positive controls, or the path of a
        file of human or mouse cells with counts (see `helpers.datasets.own.open_own`), of which
        only the cells that are drawn, and what is counted per gene, are held in memory.
    n_cells
        How many; a number larger than there are is refused. The first n of them are a draw of n.
    seed
        Seed of the draw.
    symbols, **columns
        Columns of a file's ``var`` and ``obs``: symbols, ``cell_type``, ``donor``, ``batch``;
        empty where they have these names. The simulated worlds need none.

    Returns
    -------
    anndata.AnnData
        All genes. ``var["read_by_models"]`` marks those that models are given: all of the simulated
        ones, of real cells the choice of `helpers.models.recipes.training_genes` on the whole set.
        ``uns["data"]`` is the short name.

    Raises
    ------
    ParameterError, DataError
        If there are not as many cells, or the data cannot be read.
    """
    name = data
    if data in (SIM, CONTROL):
        cells = _world(data).adata
    elif is_file(data):
        cells = open_own(data, symbols=symbols, **columns)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(data).stem) or "cells"
        name = f"own-{name}" if name in (SIM, CONTROL) else name
    else:
        cells = load(SHORT.get(data, data))
        cells.obs = with_roles(cells.obs, data, **columns)
    if n_cells > cells.n_obs:
        raise ParameterError(f"n_cells is {n_cells}; {data} holds {cells.n_obs} cells")
    known = cells.var_names if data in (SIM, CONTROL) else training_genes(cells)[0]
    rows = np.random.default_rng(seed).permutation(cells.n_obs)[:n_cells]
    drawn = cells[rows].copy() if isinstance(cells, ad.AnnData) else cells.take(rows)
    drawn.var[READ] = drawn.var_names.isin(known)
    drawn.uns["data"] = name
    return drawn


def is_file(data: str) -> bool:
    """Return whether the name of cells is that of a file: it has a slash or an ending."""
    return "/" in data or "." in data


def no_cell_types(adata: ad.AnnData) -> NotEstimable | None:
    """Return why parts that need cell types cannot be had, or None where they can.

    Nothing is clustered in their place: clusters of the same cells are no labels.
    """
    if "cell_type" not in adata.obs:
        has = in_words(adata.obs)
        return NotEstimable(f"no cell types (cell_type=COLUMN names them; obs has {has})")
    if (many := adata.obs["cell_type"].nunique()) < 2:
        return NotEstimable(f"{many} cell type; two are needed")
    return None


def coverage(readings: Sequence[Reading]) -> pd.DataFrame:
    """Return what of cells, model and network meets: one row per reading and network.

    Returns
    -------
    pandas.DataFrame
        ``data, model, reference``; ``cells``; ``genes`` of the cells, those ``given`` to the model,
        of these ``known`` to it, and ``scored``; ``TFs`` and ``edges`` of the network, those whose
        genes are scored, and edges whose genes the cells have at all; ``species`` and ``values``:
        what a file of one's own held.
    """
    rows = []
    for one in readings:
        source = one.adata.uns.get("source", {})
        known, scored = set(one.adata.var_names), set(one.genes)
        for name, edges in one.references.items():
            pairs = edges.drop_duplicates(["source", "target"])
            held = pairs["source"].isin(known) & pairs["target"].isin(known)
            among = pairs["source"].isin(scored) & pairs["target"].isin(scored)
            rows.append(
                {
                    "data": one.data,
                    "model": one.model,
                    "reference": name,
                    "cells": one.adata.n_obs,
                    "genes": one.adata.n_vars,
                    "given": int(one.adata.var[READ].sum()),
                    "known": one.tokens.report["genes_in_vocabulary"],
                    "scored": len(scored),
                    "TFs": pairs["source"].nunique(),
                    "TFs scored": len(set(pairs["source"]) & scored),
                    "edges": len(pairs),
                    "edges in the cells": int(held.sum()),
                    "edges scored": int(among.sum()),
                    "species": source.get("species", source.get("organism", "")),
                    "values": source.get("values", "counts"),
                }
            )
    return pd.DataFrame(rows)


@lru_cache(maxsize=2)
def _world(data: str) -> World:
    return training_world() if data == SIM else control_world(2000)


def references_for(data: str, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return short name -> edges of registered references and of files of one's own.

    Simulated cells have their true network only; for the rest see `own_network.networks`.
    """
    if data in (SIM, CONTROL):
        return {"network": _world(data).reference.copy()}
    return networks(names)


def models_for(model: str, data: str) -> dict[str, str]:
    """Return short name -> what `helpers.models.load.load_model` takes.

    Parameters
    ----------
    model
        Name of a shipped one, such as ``"scgpt-baron"``; ``"scgpt"`` or ``"geneformer"``: the one
        trained on pancreas or, for simulated cells, on these; ``"both"``; or a checkpoint of one's
        own, ``"scgpt:/path"``, which reads real cells, while simulated ones are read by the
        shipped models. On the cells of the positive controls, ``"both"`` means those that are
        shipped.
    data
        Short name of the cells.

    Examples
    --------
    >>> models_for("scgpt", "sim")
    {'scgpt': 'scgpt-sim'}
    >>> models_for("scgpt", "control")
    {'control-scgpt': 'control-scgpt'}
    """
    if model in shipped_models():
        return {model: model}
    family, colon, _ = model.partition(":")
    if colon and data not in (SIM, CONTROL):
        return {f"own-{family}": model}
    families = FAMILIES if colon or model == "both" else (model,)
    if data == CONTROL:
        wanted = [f"control-{family}" for family in families]
        return {name: name for name in wanted if model != "both" or name in shipped_models()}
    return {name: f"{name}-{SIM if data == SIM else 'baron'}" for name in families}


def read_attention(
    model: str,
    adata: ad.AnnData,
    n_genes: int,
    references: Sequence[str],
    strata: Sequence[str] = (),
    seed: int = 0,
    random: bool = False,
    tfs_only: bool = False,
) -> list[Reading]:
    """Read the attention of models over cells; all of them score the same genes.

    Parameters
    ----------
    model
        As for `models_for`.
    adata
        From `draw_cells`; columns may have been added to ``obs``.
    n_genes
        Most genes on each axis (see `choose_genes`).
    references
        Names of curated networks, or files of edges; the simulated cells have their own.
    strata
        Columns of ``obs`` by which sums are kept apart.
    seed
        Seed of tokens and of random weights.
    random
        Whether to read a model of the same shape with random weights instead of each.
    tfs_only
        Whether the sources are the chosen regulators only, which takes less memory with strata.

    Raises
    ------
    ModelError, DataError, ParameterError
        If a model or a reference cannot be loaded, or there is no such column.
    """
    if absent := [column for column in strata if column not in adata.obs]:
        raise DataError(f"obs has no column {absent}; it has {list(adata.obs)}")
    edges, cells, adapters, tokens, genes = prepare(model, adata, n_genes, references, seed)
    tfs = set().union(*(table["source"] for table in edges.values()))
    sources = [gene for gene in genes if gene in tfs] if tfs_only else genes
    found = []
    for name, adapter in adapters.items():
        used = random_model(adapter.family, adapter, seed) if random else adapter
        sums = _sums(used, cells, tokens[name], sources, genes, strata, seed)
        found.append(Reading(name, str(adata.uns["data"]), adata, edges, sums, tokens[name]))
    return found


def prepare(
    model: str, adata: ad.AnnData, n_genes: int, references: Sequence[str], seed: int
) -> tuple[dict, ad.AnnData, dict[str, ModelAdapter], dict[str, Tokens], list[str]]:
    """Return networks, the cells as models see them, models, their tokens, and genes to score."""
    edges = references_for(data := str(adata.uns["data"]), references)
    for name, table in edges.items():
        _log.info("%s: %s", name, said(table.attrs.get("report", {"edges": len(table)})))
    cells = adata[:, adata.var[READ]].copy()
    adapters = {name: load_model(spec) for name, spec in models_for(model, data).items()}
    tokens = {name: one.tokenise(cells, seed=seed) for name, one in adapters.items()}
    tfs = set().union(*(table["source"] for table in edges.values()))
    return edges, cells, adapters, tokens, choose_genes(list(tokens.values()), n_genes, tfs)


def choose_genes(tokens: Sequence[Tokens], n_genes: int, tfs: set[str]) -> list[str]:
    """Return the genes to score: those that all models read, half of them regulators if possible.

    Regulators come first, the most often read first, up to half of `n_genes`; the rest are the most
    often read other genes. How often they are read is the only thing looked at, never a label.

    Parameters
    ----------
    tokens
        Tokens of the same cells by every model.
    n_genes
        Most genes to choose.
    tfs
        Regulators of the references.
    """
    names = np.asarray(tokens[0].gene_names).astype(str)
    seen = np.full(len(names), np.inf)
    for one in tokens:
        held = np.concatenate(one.genes)
        seen = np.minimum(seen, np.bincount(held[held >= 0], minlength=len(names)))
    ranked = [names[k] for k in np.argsort(-seen, kind="stable") if seen[k] > 0]
    first = [gene for gene in ranked if gene in tfs][: n_genes // 2]
    rest = [gene for gene in ranked if gene not in set(first)][: n_genes - len(first)]
    chosen = {*first, *rest}
    return [gene for gene in names if gene in chosen]


def _sums(
    adapter: ModelAdapter,
    cells: ad.AnnData,
    tokens: Tokens,
    sources: Sequence[str],
    genes: Sequence[str],
    strata: Sequence[str],
    seed: int,
) -> xr.Dataset:
    """Return attention sums whose strata have the columns they come from as coordinates."""
    labels, kinds = None, pd.DataFrame()
    if strata:
        table = cells.obs[list(strata)].astype(str)
        kinds = table.drop_duplicates().reset_index(drop=True)
        codes = table.merge(kinds.reset_index(), on=list(strata), how="left")["index"]
        labels = codes.to_numpy().astype(str)
    about = {"sources": list(sources), "genes": list(genes), "strata": labels, "tokens": tokens}
    found = extract(adapter, cells, **about, squares=False, seed=seed, show_progress=False)
    if not strata:
        return found
    rows = kinds.iloc[found["stratum"].values.astype(int)]
    return found.assign_coords({c: ("stratum", rows[c].to_numpy()) for c in strata})
