"""Every cell of paper B's Tables 1 to 7 from the archived runs."""

import numpy as np
import pytest

from helpers.analyses.mediation_archive import (
    component_counts,
    component_tests,
    concentration,
    coverage_design,
    load,
    overlap,
    pair_specificity,
    scores,
    sign_consistency,
    tissue_overlap,
    total_effects,
)
from helpers.analyses.mediation_published import (
    published_numbers,
    published_p,
    published_tables,
)
from helpers.archives import from_folder
from helpers.archives.locate import MEDIATION
from helpers.archives.mediation import read_components, read_permutation_p
from helpers.statistics.multiplicity import adjust

pytestmark = pytest.mark.mirror

CELLS = {
    "b/table1": 32,
    "b/table2": 24,
    "b/table3": 18,
    "b/table4": 6,
    "b/table5": 26,
    "b/table6": 8,
    "b/table7": 18,
}


@pytest.fixture(scope="module")
def locate(mirror_dir):
    return from_folder(mirror_dir / MEDIATION)


@pytest.fixture(scope="module")
def archive(locate):
    return load(locate)


@pytest.mark.parametrize("claim", CELLS)
def test_every_printed_cell_is_reproduced(archive, claim):
    tables = published_tables(archive)
    found = {table.claim: table for table in tables}[claim]
    assert found.n_cells == CELLS[claim]
    assert found.n_match == found.n_cells, found.sentence()


def test_figures_outside_the_tables_are_reproduced(archive):
    for one in published_numbers(archive):
        assert one.n_match == one.n_cells, one.sentence()


def test_archived_permutation_p_is_the_printed_one_and_agrees_with_counting(locate, archive):
    archived = read_permutation_p(locate)
    exact = overlap(archive, 10, 0).query("k == 5").set_index("granularity")["independent_p_exact"]
    assert round(archived["blocks"], 3) == 0.019
    assert archived["mlp"] < 0.001
    for granularity, p in archived.items():
        error = np.sqrt(exact[granularity] * (1 - exact[granularity]) / 10_000)
        assert abs(p - exact[granularity]) < 3 * error + 1e-4


def test_last_layer_is_structurally_zero_only_where_source_and_target_differ(locate):
    for tier in ("refined", "initial"):
        table = read_components(locate, tier)
        zero = table.assign(zero=table["mean"] == 0)
        other = zero["source"] != zero["target"]
        assert (zero.loc[other, "zero"] == (zero.loc[other, "layer"] == 11)).all()
        assert not zero.loc[~other, "zero"].any()


def test_effective_numbers_of_components(archive):
    assert scores(archive, "blocks", structural=True).values.shape == (2, 3, 24)
    assert scores(archive, "blocks", structural=False).values.shape == (2, 3, 22)
    assert scores(archive, "mlp", structural=False).values.shape == (2, 3, 11)


def test_panels_could_not_have_shared_pairs(archive):
    design = coverage_design(archive)
    assert design.loc["random"].tolist() == [120, 120, 120, 332, 132, 0]
    assert design.loc["replay"].tolist() == [40, 16, 12, 40, 40, 8]


def test_student_intervals_leave_three_total_effects_without_zero(archive):
    table = total_effects(archive).set_index(["pair", "tissue"])
    excludes = (table["t_low"] > 0) | (table["t_high"] < 0)
    assert set(excludes.index[excludes]) == {
        ("KLF2->CXCR4", "kidney"),
        ("KLF2->CXCR4", "immune"),
        ("STAT4->S100A4", "kidney"),
    }
    wide = table.loc[("STAT4->S100A4", "lung")]
    ratio = (wide["t_high"] - wide["t_low"]) / (wide["normal_high"] - wide["normal_low"])
    assert ratio == pytest.approx(6.48, abs=0.01)


def test_counted_and_drawn_nulls_agree(archive):
    draws = 20_000
    table = overlap(archive, draws, 1)
    for name in ("shared", "depth"):
        exact, drawn = table[f"{name}_p_exact"], table[f"{name}_p_drawn"]
        error = np.sqrt(exact * (1 - exact) / draws)
        assert ((drawn - exact).abs() <= 4.5 * error + 2 / draws).all()
        assert np.allclose(table[f"{name}_mean_exact"], table[f"{name}_mean_drawn"], atol=0.004)


def test_which_rows_of_table_5_survive_the_right_nulls(archive):
    table = overlap(archive, 10, 0).set_index(["granularity", "k"])
    lost = table.index[table["shared_p_exact"] > 0.05].tolist()
    assert lost == [("blocks", 3), ("mlp", 10)]
    assert (table["depth_q"] > 0.05).all()
    assert (table["plug_in"] < table["independent_mean_exact"]).all()


def test_overlap_is_not_shown_to_be_pair_specific(archive):
    table = pair_specificity(archive, 2000, 2)
    assert (table["p_exact"] >= 0.25).all()
    assert np.allclose(table["p_exact"], table["p_drawn"], atol=0.05)


def test_both_sign_consistencies(archive):
    table = sign_consistency(archive)
    assert table.loc["STAT4->S100A4", "abs_mean_sign"] == pytest.approx(1 / 3)
    assert table.loc["STAT4->S100A4", "share_agreeing"] == pytest.approx(2 / 3)


def test_counts_of_table_7_corrected(archive):
    table = component_counts(archive, 4000, 3)
    assert table["published_of_top10"].tolist() == [0, 0, 5, 5, 4, 7]
    assert table["t_of_top10"].tolist() == [0, 0, 5, 4, 4, 5]
    for kind in ("selected", "unselected"):
        exact, drawn = table[f"expected_{kind}_exact"], table[f"expected_{kind}_drawn"]
        assert np.allclose(exact, drawn, rtol=0.05)


def test_concentration_is_no_more_than_noise_gives(archive):
    table = concentration(archive, 2000, 4)
    assert (table["p_noise"] > 0.05).all()


def test_printed_ranges_of_the_abstract(archive):
    means = tissue_overlap(archive)["mean"]
    assert round(means.max(), 2) == 0.71


def test_noise_share_integrated_and_drawn(archive):
    draws = 4000
    table = concentration(archive, draws, 5)
    # The share lies in [0.2, 1], so its standard deviation is below 0.15 in every run.
    assert np.allclose(table["noise_share"], table["noise_share_exact"], atol=4 * 0.15 / draws**0.5)


def test_student_intervals_cover_what_normal_ones_miss(archive):
    """Corrected intervals of Table 2 by drawing cells: 95 % of them hold the truth."""
    draws, rng = 40_000, np.random.default_rng(6)
    table = total_effects(archive)
    for row in table.itertuples():
        half_t, half_normal = (row.t_high - row.t_low) / 2, (row.normal_high - row.normal_low) / 2
        cells = rng.normal(size=(draws, row.n))
        t = np.abs(cells.mean(1)) / (cells.std(1, ddof=1) / np.sqrt(row.n))
        error = 4 * np.sqrt(0.05 * 0.95 / draws)
        assert (t > half_t / row.se).mean() == pytest.approx(0.05, abs=error)
        missed = (t > half_normal / row.se).mean()
        assert missed == pytest.approx(row.noncoverage_of_normal, abs=2 * error)


def test_counts_of_table_7_with_drawn_p(archive):
    """Corrected counts again, each component's p drawn instead of taken from Student's law."""
    draws, rng = 400_000, np.random.default_rng(7)
    tested = component_tests(archive)
    null = {
        n: np.sort(
            np.abs(rng.standard_normal(draws)) / np.sqrt(rng.chisquare(n - 1, draws) / (n - 1))
        )
        for n in tested["n"].unique()
    }
    size = (tested["mean"] / tested["se"]).abs()
    above = [draws - np.searchsorted(null[n], t) for n, t in zip(tested["n"], size, strict=True)]
    tested["drawn"] = (1 + np.array(above)) / (1 + draws)
    error = 4.5 * np.sqrt(tested["p"] * (1 - tested["p"]) / draws) + 2 / draws
    assert ((tested["drawn"] - tested["p"]).abs() <= error).all()
    counts = component_counts(archive, 100, 0).set_index(["tissue", "granularity"])
    for key, part in tested.groupby(["tissue", "granularity"], sort=False):
        assert counts.loc[key, "bh_of_all"] == (adjust(part["drawn"].to_numpy()) < 0.05).sum()
        assert counts.loc[key, "t_of_top10"] == (part.loc[part["top10"], "drawn"] < 0.05).sum()


def test_printed_permutation_p_within_monte_carlo_error_of_the_count(archive):
    exact = published_p(archive)
    for granularity, stated in (("blocks", 0.019), ("mlp", 0.001)):
        error = 2 * np.sqrt(exact[granularity] * (1 - exact[granularity]) / 10_000)
        assert exact[granularity] <= stated + error + 0.0005
    assert exact["blocks"] >= 0.019 - 0.0005 - 0.003
