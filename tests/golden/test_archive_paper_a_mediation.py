"""Paper A sections 3.6 and 3.8 from the archived runs."""

import numpy as np
import pytest

from helpers.analyses import cross_context, mediation_bias
from helpers.archives import from_folder
from helpers.archives.locate import MEDIATION

pytestmark = pytest.mark.mirror


@pytest.fixture(scope="module")
def locate(mirror_dir):
    return from_folder(mirror_dir / MEDIATION)


@pytest.fixture(scope="module")
def runs(locate):
    return mediation_bias.load(locate)


@pytest.fixture(scope="module")
def initial(locate):
    return cross_context.load(locate, "initial")


def test_every_figure_of_3_6_is_reproduced(runs):
    checks = mediation_bias.published_checks(runs)
    assert len(checks) == 10
    for one in checks:
        assert one.n_match == one.n_cells, one.sentence()


def test_certified_fractions_along_lambda(runs):
    bounds = mediation_bias.published_run_pairs(runs)["bound"].to_numpy()
    table = mediation_bias.certificate_curves(runs, bounds, "normal")
    by = {name: part["fraction"].round(4).tolist() for name, part in table.groupby("allocation")}
    assert by["uniform"] == [0.0669, 0.0332, 0.0193, 0.0032, 0.0032, 0.0032, 0.0032]
    assert by["proportional"][0] == 0.0814
    assert by["concentrated"] == [0.0032] * 7
    top = table.query("allocation == 'uniform'")["top1"].tolist()
    assert top == [0.0625, 0, 0, 0, 0, 0, 0]


def test_closed_forms_and_draws_agree_in_one_unit(runs):
    draws = 20_000
    table = mediation_bias.corrected_run_pairs(runs, draws, 1).query("estimable")
    assert len(table) == 12
    assert table["self_pair"].all()
    for kind in ("free", "bound"):
        exact, drawn = table[f"p_{kind}"], table[f"p_{kind}_drawn"]
        error = np.sqrt(exact * (1 - exact) / draws)
        # Satterthwaite's degrees of freedom are an approximation: 0.01 beside the drawing error.
        slack = 0.01 if kind == "free" else 0.0
        assert ((exact - drawn).abs() <= 4.5 * error + slack + 2 / draws).all()


def test_what_is_left_of_ten_of_sixteen(runs):
    table = mediation_bias.corrected_run_pairs(runs, 500, 0)
    assert int((table["a_free"] > 0).sum()) == 4
    assert int((table["a_bound"] > 0).sum()) == 0
    assert not table.query("not self_pair")["estimable"].any()
    assert mediation_bias.prevalence(table)["pairs"] == 3


def test_certificates_with_exact_and_drawn_quantiles(runs, monkeypatch):
    table = mediation_bias.corrected_run_pairs(runs, 500, 0)
    bounds = table["a_free"].where(table["estimable"]).to_numpy(float)
    exact = mediation_bias.certificate_curves(runs, bounds, "student")
    rng = np.random.default_rng(4)
    drawn = {}

    def quantile(q, freedom):
        if freedom not in drawn:
            drawn[freedom] = np.sort(rng.standard_t(freedom, size=400_000))
        return np.quantile(drawn[freedom], q)

    monkeypatch.setattr(mediation_bias.stats.t, "ppf", quantile)
    again = mediation_bias.certificate_curves(runs, bounds, "student")
    assert drawn
    assert np.allclose(exact["fraction"], again["fraction"], atol=0.002)
    assert (exact["top1"] == again["top1"]).all()


def test_six_correlations_and_two_survivors(initial):
    table = cross_context.published_comparisons(initial[0])
    found = {(r.pair[:3], r.granularity): round(r.rho, 3) for r in table.itertuples()}
    assert found == {
        ("FOS", "blocks"): -0.440,
        ("JUN", "blocks"): 0.423,
        ("GAT", "blocks"): 0.625,
        ("FOS", "mlp"): -0.322,
        ("JUN", "mlp"): 0.706,
        ("GAT", "mlp"): 0.469,
    }
    assert int((table["q"] < 0.05).sum()) == 2
    for one in cross_context.published_checks(initial[0]):
        assert one.n_match == one.n_cells, one.sentence()


def test_counted_and_drawn_p_agree_beyond_depth(initial):
    draws = 20_000
    table = cross_context.corrected_comparisons(*initial, draws, 2)
    assert table["self_pair"].all()
    assert (table["components"] == table["granularity"].map({"blocks": 24, "mlp": 12})).all()
    error = np.sqrt(table["p_exact"] * (1 - table["p_exact"]) / draws)
    assert ((table["p_exact"] - table["p_drawn"]).abs() <= 4.5 * error + 2 / draws).all()
    assert table.loc[table["q"] < 0.05, "pair"].tolist() == ["JUN->JUN"]


def test_pair_specificity_counted_and_drawn(initial):
    result = cross_context.pair_specificity(cross_context.cross_pair(initial[0]), 4000, 3)
    assert result["p_exact"] == pytest.approx(result["p_drawn"], abs=0.03)
    assert result["arrangements"] == 36


def test_no_immune_lung_comparison_exists(initial):
    table = cross_context.published_comparisons(initial[0])
    assert not ((table["tissue_a"] == "immune") & (table["tissue_b"] == "lung")).any()


def test_refined_tier_runs_from_minus_080_to_087(locate):
    table = cross_context.published_comparisons(cross_context.load(locate, "refined")[0])
    assert round(table["rho"].min(), 2) == -0.80
    assert round(table["rho"].max(), 2) == 0.87


def test_welch_p_holds_its_level_at_these_numbers_of_cells(initial):
    table = cross_context.differing_components(initial[0], 2000, 4)
    assert ((table["share_drawn"] > 0.03) & (table["share_drawn"] < 0.07)).all()
    assert (table["share_q"] == 0).all()
