"""Page 43: its tests on layers whose answer is planted, on noise, and on too little."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bookkit import definitions, notebooks
from bookkit.declared import load
from helpers.datasets.simulate import world
from helpers.estimates import NotEstimable
from helpers.evaluation import candidate_pairs
from helpers.statistics import Outcome
from helpers.statistics.relabel import relabel_null

NAME = "43_layer_organisation"


@pytest.fixture(scope="module")
def page():
    return definitions(NAME, n_permutations=99, n_rewired=99, n_networks=40)


@pytest.fixture(scope="module")
def noise(page):
    """Eighteen layers of noise that carries over, regulation, interactions."""
    layers, edges, genes = page["noise_layers"]("smooth-noise")
    regulation = page["network_of"](edges, genes)
    pairs = page["random_interactions"](genes, np.random.default_rng(0))
    return layers, regulation, page["network_of"](pairs, genes, False)


def test_planted_order_sign_and_direction_are_found(page, noise):
    layers, regulation, touching = noise
    made = page["planted"](layers, regulation, touching)
    found = page["layer_tests"](made, regulation, touching, np.random.default_rng(1))
    assert all(one.p <= 0.05 for one in found.values())
    assert all(found[k].estimate > 0 for k in ("43.5", "43.6", "43.7"))
    assert found["43.7"].detail["direction"] == "forward"
    other = page["layer_tests"](made, touching, None, np.random.default_rng(1))
    assert set(other) == {"43.4", "43.5", "43.6"}
    assert other["43.5"].p <= 0.05 and other["43.5"].estimate < 0


def test_the_order_turned_round_has_the_other_sign(page, noise):
    layers, regulation, touching = noise
    made = page["planted"](layers, regulation, touching)[::-1]
    found = page["layer_tests"](made, regulation, touching, np.random.default_rng(1))
    assert found["43.7"].p <= 0.05 and found["43.7"].estimate < 0


def test_corrected_tests_hold_their_level_on_relabelled_genes_and_others_do_not(page, noise):
    layers, regulation, _ = noise
    about = np.random.default_rng(2), 0.05
    rates = page["rejections"](layers, regulation, *about)
    most = stats.binom.ppf(0.999, 40, 0.05) / 40
    assert rates["trend"] <= most and rates["best"] <= most
    assert rates["published"] > 0.25  # layers are not independent
    layers, edges, genes = page["noise_layers"]("best-layer-noise")
    rates = page["rejections"](layers, page["network_of"](edges, genes), *about)
    assert rates["trend"] <= most and rates["best"] <= most
    assert rates["one"] > 0.3 and rates["published"] <= most


def test_the_joint_null_of_two_networks_holds_its_level(page, noise):
    layers, regulation, touching = noise
    rng, draws, calls = np.random.default_rng(3), 40, 0
    for _ in range(draws):
        moved = page["exchanged"](regulation, rng)
        found = page["layer_tests"](layers[::3], moved, touching, rng, 99)
        calls += found["43.7"].p <= 0.05
    assert calls <= stats.binom.ppf(0.999, draws, 0.05)


def test_profiles_and_their_null_are_those_of_the_package(page):
    w = world("pair-signal", 0, n_genes=60, n_tfs=15, n_cells=50)
    genes, rng = list(w.genes), np.random.default_rng(4)
    axes = {"source": genes, "target": genes}
    scores = xr.DataArray(rng.normal(size=(60, 60)), axes, ("source", "target"))
    pairs, values = candidate_pairs(w.reference, scores)
    about = pairs.label, pairs.source, pairs.target
    null = relabel_null(values, *about, rng, 1500, pairs.regulators)
    network = page["network_of"](w.reference, genes)
    orders = page["relabellings"](network.rows, rng, 1500)
    levels = page["levels_under"](orders, scores.values[None], network.edge, network.rows)
    assert levels[0, 0] == pytest.approx(null.observed[0])
    assert levels[1:].mean() == pytest.approx(null.draws.mean(), abs=0.006)
    assert levels[1:].std() == pytest.approx(null.draws.std(), rel=0.12)


def test_aurocs_of_tfs_are_those_by_hand_and_their_differences_are_found(page):
    rng, n = np.random.default_rng(5), 80
    genes = [f"g{k}" for k in range(n)]
    rows = [(f"g{k}", f"g{j}") for k in range(20) for j in rng.choice(60, 6, False) + 20]
    network = page["network_of"](pd.DataFrame(rows, columns=["source", "target"]), genes)
    scores = rng.normal(size=(n, n))
    stack = page["within_rows"](scores[None])
    levels, targets, at = page["tf_aurocs"](np.arange(n), stack, network)
    positive = network.edge[at[3]]
    others = ~positive & (np.arange(n) != at[3])
    by_hand = stats.mannwhitneyu(scores[at[3]][positive], scores[at[3]][others]).statistic
    assert levels[0, 3] == pytest.approx(by_hand / positive.sum() / others.sum())
    assert (targets == 6).all()
    assert page["tf_test"](scores, network, rng).p > 0.05
    known = scores + 4 * network.edge * (np.arange(n) < 10)[:, None]
    assert page["tf_test"](known, network, rng).p <= 0.05


def places(strength):
    """Attention of two layers and heads; one head, weighted by values, holds the edges."""
    w = world("pair-signal", 0, n_genes=80, n_tfs=25, n_cells=50)
    genes, rng = list(w.genes), np.random.default_rng(6)
    values = rng.normal(size=(2, 2, 2, 80, 80))
    at = pd.Index(genes)
    source, target = (at.get_indexer(w.reference[c]) for c in ("source", "target"))
    values[1, 1, 0, target, source] += strength
    dims = ("score", "layer", "head", "source", "target")
    axes = {"score": ["softmax", "value_weighted"], "layer": [0, 1], "head": [0, 1]}
    axes |= {"source": genes, "target": genes}
    return xr.DataArray(values, axes, dims), w.reference


def test_the_place_that_holds_edges_is_named(page):
    scores, edges = places(3.0)
    found = page["place_tests"](scores, edges, True, np.random.default_rng(7))
    assert found["43.1"].p <= 0.05
    assert found["43.1"].detail["best"] == "value-weighted, layer 1, head 0, transpose"
    assert found["43.1"].detail["n_scores"] == 24 and found["43.2"].detail["n_scores"] == 12
    assert found["43.2"].p > 0.05 >= found["43.3"].p
    assert page["value_test"](scores, edges).estimate > 0
    both = page["place_tests"](scores, edges, False, np.random.default_rng(7))
    assert both["43.1"].detail["n_scores"] == 8 and both["43.1"].p <= 0.05


def test_nothing_is_called_where_nothing_is(page):
    scores, edges = places(0.0)
    found = page["place_tests"](scores, edges, True, np.random.default_rng(8))
    assert all(one.p > 0.01 for one in found.values())


def test_outcomes_are_those_that_the_page_declares(page, noise):
    layers, regulation, touching = noise
    scores, edges = places(1.0)
    rng = np.random.default_rng(9)
    found = page["layer_tests"](layers, regulation, touching, rng)
    found |= page["place_tests"](scores, edges, True, rng)
    found["43.8"] = page["tf_test"](layers[0], regulation, rng)
    found["43.9"] = page["value_test"](scores, edges)
    plain = scores.sel(score="softmax").mean("head").values
    found["43.10"] = page["degree_test"](plain, edges, list(scores["source"].values), rng)
    stated = load(notebooks.statements_path(NAME))
    assert set(found) == set(stated.tests) - {"43.11"}
    for number, outcome in found.items():
        assert isinstance(outcome, Outcome), (number, outcome)
        assert stated.record(number, ("a",), outcome).p == outcome.p


def test_too_little_is_not_estimable(page, noise):
    layers, regulation, touching = noise
    rng = np.random.default_rng(10)
    genes = [f"g{k}" for k in range(120)]
    lone = pd.DataFrame({"source": ["g0", "g0"], "target": ["g1", "g2"]})
    found = page["layer_tests"](layers, page["network_of"](lone, genes), touching, rng)
    assert len(found) == 4 and all(isinstance(x, NotEstimable) for x in found.values())
    few = page["layer_tests"](layers[:4], regulation, touching, rng)
    assert isinstance(few["43.6"], NotEstimable) and isinstance(few["43.7"], Outcome)
    single = page["layer_tests"](layers[:1], regulation, touching, rng)
    assert all(isinstance(x, NotEstimable) for x in single.values())
    nothing = pd.DataFrame({"source": [], "target": []})
    bare = page["network_of"](nothing, genes, False)
    found = page["layer_tests"](layers, regulation, bare, rng)
    assert isinstance(found["43.7"], NotEstimable) and isinstance(found["43.5"], Outcome)
    empty = np.full_like(layers, np.nan)
    found = page["layer_tests"](empty, regulation, touching, rng)
    assert isinstance(found["43.5"], NotEstimable)
    scores, _ = places(0.0)
    found = page["place_tests"](scores, lone, True, rng)
    assert all(isinstance(x, NotEstimable) for x in found.values())
    assert isinstance(page["value_test"](scores, lone), NotEstimable)
    assert isinstance(
        page["tf_test"](layers[0], page["network_of"](lone, genes), rng), NotEstimable
    )


def test_the_p_of_a_trend_grows_with_carry_over(page):
    rng = np.random.default_rng(11)
    p = [page["carried_p"](0.511, 18, phi, rng) for phi in (0.0, 0.8, 0.95)]
    t = 0.511 * np.sqrt(16 / (1 - 0.511**2))
    assert p[0] == pytest.approx(2 * stats.t.sf(t, 16), abs=0.01)
    assert p[0] < p[1] < p[2]
    assert page["carried_p"](0.456, 18, 0.8, rng) > 0.2  # nominal 5 %


def test_knock_outs_name_the_genes_that_move(page):
    import anndata as ad

    rng = np.random.default_rng(12)
    names = [f"G{k}" for k in range(8)]
    counts = rng.poisson(20.0, (300, 8)).astype(np.float32)
    who = np.repeat(["control", "G0", "G1"], 100)
    counts[who == "G0", 3] = rng.poisson(4.0, 100)
    obs = pd.DataFrame({"perturbation": who, "batch": "a"}, [f"c{k}" for k in range(300)])
    cells = ad.AnnData(counts, obs, pd.DataFrame(index=names), layers={"counts": counts})
    found = page["knock_outs"](cells, 0.05)
    assert ("G0", "G3") in set(zip(found["source"], found["target"], strict=True))
    assert "control" not in set(found["source"])


def test_a_rise_of_edges_is_found_given_the_degrees_and_noise_is_not(page, noise):
    layers, regulation, touching = noise
    _, edges, genes = page["noise_layers"]("smooth-noise")
    rng = np.random.default_rng(13)
    made = page["planted"](layers, regulation, touching).swapaxes(1, 2)
    found = page["degree_test"](made, edges, genes, rng)
    assert found.p <= 0.05 and found.estimate > found.detail["null_mean"]
    turned = page["degree_test"](made[::-1], edges, genes, rng)
    assert turned.p <= 0.05 and turned.estimate < turned.detail["null_mean"]
    calls = 0
    for _ in range(25):
        source, target = np.nonzero(page["exchanged"](regulation, rng).edge)
        names = np.array(genes)
        moved = pd.DataFrame({"source": names[source], "target": names[target]})
        calls += page["degree_test"](layers, moved, genes, rng, 99).p <= 0.05
    assert calls <= stats.binom.ppf(0.999, 25, 0.05)
    assert isinstance(page["degree_test"](made[:1], edges, genes, rng), NotEstimable)
    strangers = pd.DataFrame({"source": ["a"], "target": ["b"]})
    assert isinstance(page["degree_test"](made, strangers, genes, rng), NotEstimable)
