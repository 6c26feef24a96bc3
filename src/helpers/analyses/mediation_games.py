"""Set functions whose interactions are known, for notebook 22."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from helpers.analyses.mediation_bias import additive_world
from helpers.errors import ParameterError
from helpers.statistics.set_functions import (
    first_in,
    last_in,
    moebius,
    pair_interactions,
    shapley,
    shapley_by_orders,
    sizes,
)

GATES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "XOR": (0, 1, 1, 0), "sum": (0, 0.5, 0.5, 1)}
"""Two components: values of the empty set, the first, the second, both."""


def gate_table() -> pd.DataFrame:
    """Return first-in, last-in and Shapley values of both components of every gate."""
    rows = []
    for name, values in GATES.items():
        v = np.array(values, dtype=float)
        rows.append((name, moebius(v)[3], first_in(v)[0], last_in(v)[0], shapley(v)[0]))
    columns = ["gate", "interaction", "first in", "last in", "Shapley"]
    return pd.DataFrame(rows, columns=columns)


def game(name: str, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return the 2^k values of a game with total effect 1.

    Parameters
    ----------
    name
        ``"additive"``; ``"one pair"`` (40 % of the total in one pairwise term); ``"cancelling"``
        (two pairwise terms of opposite sign); ``"mixed"`` (terms of all orders, fading).
    k
        Number of components, at least 4.
    rng
        Source of the main effects.
    """
    if k < 4:
        raise ParameterError(f"The games need at least 4 components, not {k}.")
    order, masks = sizes(k), np.arange(1 << k)
    mu = np.zeros(1 << k)
    main = rng.dirichlet(np.ones(k))
    mu[1 << np.arange(k)] = main
    if name == "one pair":
        mu[1 << np.arange(k)] *= 0.6
        mu[0b0011] = 0.4
    elif name == "cancelling":
        mu[0b0011], mu[0b1100] = 0.4, -0.4
    elif name == "mixed":
        high = order >= 2
        mu[high] = rng.normal(size=int(high.sum())) / 4.0 ** order[high]
    elif name != "additive":
        raise ParameterError(f"No game {name!r}.")
    values = mu.copy()
    for i in range(k):
        inside = (masks >> i) & 1 == 1
        values[inside] += values[masks[inside] ^ (1 << i)]
    return values


def game_table(k: int, orders: int, seed: int) -> pd.DataFrame:
    """Compare one-at-a-time effects with Shapley values in every game.

    Returns
    -------
    pandas.DataFrame
        Per game: ``residual`` (total minus the sum of first-in effects), ``bias_first`` and
        ``bias_last`` (mean absolute deviation from Shapley), ``rank_agreement`` (Spearman of
        absolute values), ``largest_pair``, and ``worst_z``: the largest deviation of sampled from
        exact Shapley values in standard errors.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for name in ("additive", "one pair", "cancelling", "mixed"):
        v = game(name, k, rng)
        exact, first, last = shapley(v), first_in(v), last_in(v)
        powers = 1 << np.arange(k)
        drawn = shapley_by_orders(lambda s, v=v, w=powers: v[int(s @ w)], k, orders, rng)
        off = np.abs(drawn.value - exact)
        z = (off[off > 1e-12] / np.maximum(drawn.se[off > 1e-12], 1e-12)).max(initial=0.0)
        rows.append(
            {
                "game": name,
                "residual": float(v[-1] - v[0] - first.sum()),
                "bias_first": float(np.abs(first - exact).mean()),
                "bias_last": float(np.abs(last - exact).mean()),
                "rank_agreement": float(spearmanr(np.abs(first), np.abs(exact)).statistic),
                "largest_pair": float(np.abs(pair_interactions(v)).max()),
                "worst_z": float(z),
            }
        )
    return pd.DataFrame(rows).set_index("game")


def additive_rates(effects: list[float], n: int, draws: int, seed: int) -> pd.DataFrame:
    """Rejection rates of the residual rules in exactly additive worlds, by size of the effect."""
    rows = {}
    for i, effect in enumerate(effects):
        rates = additive_world(effect, n, 12, draws, seed + i)
        rows[f"TE = {effect:g}"] = {
            "published": rates["published"],
            "one unit, cells": rates["cells"],
            "one unit, no covariances": rates["bound"],
        }
    return pd.DataFrame.from_dict(rows, orient="index")
