"""Worlds with known mediators, on which the overlap tests of notebook 50 must come out right."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.errors import ParameterError
from helpers.statistics.shared_sets import (
    cross_table,
    mean_same,
    membership,
    specificity,
    triple_null,
)

WORLDS = {
    "no structure": "components act at random",
    "depth only": "effects fade with depth, identities random",
    "one circuit": "all pairs share six mediators, spread over depth",
    "two circuits": "each pair has six mediators of its own",
}


def simulate_scores(world: str, rng: np.random.Generator, layers: int = 11) -> np.ndarray:
    """Draw mean restorations of two pairs in three tissues, two components per layer.

    Parameters
    ----------
    world
        One of `WORLDS`.
    rng
        Source of randomness.
    layers
        Layers with two components each.

    Returns
    -------
    numpy.ndarray
        Shape (2 pairs, 3 tissues, components).
    """
    if world not in WORLDS:
        raise ParameterError(f"No world {world!r}; use one of {sorted(WORLDS)}.")
    depth = np.repeat(np.arange(layers), 2)
    noise = rng.normal(size=(2, 3, depth.size))
    if world == "no structure":
        return noise
    if world == "depth only":
        return noise * np.exp(-depth / 3)
    columns = np.stack([rng.permutation(layers)[:6] * 2 + rng.integers(2, size=6) for _ in "12"])
    if world == "one circuit":
        columns[1] = columns[0]
    else:
        columns[1] = columns[0] ^ 1  # the other component of the same layers
    for pair in range(2):
        noise[pair, :, columns[pair]] += 4
    return noise


def overlap_in_worlds(k: int, draws: int, seed: int) -> pd.DataFrame:
    """Test simulated overlap against both nulls, and measure its specificity.

    Parameters
    ----------
    k
        Size of the top sets.
    draws, seed
        Simulations per world and seed.

    Returns
    -------
    pandas.DataFrame
        Per world: share of p <= 0.05 under random sets and within depth, mean specificity.
    """
    rng = np.random.default_rng(seed)
    bands = np.repeat(np.arange(11), 2)
    rows = []
    for world in WORLDS:
        found = []
        for _ in range(draws):
            sets = membership(simulate_scores(world, rng), k)
            observed = mean_same(sets)
            p = [triple_null(sets, b).upper_tail(observed) for b in (None, bands)]
            found.append((p[0] <= 0.05, p[1] <= 0.05, specificity(cross_table(sets))))
        rows.append((world, *np.mean(found, axis=0)))
    names = ["world", "random sets", "within depth", "specificity"]
    return pd.DataFrame(rows, columns=names).set_index("world")
