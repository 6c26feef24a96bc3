"""State-wise aggregation: the synthetic designs, attention, and what cannot be estimated."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from helpers.analyses import cssi, cssi_real, cssi_records, cssi_scan, cssi_strata
from helpers.analyses.null_models_inputs import Models, Read, cases_of, read_models
from helpers.datasets.simulate import T2_CONFIGURATIONS, t2_draw, world
from helpers.edges import kmeans
from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet
from helpers.plotting import cssi as plots
from helpers.registry.claims import load_claims, table_rows


def case(n_layers=4, n_tfs=12, n_targets=20, positives=2, signal=0.0, seed=0, strata=4):
    """Make stratified scores by hand: signal is added to every score of the positives."""
    rng = np.random.default_rng(seed)
    source = np.repeat([f"T{i:02d}" for i in range(n_tfs)], n_targets)
    target = np.tile([f"G{i:02d}" for i in range(n_targets)], n_tfs)
    label = np.tile(np.arange(n_targets) < positives, n_tfs)
    noise = rng.standard_normal((2 + len(cssi_real.VARIANTS) + 1, n_layers, label.size))
    noise[1:] += signal * label
    return cssi_real.Stratified(
        "made",
        EvaluationSet("made", source, target, label, "made"),
        noise[0],
        dict(zip(cssi_real.VARIANTS, noise[3:], strict=False))
        | {cssi_real.VARIANTS[-1]: noise[-1]},
        (noise[1], noise[2]),
        strata,
    )


def test_table_2_is_within_the_published_spread():
    printed = pd.DataFrame(table_rows(load_claims()["cssi/table2"])).set_index("config")
    rows = []
    for place in T2_CONFIGURATIONS:
        for seed in range(10):
            draw = t2_draw(place.n_states, place.cells_per_state, seed)
            x, truth = draw.expression, draw.truth
            rows.append(
                {
                    "config": place.name,
                    "states": place.n_states,
                    "pooled": cssi.pooled_f1(x, truth),
                    "oracle": cssi.cssi_f1(x, draw.state, truth),
                }
            )
    draws = pd.DataFrame(rows)
    other = ["kmeans", "kmeans_split", "pooled_split", "oracle_sidak", "oracle_rank_sum"]
    table = cssi.table2(draws.assign(**dict.fromkeys(other, 0.0)), printed)
    assert table["pooled_within"].all() and table["cssi_within"].all()
    assert table["oracle"].min() >= 0.90 - 0.03
    assert table.loc["Large", "pooled"] < 0.60
    gain = (draws["oracle"] - draws["pooled"])[draws["config"] == "Large"]
    assert cssi.wilcoxon(gain, "one", "seed").p < 0.01


def test_k_means_strata_are_worse_than_pooling():
    found = pd.DataFrame(
        [cssi.score_draw(t2_draw(6, 100, seed), 6, seed) for seed in range(2)]
    ).mean()
    assert found["kmeans"] < found["pooled"] < found["oracle"]


def test_correlations_equal_scipy_and_leave_small_strata_out():
    draw = t2_draw(2, 30, 0)
    labels = np.where(np.arange(60) < 5, 2, draw.state)
    found = cssi.correlations(draw.expression, labels)
    inside = draw.expression[labels == 1]
    expected = stats.spearmanr(inside[:, 1], inside[:, 5 + 3]).statistic
    assert found[1, 1, 3].item() == pytest.approx(expected, abs=1e-12)  # row = TF
    assert found[2].isnull().all()  # 5 cells
    fewer = cssi.cssi_f1(draw.expression, labels, draw.truth, "sidak")
    assert 0 <= fewer <= 1


def test_one_stratum_is_pooling():
    draw = t2_draw(4, 50, 0)
    one = np.zeros(200, int)
    pooled = cssi.pooled_f1(draw.expression, draw.truth)
    assert cssi.cssi_f1(draw.expression, one, draw.truth) == pooled
    single = dataclasses.replace(draw, state=one)
    for found in cssi.label_nulls(single, np.random.default_rng(0), 5).values():
        assert "one stratum" in found.reason
    assert "one stratum" in cssi_real.nested_gain(case(strata=1), np.random.default_rng(0)).reason


def test_constant_gene_is_missing_and_never_called():
    draw = t2_draw(2, 50, 0)
    x = draw.expression.copy()
    x[:, 5] = 1.0
    found = cssi.correlations(x, draw.state)
    assert found[:, :, 0].isnull().all() and found[:, :, 1:].notnull().all()
    assert np.isfinite(cssi.cssi_f1(x, draw.state, draw.truth))


def test_shuffled_labels_take_the_gain_away():
    found = cssi.label_nulls(t2_draw(6, 100, 0), np.random.default_rng(0), 40)
    assert set(found) == set(cssi.NULLS)
    assert found["shuffled labels"].detail["share_no_gain"] >= 0.95
    assert all(o.p == pytest.approx(1 / 41) == o.p_floor for o in found.values())


def test_split_half_design_sits_at_its_ceiling():
    table = cssi_scan.table4(cssi_scan.t4_scores(1))
    assert table["below_ceiling"].abs().max() < 0.04
    assert (table["cssi"] <= cssi_scan.CEILING + 1e-12).all()
    assert table["pooled"].iloc[0] > table["pooled"].iloc[-1]
    assert "0.667" in cssi_records.table4_sentence(table)


def test_maximum_grows_and_its_calibration_does_not():
    found = cssi_scan.maximum_growth(3, (2, 20)).set_index("k")
    assert found["max_abs_rho"][20] > 5 * found["max_abs_rho"][2]
    assert found["max_abs_rho"][2] == pytest.approx(0.065, abs=0.01)
    assert found["below"].max() < 0.12


def test_k_scan_reports_hits_of_the_other_half():
    scan = cssi_scan.k_scan(1, range(2, 4))
    assert set(scan["strata"]) == {"K-means", "random", "best K, other half"}
    assert (scan["hits"] == scan["hits"].round()).all()
    assert (scan["gain"] == scan["hits"] - scan["pooled_hits"]).all()
    assert "Mean hits" in plots.k_scan(scan)[1]


def test_degenerate_differences_are_not_estimable():
    assert "zero" in cssi.wilcoxon(np.zeros(10), "one", "seed").reason
    assert "at least 3" in cssi.wilcoxon([0.1, 0.2], "one", "seed").reason
    assert "at least 3" in cssi.false_share_test([0.0]).reason
    assert "no interval" in cssi.false_share_test(np.zeros(5)).reason
    flat = pd.DataFrame({"states": [2, 2, 2], "pooled": [0.1, 0.2, 0.3]})
    assert isinstance(cssi.decline(flat, np.random.default_rng(0), 9), NotEstimable)


@pytest.mark.parametrize("sides", ["one", "two"])
@pytest.mark.parametrize("n", [3, 6, 10, 60])
def test_no_signed_rank_p_lies_below_its_floor(n, sides):
    for difference in (np.ones(n), np.arange(1.0, n + 1), np.r_[np.ones(n - 1), 2.0]):
        found = cssi.wilcoxon(difference, sides, "seed")
        assert 0 < found.p_floor <= found.p


def test_few_positives_allow_no_choice_of_layers():
    rng = np.random.default_rng(0)
    for made in (case(n_tfs=2, positives=10), case(n_tfs=9, positives=1)):
        for found in (cssi_real.nested_gain(made, rng), *cssi_real.held_out_layers(made, rng)):
            assert "needed to choose a layer" in found.reason
        assert np.isfinite(cssi_real.layer_table(made)["pooled"]).all()  # AUROC is still shown
    _, published = cssi_real.held_out_layers(case(n_layers=4), rng, 19)
    assert "too few sets" in published.reason


def test_nested_gain_finds_a_planted_one_and_held_out_layers_too():
    rng, made = np.random.default_rng(0), case(signal=1.5, n_tfs=40)
    found = cssi_real.nested_gain(made, rng, 300)
    assert found.estimate > 0.2 and found.p < 0.05
    corrected, _ = cssi_real.held_out_layers(made, rng, 199)
    assert corrected.estimate > 0.7 and corrected.p == pytest.approx(1 / 200)
    assert "differs from zero" in cssi_records.real_sentence(
        "x", found, cssi_real.layer_table(made)
    )


def test_choosing_on_the_scored_data_gains_without_signal():
    made = case(n_tfs=9, positives=2)  # 18 positives
    found = cssi_real.selection_optimism(made, np.random.default_rng(0), 100)
    assert found["mean"] > 0.05


def test_mean_over_strata_is_pooled_when_weights_are_pair_counts():
    genes = [f"G{i}" for i in range(6)]
    rng = np.random.default_rng(0)
    total = rng.random((2, 1, 1, 6, 6))
    sums = xr.Dataset(
        {
            "sum": (("stratum", "layer", "head", "source", "target"), total * 60),
            "count": (("stratum", "source", "target"), np.full((2, 6, 6), 60)),
        },
        coords={"stratum": ["a", "b"], "source": genes, "target": genes},
    )
    reference = pd.DataFrame({"source": ["G0", "G1"], "target": ["G2", "G3"]})
    found = cssi_real.stratified("x", sums, {"a": 50, "b": 50}, reference)
    np.testing.assert_allclose(found.variants["mean"], found.pooled, rtol=1e-12)
    source, target = found.evaluation.source[0], found.evaluation.target[0]
    i, j = genes.index(source), genes.index(target)
    assert found.pooled[0, 0] == pytest.approx(total[:, 0, 0, i, j].mean())  # row = source


def test_records_cover_every_declared_test():
    for number in cssi_records.DECLARED:
        row = cssi_records.record(number, "x", NotEstimable("no data"), 0)
        assert row.reason == "no data" and row.family == "F11"


def test_ratio_is_not_estimable_when_pooling_finds_nothing():
    printed = pd.DataFrame(table_rows(load_claims()["cssi/table2"])).set_index("config")
    names = ["kmeans", "kmeans_split", "pooled_split", "oracle_sidak", "oracle_rank_sum"]
    draws = pd.DataFrame({"config": "Small", "states": 2, "pooled": 0.0, "oracle": [0.5, 0.7]})
    table = cssi.table2(draws.assign(**dict.fromkeys(names, 0.0)), printed)
    assert table.loc["Small", "ratio"] == "not estimable"
    assert table.loc["Small", "gap"] == pytest.approx(0.6)


def test_layer_figure_has_a_panel_for_each_case():
    tables = {name: cssi_real.layer_table(case()) for name in "abcde"}
    figure, alt = plots.layer_gains(tables)
    assert sum(axis.get_visible() for axis in figure.axes) == 5
    assert "a, b, c, d, e" in alt


def test_cells_in_small_strata_only_are_refused():
    with pytest.raises(DataError, match="draw more cells"):
        read_models("scgpt", "sim", 60, 40, 0, strata="cell_type", min_cells=60)


@pytest.mark.parametrize("kind", ["leiden", "embedding"])
def test_strata_may_come_from_clusters_of_cells_or_of_model_states(kind):
    inputs = read_models("scgpt", "sim", 400, 60, 0, strata=kind, min_cells=30)
    one = inputs.read["scgpt"]
    names = {name.rpartition("|")[0] for name in one.sums["stratum"].values.astype(str)}
    assert len(one.sizes) >= 2 and names == set(one.sizes)
    assert min(one.sizes.values()) >= 30 and sum(one.sizes.values()) <= 400
    # the model reads the half of the counts that was not clustered
    whole = read_models("scgpt", "sim", 400, 60, 0).read["scgpt"]
    share = one.adata.X.sum() / one.adata.n_obs / (whole.adata.X.sum() / whole.adata.n_obs)
    assert share == pytest.approx(0.5, abs=0.1)


def test_unknown_strata_and_data_are_refused():
    with pytest.raises(ParameterError, match="strata is 'donor'"):
        read_models("scgpt", "sim", 60, 40, 0, strata="donor")
    with pytest.raises(ParameterError, match="data is 'mouse'"):
        read_models("scgpt", "mouse", 60, 40, 0)


def test_a_reference_without_positives_is_left_out_with_its_reason():
    def make(name, one, edges):
        if edges is None:
            raise DataError("no positives")
        return name

    one = Read("scgpt", None, None, {"trrust": 1, "empty": None}, {})
    cases, left = cases_of(Models({"scgpt": one}, {"geneformer": "not here"}), "baron", make)
    assert cases == {"scgpt/baron/trrust": "scgpt/baron/trrust"}
    assert left == {"geneformer/baron": "not here", "scgpt/baron/empty": "no positives"}


def test_splits_are_aggregated_by_twice_the_median():
    made = case(signal=0.4, n_tfs=24)
    one = cssi_real.nested_gain(made, np.random.default_rng(3), 99, 1)
    many = cssi_real.nested_gain(made, np.random.default_rng(3), 99, 15)
    assert many.p_floor == 2 * one.p_floor and many.detail["splits"] == 15
    rng, single = np.random.default_rng(3), []
    for _ in range(15):
        single.append(cssi_real.nested_gain(made, rng, 99, 1))
    assert many.p == pytest.approx(min(1, 2 * np.median([o.p for o in single])))
    assert many.estimate == pytest.approx(np.median([o.estimate for o in single]))
    assert many.low <= many.estimate <= many.high
    with pytest.raises(ParameterError, match="odd number"):
        cssi_real.nested_gain(made, rng, 99, 4)


def test_more_strata_than_cells_are_refused():
    with pytest.raises(ParameterError, match="5 strata for 4 cells"):
        kmeans(np.zeros((4, 2)), 5)
    with pytest.raises(DataError, match="one label per cell"):
        cssi.correlations(np.zeros((4, 30)), np.arange(5))


def test_the_tests_of_the_design_are_those_of_their_functions():
    scores = cssi.t2_scores(3, score=cssi.score_tested)
    found = cssi.t2_tests(scores, np.random.default_rng(0), 19)
    assert list(found) == [f"11.{i}" for i in range(1, 10)]
    assert set(found) | {"11.10", "11.11", "11.12"} == set(cssi_records.T2_SCOPES)
    large = scores[scores["config"] == "Large"]
    assert found["11.3"].estimate == pytest.approx((large["oracle"] - large["pooled"]).mean())
    later = cssi.t2_scores(1, first=2, score=cssi.score_tested)
    both = later.merge(scores, on=["config", "seed"])
    assert len(both) == 6 and (both["oracle_x"] == both["oracle_y"]).all()


def test_kinds_of_strata_stand_side_by_side(monkeypatch):
    drawn = world("state-edges", 0, n_genes=120, n_cells=600)
    sizes = drawn.adata.obs["cell_type"].astype(str).value_counts().to_dict()
    one = Read("scgpt", drawn.attention, drawn.adata, {"network": drawn.reference}, sizes)

    def read(model, data, n_cells, n_genes, seed, *, strata):
        if strata == "leiden":
            raise DataError("no stratum is large enough")
        return Models({"scgpt": one}, {})

    monkeypatch.setattr(cssi_strata, "read_models", read)
    table = cssi_strata.compare_strata("scgpt", "sim", 600, 120, 0, 99).set_index("kind")
    assert list(table.index) == ["cell_type", "leiden", "embedding"]
    assert table.loc["leiden", "nested gain"] == "no stratum is large enough"
    case = cssi_real.stratified("x", drawn.attention, sizes, drawn.reference)
    layers = cssi_real.layer_table(case)
    assert table.loc["cell_type", "pooled"] == layers["pooled"].max()
    assert table.loc["embedding", "strata"] == 6 and "[" in table.loc["embedding", "nested gain"]
