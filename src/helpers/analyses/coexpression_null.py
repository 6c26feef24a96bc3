"""The page's tests on null worlds, without a model: how often anything is significant."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.analyses.coexpression import confirmatory, scored
from helpers.datasets.simulate import World, world
from helpers.edges import correlation_edges
from helpers.estimates import NotEstimable
from helpers.statistics.multiplicity import adjust

FINDINGS = ("10.1", "10.2", "10.3", "10.4")
"""Tests whose rejection claims a signal; 10.5 claims its absence."""

SMALL = {"n_genes": 120, "n_tfs": 20, "n_cells": 600, "library_sd": 0.0, "log_mean": -0.5}
"""A world that is drawn in a fraction of a second, with cells of equal depth."""


def fast_battery(
    drawn: World, rng: np.random.Generator, n_perm: int = 199, n_boot: int = 500
) -> dict[str, float]:
    """Run the confirmatory tests with a correlation in place of attention.

    The score is Spearman's correlation of raw counts in one random half of the cells; co-expression
    is computed in the other half, so that the two share a signal only where the world has one.

    Parameters
    ----------
    drawn
        A world with counts and a reference.
    rng, n_perm, n_boot
        As in `helpers.analyses.coexpression.confirmatory`.

    Returns
    -------
    dict
        Test number -> p; tests that are not estimable are left out.
    """
    cells = rng.permutation(drawn.adata.n_obs)
    first, second = np.array_split(cells, 2)
    score = correlation_edges(drawn.adata[first], "spearman", scale="raw")
    data = scored(drawn.spec.name, score, drawn.adata[second], drawn.reference)
    tests = confirmatory(data, rng, n_perm, n_boot)
    return {name: test.p for name, test in tests.items() if not isinstance(test, NotEstimable)}


def null_worlds(
    n_worlds: int, seed: int = 0, n_perm: int = 199, show_progress: bool = True, **overrides: object
) -> pd.DataFrame:
    """Run the battery on null worlds: no network acts, no states, no donors, one depth.

    Parameters
    ----------
    n_worlds
        Number of worlds, seeds `seed` to `seed` + n_worlds - 1.
    seed
        First seed; it also seeds the tests.
    n_perm
        Permutations per test.
    show_progress
        Show a bar.
    overrides
        Parameters of the world to change (`helpers.datasets.simulate.WorldSpec`).

    Returns
    -------
    pandas.DataFrame
        One row per world: `seed`, p per test number, and `bh`, `by`: whether anything among the
        tests that claim a signal is significant at 0.05 after correction.

    Notes
    -----
    Cells have equal depth because differing depth alone makes rank correlations of independent
    genes follow their detection rates, in every half of the cells: 10.1 then rejects rightly.
    """
    rows = []
    for number in tqdm(range(seed, seed + n_worlds), desc="null worlds", disable=not show_progress):
        drawn = world("null", number, attention_law="none", **(SMALL | overrides))
        p = fast_battery(drawn, np.random.default_rng([seed, number]), n_perm)
        claimed = np.array([p[name] for name in FINDINGS if name in p])
        called = {method: bool((adjust(claimed, method) <= 0.05).any()) for method in ("bh", "by")}
        rows.append({"seed": number, **p, **called})
    return pd.DataFrame(rows)
