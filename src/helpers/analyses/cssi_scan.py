"""CSSI: how the number of strata acts, the growth of a maximum, and the ceiling of design T4."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.analyses.cssi import correlations, cssi_f1, f1_of_calls, pooled_f1
from helpers.datasets.simulate import T2_CONFIGURATIONS, t2_draw, t4_draw
from helpers.edges import calibrated, kmeans

CEILING = 2 / 3
"""F1 with 40 calls and 20 true edges: 2 * 20 / (40 + 20)."""


def k_scan(n_draws: int, ks: range, states: int = 6, cells: int = 100) -> pd.DataFrame:
    """Score the same cells with K strata, K-means and random, for each K.

    Returns
    -------
    DataFrame
        ``seed, k, strata, hits, gain, pooled_hits``; hits = true edges among as many calls; the
        rows ``strata = "best K, other half"`` have K chosen on one half of the cells and hits
        counted on the other.
    """
    rows = []
    for seed in range(n_draws):
        draw = t2_draw(states, cells, seed)
        x, truth, rng = draw.expression, draw.truth, np.random.default_rng(seed)
        n_true = int(truth.sum())
        half = np.isin(np.arange(len(x)), rng.permutation(len(x))[: len(x) // 2])
        base = pooled_f1(x, truth) * n_true
        on_half = {}
        for k in ks:
            for name, labels in (
                ("K-means", kmeans(x, k, seed=seed)),
                ("random", rng.integers(0, k, len(x))),
            ):
                hits = cssi_f1(x, labels, truth) * n_true
                rows.append((seed, k, name, hits, hits - base, base))
            on_half[k] = cssi_f1(x[half], kmeans(x[half], k, seed=seed), truth)
        best = max(on_half, key=on_half.get)
        other = x[~half]
        hits = cssi_f1(other, kmeans(other, best, seed=seed), truth) * n_true
        base_half = pooled_f1(other, truth) * n_true
        rows.append((seed, best, "best K, other half", hits, hits - base_half, base_half))
    columns = ["seed", "k", "strata", "hits", "gain", "pooled_hits"]
    return pd.DataFrame(rows, columns=columns).round(9)


def maximum_growth(n_draws: int, ks: tuple[int, ...] = (2, 5, 10, 20)) -> pd.DataFrame:
    """Return the mean of max |rho| over K random strata where nothing is regulated (N = 600).

    ``below`` is the share of Sidak p values under 0.05, which does not grow with K.
    """
    rows = []
    for k in ks:
        top, single, below = [], [], []
        for seed in range(n_draws):
            x = t2_draw(6, 100, seed, effect=0.0).expression
            labels = np.random.default_rng([seed, k]).permutation(np.arange(len(x)) % k)
            strata = correlations(x, labels)
            top.append(float(abs(strata).max("stratum").mean()))
            single.append(float(abs(correlations(x)[0]).mean()))
            p = calibrated(strata, strata["size"].values).p.values
            below.append(float((p < 0.05).mean()))
        rows.append((k, np.mean(single), np.mean(top), np.mean(below)))
    return pd.DataFrame(rows, columns=["k", "pooled", "max_abs_rho", "below"])


def t4_scores(n_draws: int) -> pd.DataFrame:
    """Score design T4: aggregator chosen on one half of the cells, F1 on the other.

    Returns
    -------
    DataFrame
        ``states, seed, pooled, cssi, chosen``; 40 calls for 20 true edges. Cells per state are
        those of design T2.
    """
    rows = []
    for place in T2_CONFIGURATIONS:
        states = place.n_states
        for seed in range(n_draws):
            draw = t4_draw(states, place.cells_per_state, seed)
            first, second = (_by_state(draw, part) for part in (draw.half, ~draw.half))
            f1 = {name: _f1(first, name, draw) for name in ("max", "mean")}
            chosen = max(f1, key=f1.get)
            rows.append(
                (
                    states,
                    seed,
                    _f1(second, "mean", draw),
                    _f1(second, chosen, draw),
                    chosen,
                )
            )
    return pd.DataFrame(rows, columns=["states", "seed", "pooled", "cssi", "chosen"])


def _by_state(draw, cells: np.ndarray) -> np.ndarray:
    """Return mean scores (states, source, target); states are equally large in a half."""
    return np.stack(
        [draw.scores[cells & (draw.state == k)].mean(axis=0) for k in np.unique(draw.state)]
    )


def _f1(strata: np.ndarray, method: str, draw) -> float:
    scores = strata.max(axis=0) if method == "max" else strata.mean(axis=0)
    scores = np.where(np.eye(len(scores), dtype=bool), -np.inf, scores)
    return f1_of_calls(scores, draw.truth, draw.n_calls)


def table4(draws: pd.DataFrame) -> pd.DataFrame:
    """Return means and SDs per number of states, the gap, and the distance from the ceiling."""
    groups = draws.groupby("states")
    table = groups[["pooled", "cssi"]].mean()
    table["pooled_sd"], table["cssi_sd"] = groups["pooled"].std(), groups["cssi"].std()
    table["gap"] = table["cssi"] - table["pooled"]
    table["below_ceiling"] = CEILING - table["cssi"]
    return table
