"""The tests of pages 10, 11 and 12 on worlds in which nothing is true: how often any is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import joblib
import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from tqdm import tqdm

from helpers.analyses import null_models
from helpers.datasets.simulate import World, t2_draw, world
from helpers.edges import correlation_edges, edge_scores, pool
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation import (
    candidate_pairs,
    compare_scores,
    gene_effects,
    gene_terms,
    signal_test,
)
from helpers.evaluation.crossed_model import crossed_model
from helpers.evaluation.strata import label_nulls
from helpers.evaluation.stratified import stratified
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.multiplicity import adjust
from helpers.statistics.qap import qap_test
from helpers.statistics.results import Outcome

ALPHA = 0.05

TESTS = (
    *(f"10.{i}" for i in (1, 2, 3, 4, 7, 8, 9)),
    *(f"11.{i}" for i in range(1, 16)),
    *(f"12.{i}" for i in range(1, 11)),
)
"""Confirmatory tests of the three pages whose rejection claims that something is there."""

LEFT_OUT = {"10.5": "an equivalence test: where nothing is there, rejecting is right"}
"""Confirmatory tests of the three pages that a null world cannot call falsely, and why."""

SMALL = {
    "attention_law": "direct",
    "strata": True,
    "gamma": 0.5,
    "n_states": 3,
    "n_genes": 120,
    "n_tfs": 20,
    "n_cells": 600,
    "density": 0.08,
    "master_share": 0.0,
    "feedback": 1.0,
    "reference_share": 1.0,
    "library_sd": 0.0,
    "log_mean": -0.5,
}
"""Changes to the world `no-signal`: small, in strata, cells of one depth.

Attention is a product of gene-level values plus noise, both unrelated to expression and edges. Any
gene may be a target, TFs included, because targets permuted within TF (12.1) are exchangeable only
where none is preferred. Depth must not vary: where it does, rank correlations of independent
genes follow their detection rates in every set of cells, and 10.1 rejects rightly.
"""


@dataclass(frozen=True)
class Sizes:
    """How much work one null world takes.

    Parameters
    ----------
    resamples
        Permutations, sign flips, rewired networks and bootstrap draws; the default lets a single
        test be called by BY over all of `TESTS`.
    label_draws
        Draws of each label null (11.10-12), on a draw of 3 states with 40 cells each.
    draws
        Draws per configuration of design T2.
    """

    resamples: int = 2399
    label_draws: int = 199
    draws: int = 6


def null_world(seed: int, **overrides: object) -> World:
    """Draw a world in which no network acts and attention knows neither cells nor edges."""
    return world("no-signal", seed, **(SMALL | overrides))


def tests_10(drawn: World, rng: np.random.Generator, sizes: Sizes) -> dict:
    """Make the tests of page 10 on the pooled attention of a world."""
    score = pool(edge_scores(drawn.attention[["sum", "count"]].sum("stratum")))
    shared = correlation_edges(drawn.adata, genes=list(score["source"].values))
    score, shared = xr.align(score, shared, join="inner")
    terms = gene_terms(drawn.adata, score["source"].values, score["count"].values)
    a, r, n = score.values, shared.values, sizes.resamples
    pairs, (scores, both) = candidate_pairs(drawn.reference, score, shared)
    return {
        "10.1": qap_test(a, r, rng, n_perm=n),
        "10.2": matrix_regression(a, r, [*terms, *gene_effects(a, r)], rng, n),
        "10.9": matrix_regression(a, abs(r), [*terms, *gene_effects(a, abs(r))], rng, n),
        "10.3": signal_test(pairs, scores, rng, n, sides="two"),
        "10.4": compare_scores(pairs, abs(both), scores),
        "10.7": crossed_model(pairs, scores, abs(both), {}, rng).outcome,
        "10.8": compare_scores(pairs, both, scores),
    }


def tests_11(drawn: World, seed: int, rng: np.random.Generator, sizes: Sizes) -> dict:
    """Make the tests of page 11: design T2 without effect, and the world's attention in strata."""
    page = _page_11(sizes.resamples)
    scores = page["t2_scores"](sizes.draws, seed * sizes.draws, more=False, effect=0.0)
    draw = t2_draw(3, 40, seed, effect=0.0)
    nulls = label_nulls(draw.expression, draw.state, draw.truth, rng, sizes.label_draws)
    # without effect the edges of the design are none, and any call is false
    called = (scores["false"] > 0) | (scores["power"] > 0)
    kind = drawn.attention["stratum"].values.astype(str)
    cells = drawn.adata.obs["cell_type"].astype(str).value_counts().to_dict()
    half = np.arange(kind.size) % 2 == 0
    case = stratified("null", drawn.attention, drawn.reference, kind, half, cells)
    return (
        page["t2_tests"](scores, rng)
        | dict(zip(("11.10", "11.11", "11.12"), nulls.values(), strict=True))
        | page["layer_tests"](case, rng)
        | {"11.15": page["false_share_test"](called.to_numpy(float))}
    )


@cache
def _page_11(permutations: int) -> dict:
    """Return the functions of page 11."""
    # not at the top: the runner stands above this room, which page 90 leaves for its own page
    from helpers.running.definitions import definitions

    return definitions("11_cssi", permutations=permutations)


def tests_12(drawn: World, rng: np.random.Generator, sizes: Sizes) -> dict:
    """Make the tests of page 12 on the attention of a world."""
    data = null_models.scored("null", drawn.attention, drawn.adata, drawn.reference)
    n = sizes.resamples
    return null_models.battery(data, rng, n_perm=n, n_boot=n, n_rewire=n)


def battery(seed: int, sizes: Sizes | None = None) -> dict[str, Outcome | NotEstimable]:
    """Make every test of `TESTS` on one null world.

    Parameters
    ----------
    seed
        Seed of the world and of the tests.
    sizes
        How much work to do.

    Returns
    -------
    dict
        Test number -> outcome; the functions are those that the pages call.
    """
    sizes = sizes or Sizes()
    drawn, rng = null_world(seed), np.random.default_rng([seed, 1])
    found = tests_10(drawn, rng, sizes) | tests_11(drawn, seed, rng, sizes)
    found |= tests_12(drawn, rng, sizes)
    return {number: found[number] for number in TESTS}


def _p_values(seed: int, sizes: Sizes) -> dict[str, float]:
    found = battery(seed, sizes)
    p = {n: o.p for n, o in found.items() if isinstance(o, Outcome)}
    floors = {f"floor {n}": o.p_floor for n, o in found.items() if isinstance(o, Outcome)}
    return {"seed": seed} | p | floors


def null_battery(
    n_worlds: int,
    seed: int = 0,
    sizes: Sizes | None = None,
    *,
    cores: int | None = None,
    show_progress: bool = True,
) -> pd.DataFrame:
    """Make every test on many null worlds, in parallel processes.

    Parameters
    ----------
    n_worlds
        Number of worlds, seeds `seed` to `seed` + n_worlds - 1.
    seed
        First seed.
    sizes
        How much work each takes.
    cores
        Processes; by default as many as the machine has cores, two at most.
    show_progress
        Show a bar.

    Returns
    -------
    pandas.DataFrame
        One row per world, in the order of the seeds whatever the number of processes: ``seed``, p
        per test (NaN where it was not estimable), and ``floor TEST``, its smallest possible p.
    """
    if n_worlds < 1:
        raise ParameterError(f"{n_worlds} null worlds; at least 1 needed")
    sizes, cores = sizes or Sizes(), cores or min(2, joblib.cpu_count())
    seeds = range(seed, seed + n_worlds)
    work = joblib.Parallel(n_jobs=cores, return_as="generator")(
        joblib.delayed(_p_values)(one, sizes) for one in seeds
    )
    rows = list(tqdm(work, total=n_worlds, desc="null worlds", disable=not show_progress))
    names = ["seed", *TESTS, *(f"floor {number}" for number in TESTS)]
    return pd.DataFrame(rows).reindex(columns=names)


def any_called(table: pd.DataFrame, method: str, alpha: float = ALPHA) -> pd.Series:
    """Return for each world whether anything is significant after ``"bh"`` or ``"by"``."""
    return pd.Series(
        [
            bool((adjust(p[np.isfinite(p)], method) <= alpha).any())
            for p in table[list(TESTS)].to_numpy(float)
        ],
        index=table.index,
    )


def null_share(table: pd.DataFrame, method: str, alpha: float = ALPHA) -> dict[str, float | int]:
    """Return in how many null worlds anything was called, with the exact 95 % interval."""
    called = int(any_called(table, method, alpha).sum())
    low, high = proportion_confint(called, len(table), method="beta")
    return {"worlds": len(table), "called": called, "low": float(low), "high": float(high)}


def binomial_range(n: int, checks: int = 1, rate: float = ALPHA) -> tuple[int, int]:
    """Return the numbers of rejections that a true rate allows.

    The interval holds a single count with probability 0.95; with several `checks`, all of them
    together with at least 0.95 (Bonferroni).
    """
    low, high = stats.binom.interval(1 - ALPHA / checks, n, rate)
    return int(low), int(high)


def rejections(table: pd.DataFrame, alpha: float = ALPHA) -> pd.DataFrame:
    """Return how often each test rejected on its own.

    Returns
    -------
    pandas.DataFrame
        ``test, worlds`` (where it was estimable), ``rejected, share``, ``expected low`` and
        ``expected high`` (`binomial_range` over all tests), ``p_floor``, and ``alone``: the
        strictest correction over all tests by which a single p at its floor is called.
    """
    m = len(TESTS)
    harmonic = (1 / np.arange(1, m + 1)).sum()
    rows = []
    for number in TESTS:
        p = table[number].dropna()
        floor = float(table[f"floor {number}"].max())
        low, high = binomial_range(len(p), m)
        alone = "BY" if floor * m * harmonic <= alpha else "BH" if floor * m <= alpha else "none"
        rejected = int((p <= alpha).sum())
        share = rejected / max(len(p), 1)
        rows.append((number, len(p), rejected, share, low, high, floor, alone))
    columns = ["test", "worlds", "rejected", "share", "expected low", "expected high"]
    return pd.DataFrame(rows, columns=[*columns, "p_floor", "alone"])


def coverage(declared: Mapping[str, tuple[str, ...]]) -> tuple[list[str], dict[str, int]]:
    """Say which declared tests the battery does not make.

    Parameters
    ----------
    declared
        Notebook -> numbers of its declared tests.

    Returns
    -------
    (of_three, of_others)
        Numbers of pages 10 to 12 that are left out, and how many tests each other page declares.
    """
    three = ("10_coexpression", "11_cssi", "12_null_models")
    left = [n for page in three for n in declared.get(page, ()) if n not in TESTS]
    others = {page: len(numbers) for page, numbers in declared.items() if page not in three}
    return left, {page: number for page, number in others.items() if number}
