"""The best of all layers, heads and directions, and controls whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges.attention import DIRECTIONS, directions, edge_scores
from helpers.errors import DataError
from helpers.evaluation import EvaluationSet, best_of, drop_missing, evaluation_set
from helpers.reading import CONTROL, Reading, draw_cells, read_attention
from helpers.statistics.auroc import auroc_many
from helpers.statistics.multiplicity import adjust
from helpers.statistics.relabel import relabelling

CONTROL_CELLS, CONTROL_GENES, MIN_COUNT = 300, 240, 20


def directed(reading: Reading, min_count: int, wanted: Sequence[str]) -> xr.DataArray:
    """Return attention per direction, layer and head: (direction, layer, head, source, target)."""
    found = directions(edge_scores(reading.part(), min_count=min_count))
    return found.sel(direction=list(wanted))


def best_heads(
    attention: xr.DataArray,
    networks: Mapping[str, pd.DataFrame],
    permutations: int,
    seed: int,
    relabel: bool = False,
) -> dict[str, dict]:
    """Return reference -> AUROC of every head, and the test of the best, Holm over references."""
    found: dict[str, dict] = {}
    for k, (name, network) in enumerate(networks.items()):
        rng = np.random.default_rng([seed, k, 7])
        try:
            pairs = evaluation_set(network, attention["target"].values.tolist(), name=name)
        except DataError as error:
            found[name] = {"not_estimable": str(error)}
            continue
        pairs = relabelled(pairs, rng) if relabel else pairs
        values = pairs.scores_from(attention).reshape(-1, pairs.n_pairs)
        kept, scores = drop_missing(pairs, values)
        best, aurocs = best_of(pairs, values, rng, permutations), auroc_many(scores, kept.label)
        if not best or isinstance(aurocs, type(best)):
            found[name] = {"not_estimable": best.reason}
            continue
        shape = [attention.sizes[dim] for dim in ("direction", "layer", "head")]
        way, layer, head = np.unravel_index(best.best, shape)
        where = f"{attention['direction'].values[way]}, layer {layer}, head {head}"
        about = {"best": where, "auroc": float(aurocs[best.best]), "p": best.best_p}
        about["n"] = int(aurocs.size)
        about["by_head"] = aurocs.reshape(shape).tolist()
        found[name] = about | {"directions": attention["direction"].values.tolist()}
    tested = [name for name, one in found.items() if "p" in one]
    for name, p in zip(
        tested, adjust(np.array([found[n]["p"] for n in tested]), "holm"), strict=True
    ):
        found[name]["corrected_p"] = float(p)
    return found


def relabelled(pairs: EvaluationSet, rng: np.random.Generator) -> EvaluationSet:
    """Return the pairs with the genes of the network permuted."""
    how = relabelling(pairs.label, pairs.source, pairs.target, tfs=pairs.regulators)
    label = np.zeros(pairs.n_pairs, dtype=bool)
    label[next(how.draws(rng, 1))] = True
    return replace(pairs, label=label)


def controls(permutations: int, seed: int) -> dict:
    """Return what the procedure says where the answer is known.

    ``positive``: a model in scGPT's architecture trained until its attention ranked the edges of a
    network; ``null``: the same attention, the genes of the network permuted;
    ``positive_geneformer``, ``null_geneformer``: the same in Geneformer's architecture.
    """
    found = {}
    for one in read_attention("both", draw_cells(CONTROL, CONTROL_CELLS, 0), CONTROL_GENES, []):
        attention, about = directed(one, MIN_COUNT, tuple(DIRECTIONS)), (permutations, seed)
        family = one.model.removeprefix("control").removesuffix("-scgpt").replace("-", "_")
        for kind in ("positive", "null"):
            turned = best_heads(attention, one.references, *about, relabel=kind == "null")
            found[kind + family] = turned["network"]
    return found
