"""What pages declare and record, roles, the recount, and the figures of page 90."""

import json

import numpy as np
import pytest
from scipy import stats

from bookkit import bookkeeping, definitions, sensitivity
from bookkit import registry_figures as plots
from helpers.datasets.simulate.planted import breaches, role_of
from helpers.errors import RunError
from helpers.registry import TestRecord, append, correction
from helpers.registry.records import NOT_FETCHED
from papers import audit, simulation
from papers.completions import smallest_m

PAGES = ["12_null_models"]
HAND_EXAMPLE = (0.005, 0.011, 0.02, 0.04, 0.8)


def record(number, p, family="F12", **more):
    fields = {
        "test_id": number,
        "notebook": "12_null_models",
        "hypothesis": "something holds",
        "statistic": "AUROC",
        "test": "permutation",
        "null": "gene labels permuted",
        "unit": "gene",
        "n_units": 140,
        "family": family,
        "role": "confirmatory",
        "p": p,
    }
    return TestRecord(**(fields | more))


@pytest.fixture
def profile(tmp_path):
    folder = tmp_path / "12_null_models"
    folder.mkdir()
    for number, p in enumerate(HAND_EXAMPLE, start=1):
        append(record(f"12.{number}", p, p_floor=0.001), folder / "tests.jsonl")
    kept = {"tests": 5, "declares": [f"12.{i}" for i in range(1, 6)]}
    (folder / "run.json").write_text(json.dumps(kept), encoding="utf-8")
    return tmp_path


def test_registry_leaves_its_own_page_out(profile):
    own = profile / "90_test_registry"
    own.mkdir()
    row = record("90.1", 0.5, notebook="90_test_registry", unit="row", family="F90")
    append(row, own / "tests.jsonl")
    assert len(bookkeeping.registry_of(profile, PAGES)) == 5


def test_bookkeeping_sees_missing_undeclared_and_repeated_rows(profile):
    found = bookkeeping.bookkeeping(profile, PAGES).iloc[0].tolist()
    assert found == ["12_null_models", 5, 0, 0, 0]
    path = profile / "12_null_models" / "tests.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    other = lines[0].replace('"12.1"', '"12.9/x"')
    path.write_text("\n".join([*lines[:3], lines[0], other]) + "\n", encoding="utf-8")
    row = bookkeeping.bookkeeping(profile, PAGES).iloc[0]
    assert (row["rows"], row["missing"], row["undeclared"], row["repeated"]) == (5, 2, 1, 1)


def test_a_page_without_declarations_is_refused(profile):
    (profile / "12_null_models" / "run.json").write_text('{"tests": 5}', encoding="utf-8")
    with pytest.raises(RunError, match="declares"):
        bookkeeping.declared_tests(profile, PAGES)


def test_the_machinery_of_page_90_counts_and_tests(profile):
    page = definitions("90_test_registry")
    _, found = simulation.error_rates(200, np.random.default_rng(0))
    null = found["all null, blocks", "bh"]
    registry = bookkeeping.registry_of(profile, PAGES)
    books = bookkeeping.bookkeeping(profile, PAGES)
    rows = page["machinery"](null, books, registry)
    assert rows["90.1"].p == pytest.approx(stats.binom.sf(null.any_false_count - 1, 200, 0.05))
    assert rows["90.2"].estimate == rows["90.3"].estimate == 0
    assert rows["90.2"].p == rows["90.3"].p == 1.0
    below = registry.assign(p_floor=registry["p_raw"] + 0.01)
    wrong = page["machinery"](null, books, below)["90.3"]
    assert wrong.estimate == 5 and wrong.p == 0.0
    worse = page["machinery"](null, books.assign(missing=1), registry)["90.2"]
    assert (worse.estimate, worse.p) == (1, 0.0)


def test_q_by_hand_on_the_page_is_the_packages():
    q = definitions("90_test_registry")["by_hand"](list(HAND_EXAMPLE))
    assert q == pytest.approx([0.025, 0.0275, 0.1 / 3, 0.05, 0.8])


def test_roles_follow_one_rule(profile):
    for planted in ("12.1/sim/prominence-only", "11.1/sim/Large", "11.7/sim/all"):
        assert role_of(planted) == "descriptive"
    for open_question in ("10.1/scgpt/sim", "12.1/scgpt/baron/trrust", "24.13"):
        assert role_of(open_question) == "confirmatory"
    registry = bookkeeping.registry_of(profile, PAGES)
    assert breaches(registry) == []
    planted = registry.assign(test_id=registry["test_id"] + "/sim/one-TF")
    assert len(breaches(planted)) == 5


def test_an_absent_file_is_not_counted_as_a_design_without_an_answer(profile):
    silent = bookkeeping.registry_of(profile, PAGES).assign(estimable=True, reason="")
    assert bookkeeping.unanswered(silent) == {"absent": 0, "design": 0}
    silent.loc[silent.index[:2], ["estimable", "reason"]] = [False, NOT_FETCHED]
    silent.loc[silent.index[2], ["estimable", "reason"]] = [False, "one donor"]
    assert bookkeeping.unanswered(silent) == {"absent": 2, "design": 1}


def test_published_row_fails_at_56_tests():
    table = audit.published_table()
    rows, _ = audit.recount(table)
    p = np.concatenate([rows["high"].to_numpy(), np.ones(table.silent)])
    assert smallest_m(p, int(np.flatnonzero(rows["raw_p"].eq("0.020"))[0])) == 56
    q = rows.set_index("raw_p").loc["0.020"]
    assert q["q_low"] <= q["q_high"] < 0.05


def test_figures_show_every_test(profile):
    corrected = correction.correct(bookkeeping.registry_of(profile, PAGES))
    figure, alt = plots.p_histograms(corrected)
    assert sum(p.get_height() for p in figure.axes[0].patches) == 5
    assert "4 of 5 at most 0.05" in alt
    table = sensitivity.by_definition(corrected)
    figure, alt = plots.definitions(table)
    drawn = [len(line.get_xdata()) for line in figure.axes[0].lines]
    assert sum(drawn) == 4 * len(table) + 2  # three values and a gap each, and the level
    assert f"Lines of adjusted p for {len(table)} tests" in alt
