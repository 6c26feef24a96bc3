"""Page 23: its functions, on values whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from bookkit.page_functions import definitions
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.statistics import detectability as theory

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page():
    return definitions("23_detectability", min_count=10)


def test_the_equation_is_the_packages(page):
    assert page["equation_3"](0.3, 2.0, 50, 0.05, tau=1.5) == pytest.approx(
        theory.cells_needed(0.3, 2.0, 50, inflation=1.5)
    )


def test_normal_noise_follows_the_exact_law_and_the_slope_is_not_called(page):
    called = 0
    for seed in range(3):
        draw = np.random.default_rng(seed).standard_normal
        grid = page["grid_of"](draw, 1.0, 0.05, 400)
        assert (grid["simulated"] - grid["exact t"]).abs().max() < 0.13
        called += page["slope_test"](grid).p <= 0.05
    assert called <= 1


def test_tails_that_are_left_out_are_missed(page):
    laws = page["noise_laws"](np.random.default_rng(0))
    draw, tau = laws["contaminated"]
    grid = page["grid_of"](draw, tau, 0.05, 400)
    assert page["mean_test"](grid["simulated"] - grid["core"]).high < -0.1


def test_the_squared_ratio_is_unbiased_and_gene_effects_are_taken_off(page):
    rng = np.random.default_rng(1)
    tfs, genes = ["a", "b"], ["a", "b", "c", "d"]
    prominence = rng.normal(size=(1, 4, 1)) + rng.normal(size=(1, 1, 4))
    values = 5 * prominence + rng.normal(size=(4000, 4, 4))
    table = page["pairs_table"](values, rng.normal(size=values.shape), tfs, genes)
    assert len(table) == 6
    assert table["attention"].abs().max() < 0.01
    values[:, 0, 3] += 1.0
    table = page["pairs_table"](values, rng.normal(size=values.shape), tfs, genes)
    best = table.loc[table["attention"].idxmax()]
    assert (best["source"], best["target"]) == ("a", "d")


def test_pairs_that_few_cells_hold_are_left_out(page):
    values = np.full((40, 3, 3), np.nan)
    values[:5] = np.random.default_rng(2).normal(size=(5, 3, 3))
    values[:, 0, 1:] = np.random.default_rng(3).normal(size=(40, 2))
    values[:, 1:, 0] = values[:, 0, 1:]
    table = page["pairs_table"](values, np.ones((40, 3, 3)), ["a"], ["a", "b", "c"])
    assert set(table["target"]) == {"b", "c"}
    row = page["real_rows"]("x", table.assign(attention=[0.04, -0.01]), 0.05)
    assert row["none, attention"] == 0.5
    assert row["cells, attention"] == pytest.approx(theory.cells_needed(0.2, 1, 2))


def test_nothing_is_seen_among_edges_without_effect(page):
    rng = np.random.default_rng(4)
    nothing = page["many_edges"](0.0, 2.0, rng, m=300)
    assert nothing["any true edge named"] == 0
    assert nothing["higher criticism"] <= 0.1
    assert page["many_edges"](0.1, 2.5, rng, m=300)["higher criticism"] > 0.8


def signs(page, strength, seed, cells=60):
    rng = np.random.default_rng(seed)
    pair = rng.normal(size=(8, 10))
    made = [k * pair + rng.normal(size=(cells, 8, 10)) for k in strength]
    made[0][rng.random((cells, 8)) < 0.3] = np.nan  # cells without the TF
    return page["stands_out_further"](*made)


def test_what_stands_out_further_is_found_and_equal_pairs_are_even(page):
    for strength, expected in (((1.0, 0.1), 1), ((0.1, 1.0), -1)):
        further, tf, target = signs(page, strength, 1)
        assert expected * further.mean() > 0.7 and tf.max() == 7 and target.max() == 9
    called = 0
    for seed in range(40):
        found = page["crossed_mean_test"](*signs(page, (0.3, 0.3), seed), sides="one")
        called += found.p <= 0.05
    assert called <= 6, called  # P(more than 6 of 40 at 5 %) = 0.3 %


def test_cells_with_one_tf_say_nothing(page):
    values = np.full((30, 3, 4), np.nan)
    values[:, 0] = np.random.default_rng(0).normal(size=(30, 4))
    assert page["stands_out_further"](values, values)[0].size == 0


def test_power_that_does_not_vary_has_no_test(page):
    same = pd.Series(np.full(5, 0.1))
    for one in (same, same[:1]):
        assert isinstance(page["mean_test"](one), NotEstimable)
    for predicted in (same, pd.Series(np.arange(5) / 8)):
        grid = pd.DataFrame({"predicted": predicted, "simulated": predicted})
        assert isinstance(page["slope_test"](grid), NotEstimable)


def test_pairs_that_no_cells_hold_are_said_so(page):
    values = np.random.default_rng(0).normal(size=(8, 3, 3))
    with pytest.raises(DataError, match="10 cells"):
        page["real_rows"]("x", page["pairs_table"](values, values, ["a"], ["a", "b", "c"]), 0.05)
