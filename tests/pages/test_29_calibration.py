"""Page 29: its functions, on worlds whose answer is planted."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bookkit.page_functions import definitions
from helpers.datasets.simulate import world
from helpers.datasets.simulate.labels import label_world
from helpers.errors import DataError
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


def square(n=12, m=20):
    """Return scores without signal, labels, and the rows and columns of n x m pairs."""
    row, column = np.divmod(np.arange(n * m), m)
    rng = np.random.default_rng(0)
    return rng.random(n * m), rng.random(n * m) < 0.3, row, column


def test_where_nothing_moves_nothing_is_tested(page):
    score, label, row, column = square()
    about = np.zeros_like(label), row, column
    found = page["map_tests"](page["predictions"](score, *about), *about)
    sets = page["held_out_sets"](score, *about, [0.2])
    found["29.4"] = page["set_test"](sets[0.2], *about, 0.2)
    found["29.3"] = page["from_genes"](np.column_stack([score, score]), *about)
    for number, one in found.items():
        assert isinstance(one, NotEstimable), number
    assert "no positives" in found["29.3"].reason
    alone = page["from_genes"](score[:, None], np.arange(240) == 3, row, column)
    assert "block to learn from" in alone.reason, "the one that moves is in the tested block"


def test_scores_of_a_screen_in_which_nothing_moves(page):
    genes = [f"g{k:02d}" for k in range(20)]
    moves = pd.DataFrame(np.zeros((12, 20), dtype=bool), genes[:12], genes)
    axes = {"source": genes, "target": genes}
    score = xr.DataArray(np.random.default_rng(0).random((20, 20)), axes, ("source", "target"))
    pairs, table = page["pairs_of"]("own", moves, {"one": score})
    about = table["one"].to_numpy(), np.ones((pairs.n_pairs, 2)), np.random.default_rng(0)
    found, *_ = page["score_tests"](pairs, *about)
    assert set(found) == {"29.1", "29.2", "29.3", "29.6"}
    assert all(isinstance(one, NotEstimable) for one in found.values())


def test_a_constant_score_gives_the_share_to_every_pair_of_a_block(page):
    _, *about = square()
    made = page["predictions"](np.ones(240), *about)
    for name in ("Platt", "isotonic", "beta"):
        np.testing.assert_allclose(made[name], made["constant"], err_msg=name)


@pytest.mark.parametrize(
    ("who", "reason"),
    [(["control"] * 40, "5 cells"), (["g0"] * 40, "control")],
)
def test_screens_without_controls_or_perturbations_are_refused(page, who, reason):
    counts = np.random.default_rng(0).poisson(2.0, (40, 6)).astype(float)
    cells = ad.AnnData(counts, obs=pd.DataFrame({"perturbation": who, "stratum": "all"}))
    with pytest.raises(DataError, match=reason):
        page["effects_of"](cells)


def test_a_screen_without_its_column_is_said_so(page, monkeypatch):
    cells = ad.AnnData(np.ones((4, 2)))
    cells.obs["batch"] = "one"
    monkeypatch.setitem(page, "load", lambda name: cells.copy())
    assert "no column perturbation" in page["open_screen"]("renge").reason
