"""A model made ready for an audit: loaded once, cells tokenised once, read in parts that stay."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets.own_network import networks, title_of
from helpers.errors import ParameterError
from helpers.extraction import extract, extract_sharded
from helpers.extraction.devices import choose
from helpers.models.adapter import ModelAdapter, Tokens
from helpers.models.load import load_model
from helpers.models.training import random_model
from helpers.reading import CONTROL, READ, SIM, Reading, choose_genes, models_for, references_for

FEW = 4
"""Cells that are read to learn how long one takes."""
BASE_GIGABYTES = 1.2
"""What Python, its libraries and a few hundred cells take."""


@dataclass(frozen=True)
class Ready:
    """What is read and by what; numbers are those of `helpers.reading.read_attention`.

    Parameters
    ----------
    name, data
        Short names of model and cells.
    adapter
        The model.
    adata, cells
        The cells with all genes, and with those that models are given.
    tokens, genes
        What the model reads, and which genes are scored.
    references
        Name -> edges.
    seed
        Seed of tokens and of random weights.
    """

    name: str
    data: str
    adapter: ModelAdapter
    adata: AnnData = field(repr=False)
    cells: AnnData = field(repr=False)
    tokens: Tokens = field(repr=False)
    genes: list[str] = field(repr=False)
    references: dict[str, pd.DataFrame] = field(repr=False)
    seed: int = 0

    def with_random_weights(self) -> Ready:
        """Return the same with a model of the same shape that has learned nothing."""
        model = random_model(self.adapter.family, self.adapter, self.seed)
        return replace(self, adapter=model)


def make_ready(
    model: str, adata: AnnData, n_genes: int, references: Sequence[str], seed: int
) -> Ready:
    """Load a model and tokenise cells of `helpers.reading.draw_cells`.

    Raises
    ------
    ModelError, DataError, ParameterError
        If model or references cannot be loaded, or `model` names several.
    """
    data = str(adata.uns["data"])
    found = models_for(model, data)
    if len(found) != 1:
        raise ParameterError(f"{model!r} is more than one model; audit them one by one")
    ((name, spec),) = found.items()
    if data in (SIM, CONTROL):
        edges = references_for(data, references)
    else:
        edges = networks(references, named=title_of)
    cells = adata[:, adata.var[READ]].copy()
    adapter = load_model(spec)
    tokens = adapter.tokenise(cells, seed=seed)
    tfs = set().union(*(table["source"] for table in edges.values()))
    genes = choose_genes([tokens], n_genes, tfs)
    return Ready(name, data, adapter, adata, cells, tokens, genes, edges, seed)


def read(
    ready: Ready, parts: Path | None = None, shards: int = 1, show_progress: bool = False
) -> Reading:
    """Return attention between the chosen genes.

    Parameters
    ----------
    ready
        Model, cells and genes.
    parts
        Folder where finished parts of the cells are kept; a run that was interrupted goes on there,
        and ends with the same numbers. None keeps nothing.
    shards
        Number of parts.
    show_progress
        Show a bar with cells per second and the time left.

    Raises
    ------
    DataError
        If the folder holds parts of other weights, cells or parameters.
    """
    about = {"sources": ready.genes, "genes": ready.genes, "tokens": ready.tokens}
    about |= {"squares": False, "seed": ready.seed, "show_progress": show_progress}
    if parts is None:
        sums = extract(ready.adapter, ready.cells, **about)
    else:
        size = -(-len(ready.tokens) // shards)
        sums = extract_sharded(ready.adapter, ready.cells, parts, shard_cells=size, **about)
    return Reading(ready.name, ready.data, ready.adata, ready.references, sums, ready.tokens)


def cost(ready: Ready, directions: int = 3) -> dict[str, float]:
    """Return what an audit takes, from reading a few cells.

    Returns
    -------
    dict
        ``seconds`` of attention, twice (trained and random weights), and about a minute for nulls,
        rivals and controls; ``gigabytes`` at the most; ``gigabytes_of_scores`` of them for scores
        of all heads; ``layers``, ``heads``, ``cells``, ``tokens`` of the longest cell.
    """
    adapter, n = ready.adapter, len(ready.genes)
    about = {"sources": ready.genes, "genes": ready.genes, "squares": False}
    about |= {"show_progress": False, "seed": ready.seed}
    cells, seconds = ready.cells[ready.tokens.cells[:FEW]].copy(), []
    for _ in range(2):  # the first loads and compiles
        begun = time.perf_counter()
        extract(adapter, cells, **about)
        seconds.append(time.perf_counter() - begun)
    size = sum(p.numel() * p.element_size() for p in adapter.module.parameters()) / 1e9
    scores = 8 * adapter.n_layers * adapter.n_heads * n**2 / 1e9
    longest = max(len(ids) for ids in ready.tokens.ids)
    batch = choose(adapter, ready.tokens).batch_size
    active = batch * longest * (14 * adapter.width + 64 * adapter.n_heads) * 4 / 1e9
    return {
        "seconds": 60 + 2 * len(ready.tokens) * seconds[1] / cells.n_obs,
        "gigabytes": BASE_GIGABYTES + 2 * size + (4 + 2 * directions) * scores + active,
        "gigabytes_of_scores": 2 * directions * scores,
        "layers": adapter.n_layers,
        "heads": adapter.n_heads,
        "cells": len(ready.tokens),
        "tokens": longest,
    }


def cost_in_words(found: dict[str, float]) -> str:
    """Return the cost in a sentence.

    Examples
    --------
    >>> cost_in_words({"seconds": 90, "gigabytes": 1.5, "gigabytes_of_scores": 0.1, "layers": 4,
    ...     "heads": 4, "cells": 300, "tokens": 500})
    'About 1.5 minutes on this machine and 1.5 GB of memory: 300 cells of at most 500 tokens, \
4 layers x 4 heads, whose scores take 0.10 GB.'
    """
    return (
        f"About {found['seconds'] / 60:.1f} minutes on this machine and {found['gigabytes']:.1f} "
        f"GB of memory: {found['cells']} cells of at most {found['tokens']} tokens, "
        f"{found['layers']} layers x {found['heads']} heads, whose scores take "
        f"{found['gigabytes_of_scores']:.2f} GB."
    )


def number_of(tokens: Tokens, shards: int) -> int:
    """Return a number of parts that there can be; refuse one that there cannot.

    Raises
    ------
    ParameterError
        If it is less than one or more than there are cells.
    """
    if not isinstance(shards, int | np.integer) or not 1 <= shards <= len(tokens):
        raise ParameterError(f"shards is {shards}; 1 to {len(tokens)}, the number of cells")
    return int(shards)
