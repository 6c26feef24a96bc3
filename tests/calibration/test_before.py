"""What the tests that this book used first do where there is nothing to find.

They took the targets of a TF as exchangeable, and TFs as the only unit. Pages 10 and 12 say by how
much that was wrong; the figures are measured here.
"""

from __future__ import annotations

import calibration_kit as kit
import numpy as np
import pandas as pd
import pytest

from helpers.evaluation import drop_missing, leave_one_tf_out
from helpers.registry.null_worlds import numbered, relabelled
from helpers.statistics import permutation_test
from helpers.statistics.clusters import cluster_counts, cluster_tables

DRAWS = 400
RESTS_ON = {
    "helpers.evaluation.nulls",
    "helpers.registry.null_worlds",
    "helpers.statistics.clusters",
    "helpers.statistics.permutation",
}


def first_tests(world, rng) -> dict[str, float]:
    """Return p of labels permuted within TFs, the 90 % interval over TFs, and one TF's share."""
    pairs, a = drop_missing(world.pairs, world.score("attention"))
    about = {"n_perm": 199, "groups": pairs.source}
    found = {
        f"p, {sides} sides": permutation_test(a, pairs.label, rng, **about, sides=sides).p
        for sides in ("one", "two")
    }
    (table,) = cluster_tables(a, pairs.label, pairs.source)
    draws = table.auroc(cluster_counts(table.n_clusters, rng, 499))
    low, high = np.nanquantile(draws, [0.05, 0.95])
    value = float(table.auroc()[0])
    left_out = leave_one_tf_out(pairs, a)
    most = float(np.abs(left_out.influence).max())
    found |= {"low": low, "high": high, "AUROC": value}
    return found | {"one TF": most / (value - 0.5) if value > 0.5 else np.nan}


def measure() -> pd.DataFrame:
    rows = []
    for name, real in kit.real_worlds().items():
        rngs = (np.random.default_rng([seed, 91]) for seed in range(DRAWS))
        found = pd.DataFrame([first_tests(numbered(relabelled(real, rng)), rng) for rng in rngs])
        truth = found["AUROC"].mean()
        rows.append(
            {
                "world": name,
                "draws": DRAWS,
                "10.3": float((found["p, two sides"] <= 0.05).mean()),
                "12.1": float((found["p, one sides"] <= 0.05).mean()),
                "10.5": float(found["low"].le(truth).mul(found["high"].ge(truth)).mean()),
                "12.11": float((found["one TF"].dropna() > 0.5).mean()),
                "above one half": int(found["one TF"].notna().sum()),
            }
        )
    return pd.DataFrame(rows)


@pytest.mark.calibration
def test_the_first_tests_called_nothing_something():
    table = kit.kept("before", measure, RESTS_ON)
    assert len(table) == 4 and (table["draws"] == DRAWS).all()
    assert (table["10.3"] > 0.15).all() and (table["12.1"].max() > 0.15)
    assert table["10.5"].min() < 0.80, "an interval over TFs is too short"
    assert table["12.11"].between(0, 1).all()
