"""Page 51: its functions on planted worlds, a toy network, the control, and bad input."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from bookkit.page_functions import definitions
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.interventions.dictionaries import train_dictionary
from helpers.reading import draw_cells, references_for
from papers.archives import atlas
from papers.archives.locate import from_folder

NAME = "51_sae_circuits"
PARTS = ("encoder", "bias", "decoder")


@pytest.fixture(scope="module")
def page():
    small = {"n_tokens": 3000, "n_features": 60, "k": 8, "steps": 60, "n_sources": 5}
    found = definitions(NAME, layers=[0, 1], traced=24, n_cells=60, draws=99, **small)
    found["run"] = SimpleNamespace(alpha=0.05)
    return found


def test_planted_changes_show_the_bias_of_the_published_rule(page):
    rng, rows = np.random.default_rng(0), []
    for _ in range(5):
        change, sign = page["planted_changes"](20, rng)
        table = page["edge_table"](change, np.ones(change.shape[:2], bool))
        ruled = page["ruled"](table).items()
        rows += [{"rule": r} | page["errors_of"](table, called, sign) for r, called in ruled]
    mean = pd.DataFrame(rows).groupby("rule").mean()
    assert mean.loc["published", "negative"] > 0.75
    assert mean.loc["corrected", "negative"] == pytest.approx(0.5, abs=0.05)
    assert mean.loc["corrected", "recall"] > 0.95
    assert mean.loc["corrected", "false"] < 0.1


def test_no_edges_are_called_in_a_world_without_and_few_cells_fool_the_published_rule(page):
    rng = np.random.default_rng(1)
    change, sign = page["planted_changes"](0, rng)
    assert not sign.any()
    table = page["edge_table"](change, np.ones(change.shape[:2], bool))
    assert page["ruled"](table)["corrected"].sum() <= 2
    change, _ = page["planted_changes"](0, rng, n_cells=4)
    ruled = page["ruled"](page["edge_table"](change, np.ones(change.shape[:2], bool)))
    assert ruled["published"].sum() > 100 and not ruled["corrected"].any()
    nothing = page["errors_of"](table, np.zeros(len(table), bool), sign)
    assert nothing["called"] == 0 and nothing["false"] == 0 and np.isnan(nothing["negative"])


@pytest.mark.parametrize("number", range(3))
def test_pursuit_finds_the_edges_of_a_toy_network_with_known_features(page, number):
    rows = {row["rule"]: row for row in page["toy_rows"](number, learn=False)}
    assert (rows["pursued"]["false"], rows["pursued"]["recall"]) == (0, 1)
    assert rows["pursued"]["negative"] == 0.5


def test_with_learned_features_cells_as_units_call_nearly_all_pairs(page):
    rows = {row["rule"]: row for row in page["toy_rows"](0, learn=True)}
    assert rows["corrected"]["called"] > 200 and rows["corrected"]["false"] > 0.8
    assert rows["pursued"]["false"] < 0.4 and rows["pursued"]["recall"] > 0.6


@pytest.fixture(scope="module")
def control(page):
    one, tokens, states = page["read_tokens"]("control-scgpt", draw_cells("control", 60, 0))
    dictionaries, second, rows = page["learned"](states)
    traces = page["traces_of"](one, tokens, dictionaries, np.random.default_rng(0))
    about = {"one": one, "tokens": tokens, "second": second}
    return SimpleNamespace(
        states=states, dictionaries=dictionaries, rows=rows, traces=traces, **about
    )


def test_dictionaries_are_judged_on_other_cells(page, control):
    training = page["split"](control.states)
    cell = control.states["cell"].values
    assert not set(cell[training]) & set(cell[~training]) and 0.7 < training.mean() < 0.9
    assert (control.rows["dictionary"] < 1).all() and (control.rows["dead"] < 0.5).all()


def test_edges_and_counts_hold_every_source(page, control):
    edges = page["edges_of"](control.traces, 1)
    counts = page["count_of"](edges, "corrected", control.traces)
    assert counts.size == sum(len(trace[0]) for trace in control.traces.values())
    assert counts.sum() == edges["corrected"].sum()
    found = page["more_than_random"](counts, counts)
    assert found.estimate == 0 and found.p > 0.9
    signs = page["sign_test"](edges.assign(d=-1.0, corrected=True), "corrected")
    assert signs.estimate == 1.0 and signs.unit == "feature"
    few = page["sign_test"](edges.assign(corrected=False), "corrected")
    assert isinstance(few, NotEstimable)


def test_edges_of_planted_terms_are_coherent(page):
    p = {0: np.ones((8, 4)), 1: np.ones((40, 4))}
    for layer in p.values():
        layer[np.arange(len(layer)), np.arange(len(layer)) % 4] = 0.001
    s, t = (x.ravel() for x in np.meshgrid(np.arange(8), np.arange(40)))
    rows = {"from": 0, "to": 1, "feature": s, "target": t, "zero": 0, "n": 30}
    edges = pd.DataFrame(rows).assign(corrected=(s % 4 == t % 4))
    found, other = page["coherence_of"](edges, p, np.random.default_rng(0))
    assert found.estimate == 1 and found.p == pytest.approx(0.01) and other == 0


def test_top_genes_and_terms_are_counted_by_hand(page, control):
    genes, top = page["top_genes"](control.states, control.dictionaries, n=5)
    for layer, mine in top.items():
        assert mine.shape == (60, len(genes)) and mine.sum(axis=1).max() <= 5
        code = control.dictionaries[layer].code(
            torch.from_numpy(control.states.sel(layer=layer).values)
        )
        feature = int(mine.any(axis=1).argmax())
        mean = pd.Series(code[:, feature].numpy()).groupby(control.states["gene"].values).mean()
        best = mean.idxmax()
        assert mine[feature, list(genes).index(best)]
    network = references_for("control", [])["network"]
    names, terms = page["terms_of"](network, genes)
    assert (terms.sum(axis=1) >= 5).all() and set(names) <= set(network["source"])


def test_sizes_alone_make_disease_odds_that_vanish_when_held(page):
    rng, odds = np.random.default_rng(2), []
    for _ in range(15):
        nets, size = page["size_world"](rng)
        odds.append(page["disease_odds"](nets, size, rng))
    raw, held = np.exp(np.median(odds, axis=0))
    assert raw > 1.3 and held == pytest.approx(1, abs=0.35)


def test_consensus_needs_pairs_and_finds_a_copy(page):
    rng = np.random.default_rng(3)
    pairs = {(f"a{i}", f"b{j}") for i, j in rng.integers(0, 25, (150, 2))}
    assert page["consensus_of"](pairs, pairs, rng).p == pytest.approx(0.01)
    few = set(list(pairs)[:3])
    assert "3 pairs" in page["consensus_of"](few, pairs, rng).reason


def test_constant_predictions_have_no_skill(page):
    rng = np.random.default_rng(4)
    tfs, targets = np.repeat([f"T{i}" for i in range(10)], 30), np.tile(np.arange(30), 10)
    observed = np.where(rng.random(300) < 0.7, -1.0, 1.0)
    down = page["direction_tests"](-np.ones(300), observed, tfs, targets)["51.6"]
    assert down.estimate == pytest.approx(0.5) and down.p > 0.05
    assert page["right"](-np.ones(300), observed).mean() == (observed < 0).mean()
    known = page["direction_tests"](observed, observed, tfs, targets)
    assert known["51.6"].estimate == pytest.approx(1) and known["51.6"].p < 0.01
    assert known["51.7"].estimate > 0.2 and known["51.7"].p < 0.01
    alike = page["direction_tests"](observed, -np.ones(300), tfs, targets)
    assert isinstance(alike["51.6"], NotEstimable)


def test_the_usual_direction_leaves_the_tf_out(page):
    usual = page["usual_direction"](
        np.array([1.0, -1.0, -1.0]), np.array(["a", "b", "c"]), np.array(["g", "g", "h"])
    )
    assert usual.tolist() == [-1, 1, 0]


def test_atlas_levels_follow_from_its_files(page, tmp_path):
    for layer in range(atlas.LAYERS):
        folder = tmp_path / "public" / "data"
        folder.mkdir(parents=True, exist_ok=True)
        rows = [{"i": i, "f": 0.02 * (i + 1), "d": False} for i in range(3)]
        (folder / f"layer_{layer:02d}_features.json").write_text(json.dumps(rows))
        term = {"o": "GO", "t": "x", "p": 0.01}
        terms = {str(i): {"genes": [0] * 12, "anns": [term | {"t": "xxy"[i]}]} for i in range(3)}
        (folder / f"layer_{layer:02d}_annotations.json").write_text(json.dumps(terms))
    features, terms = page["atlas_tables"](from_folder(tmp_path))
    assert len(features) == 36 and terms.shape == (36, 2)
    first = features.index[(features["layer"] == 0) & (features["feature"] == 0)]
    alike, often = np.ones(36), features["frequency"].to_numpy()
    assert page["chance_of"](features, terms, first, alike) == pytest.approx(2 / 3)
    assert page["chance_of"](features, terms, first, often) == pytest.approx(0.5)
    assert len(page["selected"](features, n=2)) == 2 * 11
    (folder / "layer_03_features.json").write_text('[{"i": 1}]')
    with pytest.raises(DataError, match="layer_03_features"):
        page["atlas_tables"](from_folder(tmp_path))


def test_training_has_a_seed(page):
    x = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    one, same, other = (train_dictionary(x, 20, 3, seed=s, steps=10) for s in (0, 0, 1))
    assert torch.equal(one.decoder, same.decoder) and not torch.equal(one.decoder, other.decoder)


def test_partners_of_a_shuffled_dictionary_are_its_own_features(page, control):
    first = control.dictionaries[0]
    order = torch.from_numpy(np.random.default_rng(0).permutation(60))
    shuffled = replace(first, **{x: getattr(first, x)[order] for x in PARTS})
    found = page["partners"](first, shuffled)
    assert found == {int(f): i for i, f in enumerate(order)}
    away = replace(first, decoder=-first.decoder)
    assert len(page["partners"](first, away)) < 60


def test_a_dictionary_shares_all_edges_with_itself_in_another_order(page, control):
    order = torch.from_numpy(np.random.default_rng(1).permutation(60))
    second = {
        n: replace(one, **{x: getattr(one, x)[order] for x in PARTS})
        for n, one in control.dictionaries.items()
    }
    about = control.one, control.tokens, control.dictionaries
    nets = page["both_seeds"](*about, second, control.traces[0], 0)[1]
    assert nets.shape == (2, len(control.traces[0][0]), 60)
    np.testing.assert_array_equal(*nets)
    features = control.traces[0][0]
    table = page["edges_of"](control.traces, 1)
    assert nets[0].sum() == table["corrected"].sum() and len(features) == 5
    few = page["seeds_test"](nets[:, :2], np.random.default_rng(0))
    assert "2 sources" in few.reason


def test_networks_of_equal_degrees_are_no_agreement_of_seeds(page):
    rng, low = np.random.default_rng(0), 0
    # log odds are a sum of a row and a column, so that networks of equal degrees are equally likely
    rate = 1 / (1 + np.exp(1 - rng.normal(size=(8, 1)) - rng.normal(size=30)))
    for _ in range(20):
        found = page["seeds_test"](rng.random((2, 8, 30)) < rate, rng)
        assert found.unit == "feature"
        low += found.p <= 0.05
    assert low <= 4
    same = rng.random((8, 30)) < rate
    assert page["seeds_test"](np.array([same, same]), rng).p == pytest.approx(0.01)
