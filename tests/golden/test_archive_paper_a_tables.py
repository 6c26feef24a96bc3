"""Paper A's Tables 1 to 7, the matched AUROC, held-out layers and Figure 12 from archives."""

import numpy as np
import pytest

from helpers.analyses import published_tables as published
from helpers.analyses.published_scaling import curves, means
from helpers.archives import from_folder
from helpers.archives.attention import read_scaling
from helpers.archives.locate import ATTENTION, CONFOUND
from helpers.plotting import archives as plots
from helpers.statistics.curve_fits import bootstrap_params, fit, fit_all, selection_rates

pytestmark = pytest.mark.mirror

EXPECTED = {
    "table1": (8, set()),
    "table2": (53, set()),
    "table3": (43, {"cssi/early-layers-auroc#high"}),
    "table4": (27, set()),
    "table5": (84, set()),
    "table6": (13, set()),
    "matched": (12, set()),
    "heldout": (4, set()),
    "table7": (
        36,
        {"scaling/table7[logarithmic].equation#1", "scaling/table7[linear].equation#1"},
    ),
    "leakage": (20, set()),
}
"""Printed figures compared, and those that the archive does not give."""


@pytest.fixture(scope="module")
def sections(mirror_dir):
    found = {}
    for name in published.NAMES:
        group = CONFOUND if name == "leakage" else ATTENTION
        locate = from_folder(mirror_dir / group)
        found[name] = published.open_sections(name, locate=locate, draws=60).sections[0]
    return found


@pytest.mark.parametrize("name", published.NAMES)
def test_printed_figures(sections, name):
    cells = published.stacked(sections[name].checks)
    count, wrong = EXPECTED[name]
    assert set(cells.loc[~cells["match"], "path"]) == wrong
    assert len(cells) == count


def test_rounding_twice_is_rare_and_named(sections):
    twice = [
        path
        for section in sections.values()
        for path in published.stacked(section.checks).query("twice")["path"]
    ]
    assert sorted(twice) == [
        "crosstissue/brain-mean",
        "crosstissue/table5[L7].brain_trrust",
        "crosstissue/table5[L8].kidney_dorothea",
        "crosstissue/table6[attention (pooled)].trrust_28",
        "scaling/table7[exponential saturation].equation#2",
        "scaling/table7[exponential saturation].equation#3",
    ]


def test_best_variant_of_every_printed_layer(sections):
    from helpers.registry.claims import load_claims, table_rows

    table = sections["table3"].table
    for row in table_rows(load_claims()["cssi/table3"]):
        assert table.loc[str(row["layer"]), "best_variant"] == row["best_variant"]


def test_kmeans_strata_are_worse_than_pooling(sections):
    table = sections["table2"].table
    assert table["kmeans_f1"].round(2).tolist() == [0.60, 0.29, 0.26, 0.28, 0.24, 0.27]
    assert (table["kmeans_f1"] < table["pooled_f1"]).all()


def test_held_out_p_counted_and_drawn(sections):
    section = sections["heldout"]
    exact, drawn = section.corrected["p_exact"], section.corrected["p_drawn"]
    assert exact == pytest.approx(5 / 220)
    assert drawn == pytest.approx(exact, abs=4.5 * np.sqrt(exact / 20_000))


def test_fits_exact_intervals_and_bootstrap_agree(mirror_dir):
    points = means(from_folder(mirror_dir / ATTENTION))["auroc"]
    n, y = points.index.to_numpy(float), points.to_numpy()
    found = fit("linear", n, y)
    limits = bootstrap_params(n, found, 1500, np.random.default_rng(0))
    for key in found.params:
        half_t = (found.high[key] - found.low[key]) / 2
        half_drawn = (limits[key][1] - limits[key][0]) / 2
        # The bootstrap takes the noise as known: normal instead of t(7) quantiles.
        assert half_drawn == pytest.approx(half_t * 1.960 / 2.365, rel=0.08)


def test_nine_points_cannot_tell_the_curves_apart(mirror_dir):
    points = means(from_folder(mirror_dir / ATTENTION))["auroc"]
    n, y = points.index.to_numpy(float), points.to_numpy()
    fits = fit_all(n, y)
    aicc = {name: round(found.aicc, 1) for name, found in fits.items()}
    assert aicc == {"exponential saturation": -66.7, "logarithmic": -69.2, "linear": -61.3}
    rng = np.random.default_rng(1)
    rates = [
        selection_rates(n, fits[name], 150, rng)["logarithmic"]
        for name in ("exponential saturation", "logarithmic")
    ]
    assert min(rates) > 0.8


def test_scaling_archive_is_not_the_six_layer_model(mirror_dir):
    runs, about = read_scaling(from_folder(mirror_dir / ATTENTION))
    assert about["best_layer"] == 13
    assert runs.groupby("cells").size().eq(2).all()


def test_figures_of_the_archived_tables(mirror_dir, sections):
    locate = from_folder(mirror_dir / ATTENTION)
    figure, alt = plots.scaling_points(means(locate), curves(locate))
    assert "9 numbers of cells" in alt
    figure, alt = plots.leakage_scores(sections["leakage"].table)
    assert "0.96" in alt
    assert len(figure.axes) == 3
