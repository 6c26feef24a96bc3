"""Page 11: its functions on designs and worlds whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from page_runs import result_of, values_of
from scipy import stats

from helpers.datasets.simulate import T2_CONFIGURATIONS, t2_draw, t4_draw
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet
from helpers.evaluation.stratified import VARIANTS, Stratified
from helpers.reading import READ, draw_cells, read_attention
from papers.claims import load_claims, table_rows
from bookkit.page_functions import definitions

NAME = "11_cssi"


@pytest.fixture(scope="module")
def page():
    return definitions(NAME, permutations=199)


@pytest.fixture(scope="module")
def scores(page):
    return page["t2_scores"](3, more=False)


def test_table_2_is_within_the_published_spread(page):
    printed = pd.DataFrame(table_rows(load_claims()["cssi/table2"])).set_index("config")
    rows = []
    for one in T2_CONFIGURATIONS:
        for seed in range(10):
            draw = t2_draw(one.n_states, one.cells_per_state, seed)
            x, truth = draw.expression, draw.truth
            row = {"config": one.name, "pooled": page["pooled_f1"](x, truth)}
            rows.append(row | {"cssi": page["cssi_f1"](x, draw.state, truth)})
    table = pd.DataFrame(rows).groupby("config").mean().reindex(printed.index)
    for name in ("pooled", "cssi"):
        away = abs(table[name] - printed[f"{name}_f1"])
        assert (away <= printed[f"{name}_sd"] + 5e-4).all()


def test_k_means_strata_are_worse_than_pooling(page):
    found = page["score_more"](t2_draw(6, 100, 0), 6, 0)
    more = page["score_tested"](t2_draw(6, 100, 0), 6, 0)
    assert found["kmeans"] < more["pooled"] < more["oracle"]


def test_the_tests_of_the_design_are_those_of_their_functions(page, scores):
    found = page["t2_tests"](scores, np.random.default_rng(0))
    assert list(found) == [f"11.{i}" for i in range(1, 10)]
    large = scores[scores["config"] == "Large"]
    assert found["11.3"].estimate == pytest.approx((large["oracle"] - large["pooled"]).mean())
    assert found["11.7"].p < 1e-3 and found["11.9"].estimate < 0
    later = page["t2_scores"](1, first=2, more=False)
    both = later.merge(scores, on=["config", "seed"])
    assert len(both) == 6 and (both["oracle_x"] == both["oracle_y"]).all()


def test_the_decline_is_spearmans_correlation(page, scores):
    found = page["decline_test"](scores["states"], scores["pooled"], np.random.default_rng(0))
    rho = stats.spearmanr(scores["states"], scores["pooled"]).statistic
    assert found.estimate == pytest.approx(-rho) and found.p == pytest.approx(1 / 200)
    flat = np.array([2, 2, 2])
    none = page["decline_test"](flat, np.array([0.1, 0.2, 0.3]), np.random.default_rng(0))
    assert isinstance(none, NotEstimable)


def test_the_false_share_is_tested_by_students_t(page):
    false = np.random.default_rng(0).uniform(0, 0.2, 30)
    found = page["false_share_test"](false)
    t = (false.mean() - 0.05) / (false.std(ddof=1) / np.sqrt(30))
    assert found.p == pytest.approx(stats.t.sf(t, 29))
    assert found.null == "mean false share at most 0.05"
    assert isinstance(page["false_share_test"](np.zeros(5)), NotEstimable)
    assert isinstance(page["false_share_test"](np.array([0.1, 0.2])), NotEstimable)


def test_the_split_half_design_sits_at_its_ceiling(page):
    table = page["t4_scores"](1).groupby("states").mean()
    assert (table["cssi"] <= 2 / 3 + 1e-12).all() and (table["cssi"] > 0.62).all()
    assert table["pooled"].iloc[0] > table["pooled"].iloc[-1]
    draw = t4_draw(2, 100, 0)
    assert page["t4_f1"](draw, draw.half, "max") <= 2 / 3 + 1e-12


def test_the_maximum_grows_and_its_calibration_does_not(page):
    few, many = (page["without_edges"](k, 0) for k in (2, 20))
    assert many["maximum"] > 5 * few["maximum"]
    assert few["maximum"] == pytest.approx(0.065, abs=0.015)
    assert max(few["p below 5 %"], many["p below 5 %"]) < 0.15


def test_the_scan_counts_whole_hits(page):
    page["scan_to"] = 3
    scan, gain = page["scan_one"](0)
    assert list(scan["strata"]) == [2, 3]
    counts = scan[["K-means", "random", "pooled"]].to_numpy()
    assert counts == pytest.approx(counts.round()) and gain == pytest.approx(round(gain))


def made(signal, n_layers=4, seed=0):
    """Stratified scores of 24 TFs and targets: signal in all layers, or in the last one."""
    rng = np.random.default_rng(seed)
    source = np.repeat([f"T{i:02d}" for i in range(24)], 24)
    target = np.tile([f"G{i:02d}" for i in range(24)], 24)
    label = np.concatenate([rng.permutation(24) < 4 for _ in range(24)])
    noise = rng.standard_normal((3 + len(VARIANTS), n_layers, label.size))
    noise += np.asarray(signal)[:, None] * label
    pairs = EvaluationSet("made", source, target, label, "made")
    variants = dict(zip(VARIANTS, noise[3:], strict=True))
    return Stratified("made", pairs, noise[0], variants, (noise[1], noise[2]), 4)


def test_a_choice_is_found_where_layers_differ_and_not_where_all_have_the_signal(page):
    one = page["layer_tests"](made([0, 0, 0, 1.5]), np.random.default_rng(0))["11.14"]
    every = page["layer_tests"](made([1.5] * 4), np.random.default_rng(0))["11.14"]
    assert one.p <= 0.01 and one.estimate > 0.2
    assert every.p > 0.05 and abs(every.estimate) < 0.05


def test_the_layer_table_holds_the_best_variant_of_each_layer(page):
    case = made([0.5] * 4)
    table = page["layer_table"](case)
    best = [name for name in VARIANTS if name == table["variant"][0]]
    found = page["auroc_many"](case.variants[best[0]], case.evaluation.label)[0]
    assert table["best variant"][0] == found
    assert (table["gain"] == table["best variant"] - table["pooled"]).all()


@pytest.mark.parametrize("kind", ["cell_type", "leiden", "embedding"])
def test_strata_come_from_labels_from_cells_or_from_model_states(page, kind):
    page |= {"min_cells": 30, "seed": 0}
    cells = draw_cells("sim", 400, 0)
    found = page["in_strata"](cells, kind, "scgpt")
    sizes = found.obs["cell_type"].value_counts()
    assert len(sizes) >= 2 and sizes.min() >= 30
    assert found.obs["half"].value_counts().tolist() == pytest.approx([found.n_obs / 2] * 2, abs=1)
    share = found.X.sum() / found.n_obs / (cells.X.sum() / cells.n_obs)
    # the model reads the half of the counts that was not clustered
    assert share == pytest.approx(1.0 if kind == "cell_type" else 0.5, abs=0.1)
    assert found.var[READ].equals(cells.var[READ]) and found.uns["data"] == "sim"


def test_three_directions_come_from_one_reading_and_forward_is_what_it_was(page):
    page |= {"min_cells": 30, "seed": 0}
    cells = draw_cells("sim", 120, 0)
    (one,) = read_attention("scgpt", cells, 60, [], ("cell_type",))
    (tfs,) = read_attention("scgpt", cells, 60, [], ("cell_type",), tfs_only=True)
    ways = {way: page["of_regulators"](one, way) for way in page["DIRECTIONS"]}
    assert ways["forward"]["sum"].equals(tfs.sums["sum"])
    assert ways["forward"]["count"].equals(tfs.sums["count"])
    tf, gene = tfs.sums["source"].values[0], tfs.sums["target"].values[-1]
    pair = {"source": tf, "target": gene}
    turned = one.sums["sum"].sel(source=gene, target=tf)
    assert np.array_equal(ways["transpose"]["sum"].sel(pair), turned)
    found = page["cases_of"](draw_cells("sim", 300, 0), "cell_type", "scgpt", 100)
    (case,) = found.values()
    assert list(case) == ["forward", "transpose", "symmetric"]
    row = page["direction_row"](*found, "transpose", case["transpose"])
    assert row["positives"] == case["transpose"].evaluation.n_positive > 0


def test_cells_in_small_strata_only_are_refused(page):
    page |= {"min_cells": 60, "seed": 0}
    with pytest.raises(DataError, match="draw more cells"):
        page["in_strata"](draw_cells("sim", 60, 0), "cell_type", "scgpt")


ARCHIVED = {
    "cssi/early-layers-auroc#high",
}
"""Printed figures of section 3.2 that the archive does not give."""


@pytest.mark.slow
@pytest.mark.mirror
def test_every_archived_figure_but_one_is_reproduced(results, mirror_dir, monkeypatch):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror_dir))
    values = values_of(result_of(NAME, archive=True))
    compared = {v["claim"]: v["matches"] for v in values.values() if "matches" in v}
    assert {path for path, match in compared.items() if not match} == ARCHIVED
    assert len(compared) == 55 + 48 + 32 + 5
    words = [v for k, v in values.items() if k.endswith("/best_variant")]
    assert len(words) == 10
    assert values["archive/heldout/p_exact"]["value"] == pytest.approx(5 / 220)
    assert values["archive/table2/worse"]["value"] == 6
