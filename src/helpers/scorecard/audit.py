"""Attention of one model, all layers and heads, against reference networks.

Pooled attention is scored in three directions like any edge list, with the same model under random
weights as a further rival; the best of all heads is tested against the best under permuted labels;
and a model whose attention is known to rank its network says whether the procedure finds what is
there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from helpers.datasets.own_network import networks, title_of
from helpers.edges.arms import every_score
from helpers.edges.attention import DIRECTIONS, pool
from helpers.errors import ParameterError
from helpers.files import sha256_of
from helpers.models.load import resolve
from helpers.reading import CONTROL, SHORT, SIM, draw_cells
from helpers.scorecard.arms import (
    arm_controls,
    beside_attention,
    best_arms,
    flat_heads,
    not_read,
    pooled_arms,
    read_others,
)
from helpers.scorecard.covariates import cells_notes, cells_of
from helpers.scorecard.edge_list import read_edges
from helpers.scorecard.heads import best_heads, controls, directed
from helpers.scorecard.model_reading import cost, cost_in_words, make_ready, number_of, read
from helpers.scorecard.one_reference import reference_score
from helpers.scorecard.results import Scorecard
from helpers.scorecard.score import checked_settings
from helpers.scorecard.universe import universe_of
from helpers.scorecard.verdict import MEANING

RANDOM = "random weights"
MOST_CELLS = 5000
"""Cells for expression."""
KEPT = ("model", "random")
"""Folders of parts, of trained and of random weights."""
NOT_TESTED = (
    "Layers or heads combined in other ways than their mean and the best one.",
    "Other cells, other genes and other references than those named here.",
    "Whether an edge is causal: references hold what was studied.",
)


def audit(
    model: str,
    cells: str,
    references: Sequence[str],
    *,
    direction: Sequence[str] = tuple(DIRECTIONS),
    arms: Sequence[str] = ("attention",),
    n_cells: int = 300,
    n_genes: int = 300,
    min_count: int = 20,
    margin: float = 0.05,
    alpha: float = 0.05,
    permutations: int = 1999,
    rewired: int = 999,
    seed: int = 0,
    shards: int = 1,
    parts: str | Path | None = None,
    tell: Callable[[str], None] = lambda text: None,
    show_progress: bool = False,
) -> Scorecard:
    """Ask of a model's attention what `score_edges` asks of an edge list.

    Parameters
    ----------
    model
        A shipped name such as ``"scgpt-baron"``, ``"scgpt:/path"`` or ``"geneformer:/path"``.
    cells
        A registered set or a file with counts; genes of mouse are read as their human orthologs.
    references
        Registered names and files of edges.
    direction
        Any of ``"forward"`` (the TF is the query), ``"transpose"`` (the target is) and
        ``"symmetric"`` (their mean); answers are corrected over all of them.
    arms
        Any of `helpers.edges.arms.ARMS`; attention is always among them. Each adds its mean over
        layers to the references of the card, and answers are corrected over all of them; draws
        are then as many as the correction needs.
    n_cells, n_genes, min_count
        Most cells and genes, and fewest cells that hold both genes of a pair.
    margin, alpha, permutations, rewired, seed
        As for `helpers.scorecard.score.score_edges`.
    shards, parts
        Number of parts that cells are read in, and the folder that keeps them: an audit that was
        interrupted goes on there, for the trained and for the random weights, and ends with the
        same numbers. Without a folder nothing is kept. The folder is left to the caller.
    tell
        Called with one line per step; the first is what it will take.
    show_progress
        Show bars with the time left while attention is read.

    Returns
    -------
    Scorecard
        One result per reference and direction; ``.audit`` has the heads, the controls and what was
        not tested.

    Raises
    ------
    DataError, ModelError, ParameterError
        If model, cells or references cannot be read, or a setting is out of range.

    Examples
    --------
    A shipped model whose attention was trained to know the edges of its world:

    >>> from helpers import audit
    >>> few = {"n_cells": 60, "n_genes": 60, "permutations": 199, "rewired": 199}
    >>> card = audit("control-scgpt", "control", ["trrust"], direction=["forward"], **few)
    >>> print(card.verdicts["network, forward"])
    Above chance, beyond degree, beyond prominence, beyond co-expression.
    >>> card.audit["heads"]["network"]["best"]
    'forward, layer 1, head 1'
    """
    settings = checked_settings(margin, alpha, n_cells, permutations, rewired, seed)
    settings |= {"organism": "human", "listed_only": False, "n_genes": n_genes}
    settings |= {"min_count": min_count}
    directions_of(direction)
    others = beside_attention(arms)
    if cells not in (SIM, CONTROL):
        networks(references, named=title_of)  # before anything that takes long
    if parts is None and shards != 1:
        raise ParameterError(
            f"shards is {shards}; name a folder for the parts: parts='audit.parts'"
        )
    begun = time.perf_counter()
    tell("1 of 5: reading cells and model")
    adata = draw_cells(cells, n_cells, seed)
    ready = make_ready(model, adata, n_genes, references, seed)
    shards = number_of(ready.tokens, shards)
    tell(cost_in_words(cost(ready, len(direction))))
    # A model may have learned co-expression from more cells than its attention is read on.
    expressed, total = adata, adata.n_obs
    if cells not in (SIM, CONTROL):
        expressed, total = cells_of(SHORT.get(cells, cells), MOST_CELLS, seed)
    tell(f"2 of 5: attention of {model} in {adata.n_obs} cells")
    folders = [None if parts is None else Path(parts) / name for name in KEPT]
    one = read(ready, folders[0], shards, show_progress)
    attention = directed(one, min_count, direction)
    found = read_others(ready, others, min_count)
    tell("3 of 5: the same with random weights")
    untrained = ready.with_random_weights()
    blank = read(untrained, folders[1], shards, show_progress)
    noise = directed(blank, min_count, direction)
    both = [
        {way: pool(a.sel(direction=way)) for way in direction} | pooled_arms(more, direction)
        for a, more in ((attention, found), (noise, read_others(untrained, others, min_count)))
    ]
    if others:  # a p has a floor, which the correction must not lift above the level
        tests = len(both[0]) * len(one.references) * len(MEANING)
        for name in ("permutations", "rewired"):
            settings[name] = max(settings[name], int(2.5 * tests / alpha))
    tell("4 of 5: references, nulls and rivals")
    scored = []
    for k, (name, network) in enumerate(one.references.items()):
        for j, way in enumerate(both[0]):
            score, rival = (
                read_edges(scores[way].to_pandas(), f"{model}, {way}", signed=way in found)
                for scores in both
            )
            universe = universe_of(score, network, name)
            rng = np.random.default_rng([seed, k, j])
            label = f"{name}, {way}"
            rivals = {RANDOM: rival}
            scored.append(
                reference_score(label, network, universe, expressed, settings, rng, rivals)
            )
    heads = best_heads(attention, one.references, permutations, seed)
    tell("5 of 5: controls")
    about = {
        "model": provenance(model),
        "heads": heads,
        "heads_of_random_weights": best_heads(noise, one.references, permutations, seed),
        "controls": controls(permutations, seed),
        "not_tested": [not_read(others), *NOT_TESTED],
        "layers": int(attention.sizes["layer"]),
        "heads_per_layer": int(attention.sizes["head"]),
        "seconds": round(time.perf_counter() - begun, 1),
    }
    if others:
        every = xr.concat([flat_heads(attention), every_score(found, direction)], "score")
        about["arms"] = best_arms(every, one.references, permutations, seed)
        about["controls_of_arms"] = arm_controls(others, direction, permutations, seed)
    edges = score.report | {"direction": ", ".join(direction), "kind": "attention"}
    edges["notes"] = cells_notes(adata)
    cells_read = {"cells": expressed.n_obs, "of": total, "genes": expressed.n_vars}
    cells_read |= {"name": Path(cells).name, "with_attention": adata.n_obs}
    return Scorecard(model.split("/")[-1], edges, cells_read, settings, tuple(scored), about)


def directions_of(names: Sequence[str]) -> None:
    """Refuse directions that there are not."""
    if not names or set(names) - set(DIRECTIONS) or len(set(names)) < len(names):
        raise ParameterError(f"direction is {list(names)}; choose among {', '.join(DIRECTIONS)}")


def provenance(model: str) -> dict:
    """Return the family, folder name and largest file's SHA-256 of a checkpoint."""
    family, folder = resolve(model)
    weights = max((p for p in folder.iterdir() if p.is_file()), key=lambda p: p.stat().st_size)
    return {
        "family": family,
        "name": folder.name,
        "weights": weights.name,
        "sha256": sha256_of(weights),
    }
