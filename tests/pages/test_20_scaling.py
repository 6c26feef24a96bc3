"""Page 20: tests that find what is there, and an oracle for each."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.datasets.simulate import WORLDS
from helpers.estimates import NotEstimable
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
        {"replicate": r, "cells": n, "states": k, "AUROC": 0.6 + change(n, k) + noise * rng.normal()}
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
