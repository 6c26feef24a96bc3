"""Arms of a model besides attention: scores for the card, and the best of all that was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges.arms import ARMS, UNDIRECTED, check_arms, every_score, read_arms
from helpers.edges.attention import DIRECTIONS, orient, pool
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation import evaluation_set
from helpers.evaluation.arms import ALL, arm_tests
from helpers.reading import CONTROL, draw_cells
from helpers.reading_arms import read_every_arm
from helpers.scorecard.heads import relabelled
from helpers.scorecard.model_reading import Ready

N_HIDDEN = 8
"""Genes hidden per cell for gradients."""


def beside_attention(arms: Sequence[str]) -> tuple[str, ...]:
    """Return the arms besides attention, which an audit always reads; refuse unknown ones."""
    return tuple(arm for arm in check_arms(arms) if arm != "attention")


def read_others(ready: Ready, arms: Sequence[str], min_count: int) -> dict[str, xr.DataArray]:
    """Return arm -> scores of a model made ready; see `helpers.edges.arms.read_arms`."""
    if not arms:
        return {}
    about = {"min_count": min_count, "n_hidden": N_HIDDEN, "seed": ready.seed}
    return read_arms(ready.adapter, ready.cells, ready.tokens, ready.genes, arms, **about)


def pooled_arms(
    arms: Mapping[str, xr.DataArray], direction: Sequence[str]
) -> dict[str, xr.DataArray]:
    """Return "arm, direction" -> its mean over layers; an arm without direction appears once."""
    found = {}
    for arm, scores in arms.items():
        one = pool(scores, over=("layer",))
        if arm in UNDIRECTED:
            found[arm] = one
        else:
            found |= {f"{arm}, {way}": orient(one, DIRECTIONS[way]) for way in direction}
    return found


def flat_heads(attention: xr.DataArray) -> xr.DataArray:
    """Return attention of every direction, layer and head, one after the other."""
    parts, labels = [], []
    for way in attention["direction"].values:
        for layer in attention["layer"].values:
            for head in attention["head"].values:
                at = {"direction": way, "layer": layer, "head": head}
                parts.append(attention.sel(**at, drop=True).drop_vars("count", errors="ignore"))
                labels.append(f"attention, {way}, layer {layer}, head {head}")
    found = xr.concat(parts, xr.Variable("score", labels))
    return found.assign_coords(arm=("score", ["attention"] * len(labels)))


def best_arms(
    every: xr.DataArray,
    networks: Mapping[str, pd.DataFrame],
    permutations: int,
    seed: int,
    relabel: bool = False,
) -> dict[str, dict[str, dict]]:
    """Return reference -> arm -> its best score; p corrected for all scores and references.

    The null of every arm is the maximum over all arms, layers, heads and directions.
    """
    found: dict[str, dict[str, dict]] = {}
    for k, (name, network) in enumerate(networks.items()):
        rng = np.random.default_rng([seed, k, 13])
        try:
            pairs = evaluation_set(network, every["target"].values.tolist(), name=name)
        except DataError as error:
            found[name] = {ALL: {"not_estimable": str(error)}}
            continue
        pairs = relabelled(pairs, rng) if relabel else pairs
        about = every["score"].values.tolist(), every["arm"].values.tolist(), rng, permutations
        tested = arm_tests(pairs, pairs.scores_from(every), *about)
        if isinstance(tested, NotEstimable):
            found[name] = {ALL: {"not_estimable": tested.reason}}
            continue
        maxima = tested[ALL].draws
        found[name] = {}
        for arm, one in tested.items():
            p = (1 + int((maxima >= one.estimate - 1e-12).sum())) / (1 + maxima.size)
            chosen = {"best": one.detail["best"], "auroc": one.detail["auroc"], "p": p}
            chosen |= {"n": int(one.detail["n_scores"]), "corrected_p": min(1.0, p * len(networks))}
            found[name][arm] = chosen
    return found


def arm_controls(arms: Sequence[str], direction: Sequence[str], permutations: int, seed: int):
    """Return the best of all arms where the answer is known; see `heads.controls`."""
    cells = draw_cells(CONTROL, 300, 0)
    (one,) = read_every_arm("scgpt", cells, 240, [], ("attention", *arms))
    every, networks = every_score(one.arms, direction), one.references
    found = best_arms(every, networks, permutations, seed)["network"][ALL]
    turned = best_arms(every, networks, permutations, seed, relabel=True)["network"][ALL]
    return {"positive": found, "null": turned}


def not_read(arms: Sequence[str]) -> str:
    """Return what of a model was not looked at."""
    left = [arm for arm in ARMS if arm != "attention" and arm not in arms]
    return f"Probes, and these arms: {', '.join(left)}." if left else "Probes."
