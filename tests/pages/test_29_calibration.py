"""Page 29: its functions, on worlds whose answer is planted."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bookkit.page_functions import definitions
from helpers.datasets.simulate import world
from helpers.datasets.simulate.labels import label_world
from helpers.estimates import NotEstimable
from helpers.registry.null_worlds import pareto_world, relabelled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page():
    return definitions("29_calibration", repetitions=1, n_permutations=99)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("overconfident", (True, True)),
        ("calibrated", (False, True)),
        ("uninformative", (None, False)),
    ],
)
def test_worlds_give_what_was_planted(page, name, answers):
    rejected = np.zeros(2)
    for seed in range(3):
        made = label_world(name, 30, 40, np.random.default_rng(seed))
        about = made.label, made.row, made.column
        found = page["predictions"](made.p, *about) | {"raw": made.p}
        tests = page["map_tests"](found, *about)
        rejected += [tests[number].p <= 0.05 for number in ("29.1", "29.2")]
    for count, answer in zip(rejected, answers, strict=True):
        if answer is not None:
            assert count == 3 if answer else count <= 1, rejected


def test_too_few_perturbations_are_not_estimable(page):
    made = label_world("calibrated", 6, 40, np.random.default_rng(0))
    about = made.label, made.row, made.column
    found = page["predictions"](made.p, *about)
    assert isinstance(found, NotEstimable)
    assert all(isinstance(one, NotEstimable) for one in page["map_tests"](found, *about).values())
    assert isinstance(page["held_out_sets"](made.p, *about, [0.1]), NotEstimable)


def test_every_pair_gets_a_set_from_other_perturbations(page):
    made = label_world("calibrated", 14, 30, np.random.default_rng(1))
    about = made.label, made.row, made.column
    found = page["held_out_sets"](made.p, *about, [0.05, 0.2])
    assert found[0.05]["perturbation"].all()  # 13 perturbations cannot refuse a label at 95 %
    assert isinstance(page["set_test"](found[0.05], *about, 0.05), NotEstimable)
    hit = page["covered"](found[0.2]["perturbation"], made.label)
    assert hit.mean() > 0.75


def test_groups_that_are_missed_whole_are_covered_by_the_sets_of_perturbations(page):
    found = [
        page["coverage_in"]("perturbation-effects", 10, 0.1, np.random.default_rng(k))
        for k in range(100)
    ]
    table = pd.DataFrame(found)
    assert (table["pair"] < 0.8).mean() >= 0.1
    assert (table["perturbation"] < 0.8).mean() <= 0.05


def test_a_screen_of_a_world_finds_what_was_knocked_down(page):
    made = world("perturbation-effects", 0, n_cells=400, perturbed_cells=80)
    cells = made.adata
    cells.obs["stratum"] = "all"
    change, p = page["effects_of"](cells)
    true = made.effects.pivot(index="perturbation", columns="target", values="log_fold_change")
    true = true.loc[change.index, change.columns]
    moves = page["moves_of"](change, p, 0.05)
    strong = moves.to_numpy() & (true.abs() > 0.2).to_numpy()
    agree = np.sign(true.to_numpy()) == np.sign(change.to_numpy())
    assert strong.sum() > 10
    assert agree[strong].mean() > 0.95
    still = true.abs() < 1e-9
    assert moves.to_numpy()[still.to_numpy()].mean() < 0.02
    noise = np.random.default_rng(0).random(moves.shape)
    score = xr.DataArray(moves + noise, dims=("source", "target"))
    pairs, scores = page["pairs_of"]("world", moves, {"truth": score})
    tested, made_p, about = page["score_tests"](
        pairs, scores["truth"].to_numpy(), np.ones((pairs.n_pairs, 2)), np.random.default_rng(0)
    )
    assert tested["29.1"].p <= 0.05  # the catalogue's promise for this world
    assert tested["29.2"].p <= 0.05
    assert set(made_p) == {"raw", "Platt", "isotonic", "beta", "constant"}
    assert about[0].sum() == pairs.n_positive


def test_the_same_share_moves_nothing(page):
    rng = np.random.default_rng(0)
    score, label = rng.random(500), rng.random(500) < 0.3
    made = page["transferred"]((score, label), (score, label))
    np.testing.assert_allclose(made["transferred"], made["moved"], atol=1e-9)


@pytest.mark.parametrize("kind", ["Pareto", "relabelled"])
def test_brier_gains_hold_the_level_among_hubs_without_signal(page, kind):
    rng, called, draws = np.random.default_rng(3), 0, 25
    small = {"n_tfs": 24, "n_genes": 60, "n_positive": 250}
    fixed = pareto_world(rng, shared=0.8, **small)
    for _ in range(draws):
        one = pareto_world(rng, **small) if kind == "Pareto" else relabelled(fixed, rng)
        about = one.pairs.label, one.pairs.source, one.pairs.target
        made = page["predictions"](one.score("attention"), *about, ("raw", "isotonic", "constant"))
        called += page["map_tests"](made, *about)["29.2"].p <= 0.05
    assert called <= 4, called  # P(more than 4 of 25 at 5 %) = 0.7 %
