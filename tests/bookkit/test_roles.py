"""Roles and directives: words follow q over the whole book, conditions show and hide."""

from __future__ import annotations

import json

import pytest
from sphinx.testing.util import SphinxTestApp

from bookkit import assets, conditions, staging
from bookkit.download import text_of
from bookkit.finding_tables import declared_table, findings_table, p_text, tally
from bookkit.findings import Results, changed, words_of
from helpers.errors import RunError
from helpers.estimates import NotEstimable
from helpers.registry import TestRecord, append

DECLARED = """
alpha: 0.05
primary: "10.1"
tests:
  "10.1":
    hypothesis: attention follows co-expression
    statistic: rho
    unit: gene
    under: gene labels permuted
    sides: one
    says: {found: follows co-expression, open: is not shown to follow it}
  "10.2":
    hypothesis: attention ranks regulation
    statistic: AUROC
    unit: gene
    under: gene labels permuted
    sides: two
    says: {above: ranks targets first, below: ranks targets last, open: is not shown to rank}
"""
ROWS = {  # p, q; None where the registry has no row, "old" where it saw another p
    "10.1/scgpt/baron": (0.001, 0.004),
    "10.1/geneformer/baron": (0.03, 0.09),
    "10.1/scgpt/sim": (0.02, None),
    "10.2/scgpt/baron": (0.01, 0.02),
    "10.2/geneformer/baron": (0.01, "old"),
}


@pytest.fixture
def book(tmp_path, results, monkeypatch):
    """A folder of one page, its results and its registry."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (notebooks / "10_x.md").write_text("# Title\n")
    (notebooks / "10_x.yaml").write_text(DECLARED)
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(notebooks))
    folder, registry = results / "demo" / "10_x", results / "demo" / "90_test_registry"
    folder.mkdir(parents=True)
    registry.mkdir(parents=True)
    values = {"n": {"value": 3}, "low": {"value": -0.2}, "none": {"not_estimable": "too few"}}
    lines = ["test_id,variant,p_raw,q_bh"]
    for test_id, (p, q) in ROWS.items():
        about = {"statistic": "s", "test": "t", "null": "n", "unit": "gene", "n_units": 9}
        about |= {"notebook": "10_x", "family": "F10", "role": "confirmatory", "hypothesis": "h"}
        append(TestRecord(test_id=test_id, estimate=0.51, p=p, **about), folder / "tests.jsonl")
        values[test_id] = {"value": 0.51, "p": p, "against": 0.516, "mde": 0.08}
        if q is not None:
            lines.append(
                f"{test_id},corrected,{0.5 if q == 'old' else p},{0.02 if q == 'old' else q}"
            )
    lost = {"estimable": False, "reason": "2 TFs", "test_id": "10.2/scgpt/sim"}
    append(TestRecord(**about, **lost), folder / "tests.jsonl")
    values["10.2/scgpt/sim"] = {"not_estimable": "2 TFs"}
    (folder / "values.json").write_text(json.dumps(values))
    (registry / "registry.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def found(book):
    return Results("demo")


def test_q_decides_where_there_is_one_and_p_is_marked(found):
    assert found.finding("10.1/scgpt/baron").words == "follows co-expression"
    assert found.finding("10.1/geneformer/baron").words == "is not shown to follow it"
    assert found.finding("10.1/scgpt/sim").words == "follows co-expression (uncorrected)"


def test_direction_is_taken_from_the_null_and_not_from_one_half(found):
    assert found.finding("10.2/scgpt/baron").words == "ranks targets last"


def test_a_registry_that_is_older_than_the_page_does_not_count(found):
    assert found.finding("10.2/geneformer/baron").words == "ranks targets last (uncorrected)"


def test_what_cannot_be_tested_says_why(found):
    assert found.finding("10.2/scgpt/sim").words == "cannot be tested (2 TFs)"


def test_tallies_count_answers(found):
    assert tally(found, "10.1") == "2 of 3 (uncorrected)"
    assert tally(found, "10.1/*/baron") == "1 of 2"
    assert tally(found, "10.2/scgpt/* above") == "0 of 1"
    assert found.value("10.2.below", "10_x") == 2
    assert found.value("10.2.untestable", "11_y") == 1
    assert found.value("10.1/scgpt/baron.answer", "11_y") == "found"
    assert found.value("10.1/scgpt/baron.q", "11_y") == 0.004
    assert found.value("10.1/scgpt/baron.mde", "11_y") == 0.08
    assert found.value("n", "10_x") == found.value("10_x/n", "11_y") == 3


def test_worlds_with_a_planted_answer_are_not_counted_unless_asked_for(found):
    rows = found.folder("10_x") / "tests.jsonl"
    about = {"statistic": "s", "test": "t", "null": "n", "unit": "gene", "n_units": 9}
    about |= {"notebook": "10_x", "family": "F10", "role": "descriptive", "hypothesis": "h"}
    planted = "10.1/sim/pair-signal"
    append(TestRecord(test_id=planted, estimate=0.9, p=0.001, **about), rows)
    assert tally(found, "10.1") == "2 of 3 (uncorrected)"
    assert tally(found, "10.1/sim/*") == "1 of 1", "nothing there waits for a correction"
    assert found.finding(planted).words == "follows co-expression (known truth)"
    assert "0.9; p = 0.001, known truth |" in findings_table(found, ["10.1"])
    only = {"test_id": "10.2/sim/no-signal", "estimate": 0.9, "p": 0.001}
    rows.write_text("")
    append(TestRecord(**only, **about), rows)
    again = Results("demo")
    assert tally(again, "10.2") == "1 of 1", "where there is nothing else they are counted"


def test_words_that_changed_since_the_last_build_are_listed(found):
    now = words_of(found)
    assert len(now) == len(ROWS) + 1 and now["10.1/scgpt/baron"] == "follows co-expression"
    before = now | {"10.1/scgpt/baron": "is not shown to follow it", "10.9/gone": "x"}
    line = "10.1/scgpt/baron: is not shown to follow it -> follows co-expression"
    assert changed(before, now) == [line] and changed({}, now) == []


def test_tables_show_words_numbers_and_what_could_have_been_found(found):
    text = findings_table(found, ["10.1", "10.2"])
    assert "| scgpt, baron | **follows co-expression**: 0.51; p = 0.001, q = 0.004 |" in text
    assert "smallest effect found: 0.08 |" in text and text.endswith("with a power of 0.8.")
    assert "cannot be tested (2 TFs)" in text and "uncorrected" in text
    declared = declared_table(found.declared("10_x"))
    assert "| **10.1** | attention follows co-expression | rho | gene labels permuted |" in declared
    assert p_text(0.0003) == "p < 0.001"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("n == 3", True),
        ("n > 3", False),
        ("low <= -0.1 and n != 4", True),
        ("none == none", True),
        ("10.1/scgpt/baron.answer == found and 10.1.calls == 2", True),
        ("n > 4 and no/such > 1", False),
    ],
)
def test_conditions(found, condition, holds):
    assert conditions.holds(condition, lambda key: found.value(key, "10_x")) is holds


@pytest.mark.parametrize("text", ["n", "n = 3", "n == 3 or n == 4", "__import__('os') == 1 2", ""])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(RunError, match="is no condition"):
        conditions.parse(text)


def test_values_without_order_are_refused():
    with pytest.raises(RunError, match="cannot be compared"):
        conditions.holds("a < 3", {"a": NotEstimable("why")}.get)


MARKDOWN = """\
# Title

{val}`n`, {val}`low:.1f`, {finding}`10.1/scgpt/baron`, in {tally}`10.1/*/baron`.

````{when} n == 3
Shown {val}`n`.

```{when} n == 4
Hidden inside.
```
````

```{when} n == 4
Hidden.
```

```{findings} 10.2
```

```{tests}
```
"""


def test_a_copy_has_everything_resolved(found):
    text = text_of(MARKDOWN, "10_x", found)
    assert "3, \N{MINUS SIGN}0.2, follows co-expression, in 1 of 2." in text
    assert "Shown 3." in text and "Hidden" not in text and "{" not in text
    assert text_of("{val}`no/such` {finding}`10.7/a`", "10_x", found).count("{") == 2


@pytest.fixture
def build(book, monkeypatch):
    """A book of the page and a function that builds it and returns HTML and warnings."""
    monkeypatch.setattr(assets, "bring_all", lambda root: None)
    monkeypatch.setattr(staging, "CARDS", {})
    monkeypatch.setenv("HELPERS_PROFILE", "demo")
    (source := book / "source").mkdir()
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'bookkit.sphinx_ext']\nexclude_patterns = ['pages']\n"
    )

    def building(text: str) -> tuple[str, str]:
        (source / "index.md").write_text("# Start\n\n```{toctree}\n10_x\n```\n")
        (source / "10_x.md").write_text(text)
        app = SphinxTestApp("html", srcdir=source)
        app.build()
        html = (source / "_build" / "html" / "10_x.html").read_text()
        warnings = app.warning.getvalue()
        app.cleanup()
        return html, warnings

    return building


def test_the_book_shows_the_same(build):
    html, warnings = build(MARKDOWN)
    assert warnings == ""
    assert "<span class=finding>follows co-expression</span>" in html
    assert "<span class=tally>1 of 2</span>" in html
    assert "Shown" in html and "Hidden" not in html
    assert html.count("<table") == 2 and "is not shown to rank" not in html


MISSING = [
    "{finding}`10.1/no/such`",
    "{tally}`10.7`",
    "{val}`no/such`",
    "```{when} no/such == 1\nx\n```",
    "```{when} n is 3\nx\n```",
    "```{findings} 10.9\n```",
]


def test_what_is_not_there_is_a_warning(build):
    _, warnings = build("# Title\n\n" + "\n\n".join(MISSING) + "\n")
    assert warnings.count("cannot be shown") == len(MISSING)
    for line in (3, 5, 7, 9, 13, 17):
        assert f"10_x.md:{line}" in warnings
