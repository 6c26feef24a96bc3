"""Page 20: tests that find what is there, and an oracle for each."""

from itertools import product

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.datasets.simulate import WORLDS
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation import candidate_pairs
from bookkit.page_functions import definitions
from helpers.statistics.permutation import sign_flip_test

NAME = "20_scaling"


@pytest.fixture(scope="module")
def page():
    return definitions(NAME)


def table_of(change, worlds=6, noise=0.0, seed=0):
    """Return a table of recovery: AUROC is 0.6 plus `change` of (cells, states), plus noise."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "replicate": r,
            "cells": n,
            "states": k,
            "AUROC": 0.6 + change(n, k) + noise * rng.normal(),
        }
        for r, n, k in product(range(worlds), (250, 500, 1000), (1, 3, 6))
    ]
    return pd.DataFrame(rows)


def test_two_repeats_have_a_floor_of_one_in_six(page):
    found = page["exchange_test"](np.array([3.0, 4.0]), np.array([1.0, 2.0]), paired=False)
    assert (found.estimate, found.n_units) == (2.0, 4)
    assert found.p == found.p_floor == pytest.approx(1 / 6)


def test_paired_exchange_is_the_sign_flip_test(page):
    rng = np.random.default_rng(0)
    high, low = rng.normal(0.5, 1, 7), rng.normal(0, 1, 7)
    found = page["exchange_test"](high, low, paired=True)
    other = sign_flip_test(high - low, rng)
    assert (found.p, found.p_floor) == pytest.approx((other.p, other.p_floor))
    assert found.estimate == pytest.approx(other.estimate) and found.n_units == 7


def test_the_sign_test_as_printed_and_without_a_change(page):
    assert page["sign_test"](9, 9).p == pytest.approx(2**-9)
    assert page["sign_test"](3, 9).p > 0.5
    assert isinstance(page["sign_test"](0, 0), NotEstimable)


def test_states_in_order_give_a_correlation_of_one_and_pages_p(page):
    ordered = table_of(lambda n, k: -0.01 * k).query("cells == 250")
    found = page["states_test"](ordered)
    assert found.estimate == pytest.approx(-1.0)
    assert found.p == pytest.approx(2 / 6**6)  # each of six worlds has 3! orders, one is this
    rejected = []
    for seed in range(60):
        drawn = table_of(lambda n, k: 0.0, noise=1.0, seed=seed).query("cells == 250")
        rejected.append(page["states_test"](drawn).p <= 0.05)
    assert np.mean(rejected) <= 0.117  # 97.5 % point of 60 draws at 0.05


def test_a_flat_curve_passes_the_equivalence_test_and_a_steep_one_does_not(page):
    flat = table_of(lambda n, k: 0.0, noise=0.002).query("states == 1")
    assert page["trend_test"](flat).p < 0.01
    steep = table_of(lambda n, k: 0.05 * np.log2(n), noise=0.002).query("states == 1")
    found = page["trend_test"](steep)
    assert found.p > 0.9 and found.estimate == pytest.approx(0.05, abs=0.005)


def test_recovery_by_hand(page):
    found = page["recovery"]("iid-cells", 0, [25, 750])
    pairs, scores = page["attention_of"]("iid-cells", 0, 750)
    seen = np.isfinite(scores) & np.isfinite(page["attention_of"]("iid-cells", 0, 25)[1])
    label = pairs.label[seen]
    top = np.argsort(-scores[seen], kind="stable")[:50]
    row = found.set_index("cells").loc[750]
    assert row["hits"] == pytest.approx(label[top].sum())
    assert row["F1"] == pytest.approx(2 * label[top].sum() / (50 + label.sum()))
    wins = stats.mannwhitneyu(scores[seen][label], scores[seen][~label]).statistic
    assert row["AUROC"] == pytest.approx(wins / label.sum() / (~label).sum())
    assert found["positives"].nunique() == 1


@pytest.mark.slow
def test_growing_noise_is_found_and_averaging_noise_is_not():
    page = definitions(NAME, seed=0)
    falling = page["several"]("noise-grows", 5, [750, 1000])
    at = {n: part["AUROC"].to_numpy() for n, part in falling.groupby("cells")}
    assert page["exchange_test"](at[750], at[1000], paired=True).p == pytest.approx(1 / 32)
    rising = page["several"]("iid-cells", 4, [25, 750])
    at = {n: part["AUROC"].to_numpy() for n, part in rising.groupby("cells")}
    assert page["exchange_test"](at[750], at[25], paired=True).p == pytest.approx(1 / 16)
    assert page["exchange_test"](at[25], at[750], paired=True).p > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("world", ["state-grn", "state-free"])
def test_worlds_give_what_was_planted(page, world):
    tests = {}
    if "20.6" in WORLDS[world].expect:
        tests["20.6"] = page["states_test"](page["by_states"](world))
    if "20.7" in WORLDS[world].expect:
        tests["20.7"] = page["trend_test"](page["several"](world, 6, [250, 500, 1000]))
    for number, outcome in tests.items():
        promise = WORLDS[world].expect[number]
        assert (outcome.p <= 0.05) == (promise == "reject"), (number, outcome)


def of_cells(types, needed, rng):
    """Return cells of several types with a gene that is a token of all."""
    names = np.repeat([f"type{k}" for k in range(types)], needed)
    obs = pd.DataFrame(
        {"cell_type": rng.permutation(names)}, index=[f"c{k}" for k in range(names.size)]
    )
    return ad.AnnData(rng.poisson(3.0, (names.size, 6)).astype(float), obs=obs)


@pytest.fixture(scope="module")
def small():
    return definitions(NAME, steps=5, sets=3)


def test_runs_are_disjoint_and_alike_in_composition(small):
    cells = of_cells(4, 80, np.random.default_rng(0))
    kinds = small["frequent"](cells, 75)
    made = small["in_parts"](cells, kinds, 75)
    assert made.obs_names.is_unique and made.n_obs == 300
    assert (made.obs.groupby(["run", "cell_type"], observed=True).size() == 25).all()
    assert (made.obs.groupby("part").size() == small["PART"]).all()
    assert (made.obs.groupby("part")["cell_type"].nunique() == 1).all()


def test_too_few_types_are_said_so(small):
    cells = of_cells(3, 10, np.random.default_rng(0))
    assert "two types" in small["frequent"](cells, 75).reason
    cells.obs = cells.obs.drop(columns="cell_type")
    assert isinstance(small["frequent"](cells, 5), NotEstimable)


def test_sizes_are_nested_and_compositions_are_what_their_names_say(small):
    cells = of_cells(4, 75, np.random.default_rng(1))
    made = small["in_parts"](cells, small["frequent"](cells, 75), 75)
    picked = small["subsets"](made.obs, np.random.default_rng(0))
    for (_, arm), rows in picked.groupby(["run", "arm"]):
        parts = [set(p) for p in rows["parts"]]
        if arm == "types":
            assert set(rows["cells"]) == {25} and set(rows["types"]) == {1, 2, 4}
            kinds = rows["parts"].map(lambda p: len({one.rsplit("/", 1)[1] for one in p}))
            assert (kinds == rows["types"]).all()
            continue
        assert all(a < b for a, b in zip(parts, parts[1:], strict=False)), "nested"
        if arm == "fixed":
            for one in rows["parts"]:
                counts = pd.Series([part.rsplit("/", 1)[1] for part in one]).value_counts()
                assert counts.nunique() == 1 and counts.size == 4


def test_attention_is_additive_over_parts(small):
    rng = np.random.default_rng(0)
    per_cell = rng.random((12, 3, 3))
    part = np.repeat(["a", "b", "c"], 4)
    axes = {"source": list("xyz"), "target": list("xyz"), "part": ("stratum", list("abc"))}
    total = np.stack([per_cell[part == p].sum(axis=0) for p in "abc"])
    dims = ("stratum", "source", "target")
    sums = xr.Dataset({"sum": (dims, total), "count": (dims, np.full(total.shape, 4))}, axes)
    found = small["added_up"](sums, ["a", "c"])
    assert np.allclose(found, per_cell[part != "b"].mean(axis=0))
    empty = small["added_up"](sums.assign(count=sums["count"] * 0), ["a"])
    assert np.isnan(empty).all(), "no cell, no score"


def real_table(change, sets=6, noise=0.0, seed=0):
    """Return AUROC and F1 of several sets of cells at seven sizes."""
    rng, sizes = np.random.default_rng(seed), [20, 40, 60, 80, 120, 140, 180]
    rows = [
        {
            "replicate": r,
            "cells": n,
            "AUROC": 0.55 + change(n) + noise * rng.normal(),
            "F1": 0.1 - n / 1e4,
        }
        for r, n in product(range(sets), sizes)
    ]
    return pd.DataFrame(rows)


def test_real_tests_find_a_rise_and_a_step_and_abstain_without(page):
    rng = np.random.default_rng
    rise = page["real_tests"](real_table(lambda n: 0.02 * np.log2(n / 20), noise=0.002), rng(0))
    assert rise["20.1"].p == pytest.approx(1 / 64) and rise["20.2"].p > 0.9
    assert rise["20.5"].p == pytest.approx(1 / 64)
    step = page["real_tests"](real_table(lambda n: 0.05 * (n > 80), noise=0.004), rng(0))
    assert step["20.3"].p < 0.05
    flat = page["real_tests"](real_table(lambda n: 0.0, noise=0.01, seed=3), rng(0))
    assert flat["20.1"].p > 0.05 and flat["20.3"].p > 0.05
    found = page["trend_test"](real_table(lambda n: 0.0, noise=0.01, seed=3))
    assert found.p < 0.05


def sets_of(rng, strength=0.0):
    """Return pairs of a Pareto network, coverage and ranks of sets, and what they are."""
    page = definitions(NAME, sets=5, steps=5)
    page["short"] = {"run": "replicate", "types": "states"}
    (pairs, scored, ranks), table = page["pareto_sets"](rng)
    most = page["at_ends"](table)[1]
    ranks[most] += strength * ranks.shape[1] * pairs.label
    return page, (pairs, scored, np.apply_along_axis(stats.rankdata, 1, ranks)), table


def test_aurocs_are_those_of_mann_whitney_and_a_rise_is_their_mean_difference():
    page, known, table = sets_of(np.random.default_rng(0))
    pairs, scored, ranks = known
    made = page["aurocs"](ranks, np.flatnonzero(pairs.label))
    wins = stats.mannwhitneyu(ranks[2][pairs.label], ranks[2][~pairs.label]).statistic
    assert made[2] == pytest.approx(wins / pairs.n_positive / (~pairs.label).sum())
    few, most = page["at_ends"](table)
    about = page["moves_of"](pairs, scored), pairs.label, ranks
    found = page["rise_test"](*about, (few, most), np.random.default_rng(1), n=99)
    assert found.estimate == pytest.approx((made[most] - made[few]).mean())
    assert found.unit == "gene"


def test_a_rise_of_the_named_pairs_is_found_and_that_of_no_pairs_at_the_level():
    page, known, table = sets_of(np.random.default_rng(2), strength=0.3)
    found = page["null_tests"](known, table, np.random.default_rng(3))
    risen = page["risen_again"](known, table, np.random.default_rng(3))
    assert risen["20.8"].p == pytest.approx(1 / 100)
    assert found["20.1"].p == pytest.approx(1 / 32)
    move = page["moves_of"](known[0])
    moved = page["unrelated"](known[0], move, np.random.default_rng(4))
    assert moved.n_positive == known[0].n_positive
    found = page["risen"]((moved, *known[1:]), table, np.random.default_rng(5))
    assert found["20.8"].p > 0.05
    rejected = []
    for seed in range(40):
        rng = np.random.default_rng([seed, 6])
        page, known, table = sets_of(rng)
        found = page["risen"](known, table, rng, 99)
        rejected.append([found[number].p <= 0.05 for number in ("20.8", "20.9")])
    assert np.mean(rejected, axis=0).max() <= 0.15  # 5 % and three standard errors


def flat(replicates, column="cells", values=(25, 50, 100, 200, 400, 750, 1000)):
    """Return a table of recovery that is the same everywhere; no hit among the top pairs."""
    rows = product(range(replicates), values)
    return pd.DataFrame(rows, columns=["replicate", column]).assign(AUROC=0.6, F1=0.0)


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda page: page["exchange_test"](np.ones(1), np.ones(1), paired=True), "1 runs"),
        (lambda page: page["exchange_test"](np.ones(3), np.ones(1), paired=False), "1 runs"),
        (lambda page: page["states_test"](flat(3, "states", (1, 3, 6))), "0 runs vary"),
        (lambda page: page["states_test"](table_of(lambda n, k: k, 1).query("cells == 250")), "1 runs vary"),
        (lambda page: page["trend_test"](flat(2)), "2 runs"),
        (lambda page: page["trend_test"](flat(3)), "do not vary"),
    ],
)
def test_too_few_runs_or_runs_that_do_not_vary_have_no_test(page, ask, reason):
    found = ask(page)
    assert isinstance(found, NotEstimable)
    assert reason in found.reason


def test_equal_recovery_at_every_size_has_no_curve_and_no_change(page):
    found = page["real_tests"](flat(3), np.random.default_rng(0))
    for number in ("20.3", "20.4", "20.5"):
        assert isinstance(found[number], NotEstimable), number
    assert page["banded"](np.arange(1.0, 9), np.full(8, 0.6), np.random.default_rng(0)).empty


def test_no_hit_is_an_f1_of_zero(page):
    genes = [f"g{k:02d}" for k in range(60)]
    axes = {"source": genes[:4], "target": genes}
    score = xr.DataArray(np.arange(240.0).reshape(4, 60), axes, ("source", "target"))
    edges = pd.DataFrame({"source": genes[:4], "target": genes[4:8]})
    pairs_below = score.where(~score["target"].isin(genes[4:8]), -1.0)
    (row,) = page["recovered"](*candidate_pairs(edges, pairs_below))
    assert (row["hits"], row["F1"]) == (0, 0)


def test_more_cells_than_there_are_is_refused(page):
    with pytest.raises(DataError, match="attention_cells"):
        page["attention_of"]("iid-cells", 0, 2000)
