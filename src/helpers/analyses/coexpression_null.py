"""The page's tests on null worlds, without a model: how often anything is significant."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from helpers.analyses.coexpression import confirmatory, scored
from helpers.datasets.simulate import World, world
from helpers.edges import correlation_edges, edge_scores, pool
from helpers.estimates import NotEstimable
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.multiplicity import adjust
from helpers.statistics.qap import naive_p, qap_test

ALPHA = 0.05

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
        called = {method: bool((adjust(claimed, method) <= ALPHA).any()) for method in ("bh", "by")}
        rows.append({"seed": number, **p, **called})
    return pd.DataFrame(rows)


CONTROLS = ("coexp-only", "pair-signal", "prominence-only")


def control_worlds(
    seed: int, n_perm: int = 199, n_boot: int = 500, **overrides: object
) -> tuple[pd.DataFrame, bool]:
    """Run the confirmatory tests on worlds whose attention was made by rule.

    Returns
    -------
    (table, agree)
        One row per world and test that the world decides: p, planted and found answer; and whether
        all of them agree.
    """
    rows = []
    for number, name in enumerate(CONTROLS):
        drawn = world(name, seed, **overrides)
        score = pool(edge_scores(drawn.attention))
        data = scored(name, score, drawn.adata, drawn.reference)
        tests = confirmatory(data, np.random.default_rng([seed, number]), n_perm, n_boot)
        for test, planted in drawn.expect.items():
            if test in tests and not isinstance(tests[test], NotEstimable):
                outcome = tests[test]
                found = "reject" if outcome.p <= ALPHA else "not reject"
                rows.append(
                    {
                        "world": name,
                        "test": test,
                        "estimate": outcome.estimate,
                        "p": outcome.p,
                        "planted": planted,
                        "found": found,
                    }
                )
    table = pd.DataFrame(rows)
    return table, bool((table["planted"] == table["found"]).all())


def prominence_rates(
    n_worlds: int, seed: int = 0, n_perm: int = 99, show_progress: bool = True
) -> dict[str, float]:
    """Return how often three procedures reject where attention is gene prominence alone.

    No pair carries a signal, and prominence has nothing to do with expression. "Pairs as units" is
    the published procedure: the p that the number of pairs gives to the correlation with raw-count
    co-expression. The others permute gene labels, without and with gene-level terms held constant.
    """
    rejected: dict[str, list[bool]] = {}
    for number in tqdm(range(seed, seed + n_worlds), desc="worlds", disable=not show_progress):
        drawn = world("prominence-only", number, n_genes=100, n_tfs=15, n_cells=500)
        score = pool(edge_scores(drawn.attention))
        data = scored("prominence-only", score, drawn.adata, drawn.reference)
        a, r = data.attention.values, data.coexpression["lognorm"].values
        rng = np.random.default_rng([seed, number])
        raw = qap_test(a, data.coexpression["raw"].values, rng, n_perm=1)
        p = {
            "pairs as units": naive_p(raw.estimate, raw.detail["n_pairs"]),
            "gene labels permuted (10.1)": qap_test(a, r, rng, n_perm=n_perm).p,
            "beyond gene-level terms (10.2)": matrix_regression(a, r, data.terms, rng, n_perm).p,
        }
        for name, value in p.items():
            rejected.setdefault(name, []).append(value <= ALPHA)
    return {name: float(np.mean(calls)) for name, calls in rejected.items()}


def expected_range(n_worlds: int, level: float = 0.99) -> tuple[float, float]:
    """Return the shares of rejections that a true rate of 0.05 gives with probability `level`."""
    tail = (1 - level) / 2
    low, high = stats.binom.ppf([tail, 1 - tail], n_worlds, ALPHA)
    return float(low / n_worlds), float(high / n_worlds)
