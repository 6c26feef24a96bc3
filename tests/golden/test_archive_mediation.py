"""Pages 22, 24 and 50 on the archived runs: every printed figure, and what is left of it."""

import json

import pandas as pd
import pytest
from page_runs import result_of

from papers.archives import from_folder
from papers.archives.locate import MEDIATION
from papers.archives.mediation import read_components

pytestmark = [pytest.mark.mirror, pytest.mark.slow]

FIGURES = {
    "b/table1": 32,
    "b/table2": 24,
    "b/table3": 18,
    "b/table4": 6,
    "b/table5": 26,
    "b/table6": 8,
    "b/table7": 18,
}


class Done:
    """What a page left behind."""

    def __init__(self, folder):
        self.folder = folder
        self.values = json.loads((folder / "values.json").read_text())
        rows = map(json.loads, (folder / "tests.jsonl").read_text().splitlines())
        self.tests = {(row["test_id"], row["variant"]): row for row in rows}

    def value(self, key):
        return self.values[key]["value"]

    def p(self, test_id):
        return self.tests[test_id, "corrected"]["p"]

    def table(self, name, keys=1):
        return pd.read_csv(self.folder / "tables" / f"{name}.csv", index_col=list(range(keys)))


@pytest.fixture(scope="module")
def pages(mirror_dir, tmp_path_factory):
    names = ("22_mediation_bias", "24_cross_context", "50_mediation_circuits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPERS_RESULTS_DIR", str(tmp_path_factory.mktemp("archived")))
        patch.setenv("HELPERS_DATA_MIRROR", str(mirror_dir))
        yield {name[:2]: Done(result_of(name, archive=True)) for name in names}


@pytest.fixture(scope="module")
def locate(mirror_dir):
    return from_folder(mirror_dir / MEDIATION)


def test_every_printed_figure_is_reproduced(pages):
    for page in pages.values():
        compared = {k: e for k, e in page.values.items() if "matches" in e}
        assert compared
        assert not [key for key, entry in compared.items() if not entry["matches"]]


@pytest.mark.parametrize("claim", FIGURES)
def test_every_cell_of_a_table_is_compared(pages, claim):
    entries = pages["50"].values.values()
    found = [e for e in entries if e.get("claim", "").startswith(f"{claim}[") and "matches" in e]
    assert len(found) == FIGURES[claim]


def test_last_layer_is_structurally_zero_only_where_source_and_target_differ(locate):
    for tier in ("refined", "initial"):
        table = read_components(locate, tier)
        zero = table.assign(zero=table["mean"] == 0)
        other = zero["source"] != zero["target"]
        assert (zero.loc[other, "zero"] == (zero.loc[other, "layer"] == 11)).all()
        assert not zero.loc[~other, "zero"].any()


def test_panels_could_not_have_shared_pairs(pages):
    design = pages["50"].table("panels")
    assert design.loc["random"].tolist() == [120, 120, 120, 332, 0, 132]
    assert design.loc["replay"].tolist() == [40, 16, 12, 40, 8, 40]


def test_student_intervals_leave_three_total_effects_without_zero(pages):
    found = [pages["50"].p(t) for t in ("50.1/klf2-cxcr4/kidney", "50.3/klf2-cxcr4/immune")]
    found.append(pages["50"].p("50.4/stat4-s100a4/kidney"))
    assert all(p <= 0.05 for p in found)
    others = ("50.2/klf2-cxcr4/lung", "50.6/stat4-s100a4/immune")
    assert all(pages["50"].p(test) > 0.05 for test in others)
    assert not pages["50"].tests["50.5/stat4-s100a4/lung", "corrected"]["estimable"]
    assert pages["50"].value("effects/widest") == pytest.approx(6.48, abs=0.01)


def test_concentration_is_no_more_than_noise_gives(pages):
    gap = pages["50"].tests["50.19", "corrected"]
    assert gap["estimate"] == pytest.approx(0.2272652, abs=1e-6)
    assert gap["p"] > 0.3
    assert pages["50"].value("gap/null_mean") == pytest.approx(0.19, abs=0.015)
    assert pages["50"].value("gap/null_sd") == pytest.approx(0.05, abs=0.01)
    assert pages["50"].value("concentration/runs_above_noise") == 0
    shares = pages["50"].table("concentration", 3)
    assert ((shares["noise_share"] - shares["noise_share_exact"]).abs() < 0.045).all()


def test_which_rows_of_table_5_survive_which_null(pages):
    rows = {t: r for (t, v), r in pages["50"].tests.items() if v == "corrected"}
    free = {t: r["p"] for t, r in rows.items() if t.split("/")[0][3:] in map(str, range(7, 15))}
    lost = sorted(t for t, p in free.items() if p > 0.05)
    assert lost == ["50.14/mlp/k10", "50.7/blocks/k3"]
    assert pages["50"].p("50.17/blocks/k5") > 0.5
    assert pages["50"].p("50.18/mlp/k5") == pytest.approx(1 / 32)
    for test in ("50.15/blocks/k5", "50.16/mlp/k5"):
        assert pages["50"].p(test) >= 0.25 == pages["50"].value("specificity/floor")


def test_archived_permutation_p_is_the_printed_one(pages):
    published = pages["50"].tests["50.8/blocks/k5", "published"]["p"]
    assert round(published, 3) == 0.019
    assert pages["50"].tests["50.12/mlp/k5", "published"]["p"] < 0.001


def test_counts_of_table_7_corrected(pages):
    table = pages["50"].table("components", 2)
    assert table["published_of_top10"].tolist() == [0, 0, 5, 5, 4, 7]
    assert table["t_of_top10"].tolist() == [0, 0, 5, 4, 4, 5]
    assert table["bh_of_all"].tolist() == [0, 0, 0, 0, 6, 0]


def test_what_is_left_of_ten_of_sixteen(pages):
    page = pages["22"]
    assert page.value("positive-count") == 10
    assert page.value("run-pairs/positive") == 4
    assert page.values["run-pairs/positive"]["note"] == "components taken as independent"
    assert page.value("run-pairs/positive_at_worst") == 0
    assert "claim" not in page.values["run-pairs/positive_at_worst"]
    assert page.value("run-pairs/estimable") == page.value("run-pairs/self-pairs") == 12
    assert page.value("run-pairs/regulation_estimable") == 0
    assert page.tests["22.17", "corrected"]["n_units"] == 3


def test_certified_fractions(pages):
    assert round(pages["22"].value("certificate-lambda1"), 4) == 0.0669
    assert round(pages["22"].value("certificates/uniform/1"), 4) == 0.0063
    assert pages["22"].value("certificates/uniform/3") == 0


def test_six_correlations_and_what_is_left_beyond_depth(pages):
    page = pages["24"]
    found = {t: r["estimate"] for (t, v), r in page.tests.items() if v == "published"}
    assert [round(rho, 3) for rho in found.values()] == [0.625, -0.44, 0.423, 0.469, -0.322, 0.706]
    assert (page.value("survivors/0"), page.value("survivors")) == (2, 1)
    assert page.p("24.3/jun-jun/immune-kidney/blocks") == pytest.approx(7 / 4096)
    assert page.p("24.13") == page.value("specificity/floor") == pytest.approx(1 / 6)
    assert not any("immune-lung" in test for test, _ in page.tests)
    assert page.tests["24.14", "corrected"]["estimate"] == 0
    assert 0.03 < page.value("differing/largest_level") < 0.08
    refined = round(page.value("refined/lowest"), 2), round(page.value("refined/highest"), 2)
    assert refined == (-0.78, 0.85)
