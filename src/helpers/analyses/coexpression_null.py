"""The page's tests on worlds whose attention was made by a rule, without a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from helpers.analyses.coexpression import confirmatory, scored
from helpers.datasets.simulate import world
from helpers.edges import edge_scores, pool
from helpers.estimates import NotEstimable
from helpers.evaluation.gene_level import gene_effects
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.qap import naive_p, qap_test

ALPHA = 0.05

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
            "beyond gene-level terms (10.2)": matrix_regression(
                a, r, [*data.terms, *gene_effects(a, r)], rng, n_perm
            ).p,
        }
        for name, value in p.items():
            rejected.setdefault(name, []).append(value <= ALPHA)
    return {name: float(np.mean(calls)) for name, calls in rejected.items()}


def expected_range(n_worlds: int, level: float = 0.95) -> tuple[float, float]:
    """Return the shares of rejections that a true rate of 0.05 gives with probability `level`."""
    tail = (1 - level) / 2
    low, high = stats.binom.ppf([tail, 1 - tail], n_worlds, ALPHA)
    return float(low / n_worlds), float(high / n_worlds)
