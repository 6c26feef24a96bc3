"""Recovery of a known network against the number of cells: curves, tests and their controls.

Replicates are simulated worlds. Within a replicate the sets of cells are nested, the network is
one, and the evaluated pairs are those that every size has, unless a column says ``free``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from helpers.datasets.simulate import world
from helpers.edges import edge_scores, pool
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet, evaluation_set
from helpers.statistics.auroc import auroc
from helpers.statistics.curve_fits import Fit, fit, selection_rates
from helpers.statistics.equivalence import tost_mean
from helpers.statistics.permutation import sign_flip_test
from helpers.statistics.results import Outcome

POOL = 1000
"""Cells of each simulated pool."""

SMALL = {
    "n_cells": POOL,
    "n_genes": 100,
    "n_tfs": 20,
    "n_layers": 1,
    "n_heads": 1,
    "reference_share": 1.0,
    "strata": False,
}
"""Worlds small enough for a page; the reference is the whole network."""

SIGNAL = {"iid-cells": {"beta": 0.2}}
"""Worlds whose signal is raised so that a hundred genes show it."""

EXPONENTIAL = Fit(
    "exponential saturation", {"a": 0.089, "b": 0.00554, "c": 0.519}, {}, {}, 0.9, 0.0, 0.0125
)
LOGARITHM = Fit("logarithmic", {"a": 0.022, "c": 0.457}, {}, {}, 0.83, 0.0, 0.0125)
PUBLISHED_SIZES = (25, 50, 100, 150, 200, 300, 500, 750, 1000)


def _attention(name: str, seed: int, cells: int, **changes) -> tuple[EvaluationSet, np.ndarray]:
    made = world(
        name, seed, **(SMALL | SIGNAL.get(name, {}) | changes | {"attention_cells": cells})
    )
    pairs = evaluation_set(made.reference, made.genes, tfs=made.tfs, name=name)
    return pairs, pairs.scores_from(pool(edge_scores(made.attention, min_count=1)))


def f1_at(scores: np.ndarray, label: np.ndarray, k: int) -> tuple[float, int]:
    """Return F1 of the `k` highest scores, ``2 hits / (k + positives)``, and the hits."""
    if not 1 <= k <= label.size:
        raise ParameterError(f"k is {k}; it must lie between 1 and the {label.size} pairs")
    hits = int(label[np.argsort(-scores, kind="stable")[:k]].sum())
    return 2 * hits / (k + int(label.sum())), hits


def simulated_curve(
    name: str, sizes: Sequence[int], replicates: int, seed: int, k: int = 50, **changes
) -> pd.DataFrame:
    """Score attention of nested sets of cells against the true network.

    Parameters
    ----------
    name
        World.
    sizes
        Numbers of cells, at most `POOL`.
    replicates
        Worlds drawn, with seeds ``seed, seed + 1, ...``.
    seed
        First seed.
    k
        Top pairs that count as predicted for F1.
    **changes
        Parameters of the world to change.

    Returns
    -------
    pandas.DataFrame
        ``world, replicate, cells, auroc, f1, hits, positives, pairs`` on the pairs that every size
        has, and ``auroc_free, positives_free`` on all pairs that the size has.

    Raises
    ------
    ParameterError
        If a size exceeds the pool.
    """
    if max(sizes) > POOL:
        raise ParameterError(f"{max(sizes)} cells asked for, the pool holds {POOL}; use fewer")
    rows = []
    for replicate in tqdm(range(replicates), desc=name, leave=False, disable=None):
        found = {n: _attention(name, seed + replicate, n, **changes) for n in sizes}
        seen = np.all([np.isfinite(scores) for _, scores in found.values()], axis=0)
        for n, (pairs, scores) in found.items():
            free = np.isfinite(scores)
            label = pairs.label[seen]
            f1, hits = f1_at(scores[seen], label, k)
            row = (auroc(scores[seen], label).value, f1, hits, int(label.sum()), int(seen.sum()))
            loose = auroc(scores[free], pairs.label[free]).value
            rows.append((name, replicate, n, *row, loose, int(pairs.label[free].sum())))
    columns = ["world", "replicate", "cells", "auroc", "f1", "hits", "positives", "pairs"]
    return pd.DataFrame(rows, columns=[*columns, "auroc_free", "positives_free"])


def by_states(
    name: str, states: Sequence[int], cells: int, replicates: int, seed: int
) -> pd.DataFrame:
    """Score attention at a fixed number of cells that come from 1, 2, ... states.

    Returns
    -------
    pandas.DataFrame
        As `simulated_curve`, with ``states``.
    """
    parts = [
        simulated_curve(name, [cells], replicates, seed, n_states=k).assign(states=k)
        for k in states
    ]
    return pd.concat(parts, ignore_index=True)


def change(
    table: pd.DataFrame, low: int, high: int, seed: int, value: str = "auroc"
) -> Outcome | NotEstimable:
    """Test that `value` is larger at `high` than at `low` cells: sign flips of paired differences.

    One-sided; the unit is the replicate. Swap the sizes to test a decline.
    """
    wide = table.pivot(index="replicate", columns="cells", values=value)
    differences = (wide[high] - wide[low]).to_numpy()
    return sign_flip_test(differences, np.random.default_rng(seed), unit="seed")


def falls(table: pd.DataFrame, low: int, high: int) -> tuple[int, int, float]:
    """Count replicates with lower F1 at `high` cells; exact one-sided binomial, no ties."""
    wide = table.pivot(index="replicate", columns="cells", values="f1")
    gap = (wide[high] - wide[low]).to_numpy()
    n, down = int((gap != 0).sum()), int((gap < 0).sum())
    p = float(stats.binomtest(down, n, 0.5, alternative="greater").pvalue) if n else 1.0
    return down, n, p


def trend(table: pd.DataFrame, margin: float = 0.02) -> Outcome | NotEstimable:
    """Test that the slope of AUROC per doubling of cells lies within ``+/- margin`` (TOST, t)."""
    slopes = [
        np.polyfit(np.log2(part["cells"]), part["auroc"], 1)[0]
        for _, part in table.groupby("replicate")
    ]
    return tost_mean(np.array(slopes), -margin, margin, unit="seed")


def state_correlation(table: pd.DataFrame, draws: int, seed: int) -> Outcome:
    """Correlate AUROC with the number of states; permute states within replicates, two-sided."""
    wide = table.pivot(index="replicate", columns="states", values="auroc")
    rng = np.random.default_rng(seed)
    # Ranks within a replicate: replicates differ in level, which is not the question.
    ranks = wide.rank(axis=1).to_numpy()
    ranks -= ranks.mean(axis=1, keepdims=True)
    axis = np.arange(ranks.shape[1]) - (ranks.shape[1] - 1) / 2
    scale = np.sqrt((ranks**2).sum() * (axis**2).sum() * len(ranks))
    observed = float((ranks @ axis).sum() / scale)
    drawn = np.array([(rng.permuted(ranks, axis=1) @ axis).sum() / scale for _ in range(draws)])
    beyond = int((np.abs(drawn) >= abs(observed) - 1e-12).sum())
    return Outcome(
        estimate=observed,
        p=(1 + beyond) / (1 + draws),
        sides="two",
        test="permutation of the number of states within replicates",
        null="AUROC does not depend on the number of states",
        unit="seed",
        n_units=len(ranks),
        resamples=draws,
        p_floor=1 / (1 + draws),
    )


def largest_step(
    n: np.ndarray, y: np.ndarray, draws: int, seed: int, curve: str = "exponential saturation"
) -> Outcome | NotEstimable:
    """Test the step that departs most from a fitted curve, as the largest of all steps.

    The statistic is the largest absolute difference between an observed and a fitted step. Its
    null redraws the points from the curve with its residual SD and fits again.

    Parameters
    ----------
    n, y
        Points, in increasing order of `n`.
    draws, seed
        Point sets, and seed.
    curve
        Key of `helpers.statistics.curve_fits.CURVES`.
    """
    truth = fit(curve, n, y)
    if isinstance(truth, NotEstimable):
        return truth

    def departure(points: np.ndarray) -> float | None:
        found = fit(curve, n, points)
        if isinstance(found, NotEstimable):
            return None
        return float(np.abs(np.diff(points - found.predict(n))).max())

    rng = np.random.default_rng(seed)
    observed = departure(y)
    mean = truth.predict(n)
    drawn = [departure(mean + truth.sd * rng.normal(size=mean.size)) for _ in range(draws)]
    kept = np.array([value for value in drawn if value is not None])
    return Outcome(
        estimate=observed,
        p=(1 + int((kept >= observed).sum())) / (1 + kept.size),
        sides="two",
        test="parametric bootstrap of the largest step residual",
        null=f"{curve} curve with independent normal noise",
        unit="draw",
        n_units=len(n),
        resamples=kept.size,
        p_floor=1 / (1 + kept.size),
        detail={"not_converged": draws - kept.size},
    )


def repeats_exchange(high: np.ndarray, low: np.ndarray) -> tuple[float, float, float]:
    """Return the difference of means, its exact one-sided permutation p, and the smallest p.

    Parameters
    ----------
    high, low
        Repeats at two sizes; large differences ``high - low`` speak against the null.
    """
    both = np.concatenate([high, low])
    observed = float(np.mean(high) - np.mean(low))
    chosen = [list(c) for c in combinations(range(both.size), len(high))]
    drawn = [both[c].mean() - np.delete(both, c).mean() for c in chosen]
    count = sum(value >= observed - 1e-12 for value in drawn)
    return observed, count / len(chosen), 1 / len(chosen)


def selection_table(noise: Sequence[float], draws: int, seed: int) -> pd.DataFrame:
    """Return how often AICc picks each curve when the printed exponential or logarithm is true.

    Parameters
    ----------
    noise
        Residual standard deviations.
    draws, seed
        Point sets at the nine published sizes per cell, and seed.
    """
    rng = np.random.default_rng(seed)
    n = np.array(PUBLISHED_SIZES, dtype=float)
    rows = [
        {"sd": sd, "truth": truth.name} | selection_rates(n, replace(truth, sd=sd), draws, rng)
        for sd in noise
        for truth in (EXPONENTIAL, LOGARITHM)
    ]
    return pd.DataFrame(rows)


def verdict(rates: pd.DataFrame) -> str:
    """Say for one level of noise whether the points can tell the two curves apart."""
    pick = rates.set_index("truth")["logarithmic"]
    gap = abs(pick["exponential saturation"] - pick["logarithmic"])
    return "cannot be told apart" if gap < 0.1 else "can be told apart"
