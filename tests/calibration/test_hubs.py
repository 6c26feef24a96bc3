"""Level, coverage and power of the tests over (TF, target) pairs, in worlds of hubs.

The fast calibration is repeated by every run whose code is not the recorded one. The full one takes
an hour on two cores: ``pytest -m calibration tests/calibration``.
"""

from __future__ import annotations

from functools import cache, partial

import calibration_kit as kit
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.evaluation.crossed import signal_test
from helpers.evaluation.pair_scores import pair_scores
from helpers.reading import draw_cells, read_attention
from helpers.registry.null_worlds import (
    numbered,
    pareto_world,
    planted,
    relabelled,
    shift_for,
)

DRAWS = 400
FEW_TFS = 20
POWER_DRAWS = 200
SHARED_HUBS = 0.7
TRUE_WITH_SHARED_HUBS = {"12.5", "10.5", "10.7", *kit.DIFFERENCES}
"""Tests whose null holds where network and attention share hubs; the others find the hubs."""


@cache
def simulated_model():
    """Attention of the model trained on the simulated world, with its network."""
    (one,) = read_attention("scgpt", draw_cells("sim", 200, 0), 150, [])
    return pair_scores("scgpt, sim", one.part(), one.adata, one.references["network"], 5)


def check(table: pd.DataFrame, world: str, coverage: float) -> None:
    """Assert that no test rejects more often than its level allows, and intervals cover."""
    one = table[table["world"] == world].set_index("test")
    if "shared" in world:
        one = one[one.index.isin(TRUE_WITH_SHARED_HUBS)]
    tests = one[(one["draws"] >= 30) & ~one.index.str.startswith("all")]
    over = tests[tests["rejected"] > stats.binom.ppf(1 - 0.025 / len(tests), tests["draws"], 0.05)]
    assert over.empty, f"{world}: {over['share'].to_dict()}"
    assert (tests["coverage"].dropna() >= coverage).all(), tests["coverage"].to_dict()
    books = one[one.index.str.startswith("all")]
    assert (books["low"] <= 0.05).all(), books["share"].to_dict()


def measure_fast() -> pd.DataFrame:
    sim = simulated_model()
    worlds = {
        "relabelled, scgpt, sim": partial(relabelled, sim),
        "pareto": partial(pareto_world, n_tfs=40, n_genes=150, n_positive=250),
    }
    return pd.concat(kit.rates_of(name, draw, 60, 99, 99) for name, draw in worlds.items())


def test_fast():
    table = kit.kept("hubs-fast", measure_fast)
    for world in table["world"].unique():
        check(table, world, coverage=0.85)  # 60 draws of an interval that covers 0.95


MODELS, NETWORKS = ("scgpt", "geneformer"), ("trrust", "dorothea")
FULL = {
    **{
        f"relabelled, {model}, {network}{suffix}": (f"{model}, {network}", n_tfs)
        for model in MODELS
        for network in NETWORKS
        for suffix, n_tfs in (("", None), (f", {FEW_TFS} TFs", FEW_TFS))
    },
    "pareto": (None, 0.0),
    "pareto, shared hubs": (None, SHARED_HUBS),
}
"""Name of a world -> real world and number of TFs, or nothing and how far hubs are shared."""


def measure_full(name: str) -> pd.DataFrame:
    source, how = FULL[name]
    if source is None:
        return kit.rates_of(name, lambda rng: pareto_world(rng, how), DRAWS)
    world = kit.real_worlds()[source]
    return kit.rates_of(name, lambda rng: relabelled(world, rng, how), DRAWS)


@pytest.mark.calibration
@pytest.mark.parametrize("world", FULL)
def test_full(world):
    table = kit.kept(
        "hubs-" + world.replace(", ", "-").replace(" ", "-"), partial(measure_full, world)
    )
    check(table, world, coverage=0.93)
    assert (table.loc[table["test"] == "10.5", "share"] <= 0.06).all()


def measure_power() -> pd.DataFrame:
    rows, world = [], kit.real_worlds()["scgpt, trrust"].complete()
    for auroc in (0.55, 0.57, 0.60):
        shift = shift_for(world, auroc, np.random.default_rng(0))
        for n_tfs in (FEW_TFS, world.pairs.n_tfs_with_positive):
            rng, found = np.random.default_rng([n_tfs, 1]), []
            for _ in range(POWER_DRAWS):
                one = relabelled(world, rng, n_tfs)
                one = numbered(planted(one, shift))
                found.append(signal_test(one.pairs, one.score("attention"), rng, 199).p <= 0.05)
            rows.append({"AUROC": auroc, "TFs": n_tfs, "power": np.mean(found)})
    return pd.DataFrame(rows)


@pytest.mark.calibration
def test_power_grows_with_signal_and_tfs():
    table = kit.kept("power", measure_power).pivot(index="AUROC", columns="TFs", values="power")
    assert (table.diff().dropna() >= -0.05).all().all()
    assert (table.iloc[:, 1] >= table.iloc[:, 0]).all()
