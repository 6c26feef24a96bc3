"""Declared tests on a page, without a kernel."""

import json
from dataclasses import replace

import pytest

from bookkit import page, show
from bookkit.finding_tables import live_table
from bookkit.findings import uncorrected
from bookkit.values import lookup
from helpers.errors import RegistryError, RunError
from helpers.estimates import Estimate, NotEstimable
from helpers.registry import read
from helpers.statistics import Outcome

DECLARED = """
tests:
  "10.1":
    {hypothesis: h, statistic: AUROC, unit: gene, under: labels permuted, sides: two, against: 0.5,
     says: {above: more, below: less, open: unclear}}
  "10.2": {hypothesis: h, statistic: range, unit: model, role: descriptive}
"""
FOUND = Outcome(
    0.6, 0.01, "two", "t", "labels permuted", "gene", 9, 99, 0.01, 0.5, 0.7,
    detail={"null_mean": 0.516, "se": 0.02, "inner": [1, 2], "n_positive": 7},
)  # fmt: skip


@pytest.fixture
def run(results, tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(tmp_path))
    (tmp_path / "10_x.yaml").write_text(DECLARED)
    return page("10_x")


def values(run):
    return json.loads((run.folder / "values.json").read_text())


def test_every_test_is_a_record_and_a_value(run):
    run.tests({"10.1": FOUND}, "scgpt", "baron")
    run.tests({"10.1": NotEstimable("2 genes")}, "scgpt", "kang")
    run.tests({"10.1": FOUND}, "scgpt", "prominence-only")
    run.tests({"10.2": Estimate(0.1, unit="model", n_units=2)}, "baron")
    run.finish()
    rows = {row.test_id: row for row in read(run.folder / "tests.jsonl")}
    assert rows["10.1/scgpt/baron"].role == "confirmatory"
    assert rows["10.1/scgpt/prominence-only"].role == "descriptive", "its answer was planted"
    assert rows["10.1/scgpt/kang"].reason == "2 genes"
    kept = values(run)
    key = "10.1/scgpt/baron"
    expected = {"p": 0.01, "low": 0.5, "high": 0.7, "n": 9, "against": 0.516, "n_positive": 7}
    assert {name: lookup(kept, f"{key}.{name}") for name in expected} == expected
    assert lookup(kept, f"{key}.mde") == pytest.approx(0.02 * (1.96 + 0.8416), abs=1e-3)
    assert lookup(kept, key) == 0.6 and lookup(kept, "10.2/baron") == 0.1
    assert lookup(kept, "10.1/scgpt/kang") == NotEstimable("2 genes")
    assert "inner" not in kept[key]["detail"]


def test_outside_the_book_the_findings_are_shown_uncorrected(run, monkeypatch):
    run.tests({"10.1": FOUND}, "scgpt", "baron")
    run.tests({"10.1": replace(FOUND, p=0.4)}, "scgpt", "kang")
    run.tests({"10.1": NotEstimable("2 genes")}, "scgpt", "sim")
    found = uncorrected(read(run.folder / "tests.jsonl"), run.stated, run.values)
    rows = [line.strip("| ").split(" | ") for line in live_table(run.stated, found).splitlines()]
    first = ["scgpt, baron", "0.6", "0.5 to 0.7", "p = 0.01", "more (uncorrected)"]
    assert rows[2] == ["AUROC (10.1)", *first]
    assert rows[3][-1] == "unclear (uncorrected)" and rows[4][-1] == "cannot be tested (2 genes)"
    assert rows[5][:2] == ["range (10.2)", "none yet"]
    tables = []
    monkeypatch.setattr(show, "show_text", tables.append)
    run.findings()
    run.tests({"10.2": Estimate(0.1, unit="model", n_units=2)}, "baron")
    run.finish()
    assert "none yet" in tables[0] and "| more (uncorrected) |" in tables[0]
    assert "none yet" not in tables[1] and "is described, not tested" in tables[1]


def test_statements_lie_beside_a_notebook_outside_the_project(run, tmp_path, monkeypatch):
    run.alpha  # noqa: B018 - read: it is declared
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "10_x.yaml").rename(elsewhere / "10_x.yaml")
    with pytest.raises(RunError, match="needs this file in its folder"):
        page("10_x").findings()
    monkeypatch.chdir(elsewhere)
    page("10_x").findings()


def test_what_is_not_as_declared_is_refused(run):
    with pytest.raises(RegistryError, match="unit of the outcome is 'cell'"):
        run.tests({"10.1": replace(FOUND, unit="cell")}, "a")
    with pytest.raises(RegistryError, match="not declared"):
        run.tests({"10.9": FOUND}, "a")
    run.tests({"10.1": FOUND}, "a")
    with pytest.raises(RegistryError, match="already"):
        run.tests({"10.1": FOUND}, "a")
    with pytest.raises(RunError, match=r"not recorded: \['10.2'\]"):
        run.finish()
    assert run.alpha == 0.05


def test_tests_are_declared_in_one_place(run, tmp_path):
    with pytest.raises(RunError, match="leave declares= out"):
        page("10_x", declares=("10.1",))
    (tmp_path / "10_x.yaml").unlink()
    plain = page("10_x", declares=("10.1",))
    with pytest.raises(RunError, match=r"no 10_x\.yaml"):
        plain.tests({"10.1": FOUND}, "a")
    with pytest.raises(RunError, match=r"no 10_x\.yaml"):
        _ = plain.alpha
