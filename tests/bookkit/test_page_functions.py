"""Imports, functions and constants of a page, without running it; rules for its code."""

from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookkit import definitions, fingerprint, lint, page_rules
from bookkit.publish import POSITION, with_prose
from helpers.errors import ParameterError
from papers import dependencies as of_papers

PAGE = '''---
kernelspec: {name: python3, display_name: Python 3}
---

# Title

```{code-cell} ipython3
:tags: [parameters]

seed: int = 0  # [0, 9] seed
n: int = 3  # [1, 9] how many
```

```{code-cell} ipython3
import numpy as np

LIMIT = 4
raise RuntimeError("a page must not run")
```

```{code-cell} ipython3
def above():
    """Return what is above the parameter."""
    return [x for x in np.arange(LIMIT) if x >= n]
```
'''
DECLARED = """
tests:
  "10.1":
    {hypothesis: h, statistic: s, unit: gene, under: u, sides: one,
     says: {found: yes it does, open: no}}
"""


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(tmp_path))
    monkeypatch.setenv("HELPERS_PARAMS_DIR", str(tmp_path))
    (tmp_path / "10_x.md").write_text(PAGE)
    (tmp_path / "demo.yaml").write_text("{}")
    return tmp_path


def test_functions_see_the_parameters_and_nothing_runs(notebooks):
    assert definitions("10_x")["above"]() == [3]
    assert definitions("10_x", n=2)["above"]() == [2, 3]


def test_parameters_are_checked(notebooks):
    with pytest.raises(ParameterError, match="no parameters"):
        definitions("10_x", m=2)
    with pytest.raises(ParameterError, match="allowed"):
        definitions("10_x", n=20)


def test_words_change_no_fingerprint_and_code_and_statements_do(notebooks):
    def parts():
        return fingerprint.parts("10_x", "demo", {"seed": 0, "n": 3})["fingerprint"]

    text = DECLARED.replace("no}", "'no'}").replace("yes it does", "'it does'")
    (notebooks / "10_x.yaml").write_text(text)
    first = parts()
    (notebooks / "10_x.md").write_text(PAGE.replace("# Title", "# Other\n\nMore words."))
    (notebooks / "10_x.yaml").write_text(text.replace("it does", "it really does"))
    assert parts() == first
    (notebooks / "10_x.yaml").write_text(text.replace("unit: gene", "unit: cell"))
    assert parts() != first
    (notebooks / "10_x.yaml").write_text(text)
    (notebooks / "10_x.md").write_text(PAGE.replace("x >= n", "x > n"))
    assert parts() != first


def test_a_page_depends_on_those_whose_functions_it_takes(notebooks):
    other = PAGE.replace("LIMIT = 4", 'LIMIT = definitions("10_x")')
    (notebooks / "90_y.md").write_text(other)
    before = fingerprint.parts("90_y", "demo", {})["source_sha256"]
    (notebooks / "10_x.md").write_text(PAGE.replace("x >= n", "x > n"))
    assert fingerprint.parts("90_y", "demo", {})["source_sha256"] != before


def cell(source, *tags):
    return new_notebook(cells=[new_code_cell(source, metadata={"tags": list(tags)})])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 0\n" * 19, "19 lines"),
        ("def f():\n    '''Doc.'''\n" + "    x = 1\n" * 14, "function f has 15 lines"),
        ("x = " + "1 + " * 25 + "1", "characters"),
        ("found = p <= 0.05", "run.alpha"),
        ("text = 'it does so' if found else 'it does not'", "chooses words"),
        ("run.say('It does.')", "run.say"),
    ],
)
def test_long_code_and_words_in_code_are_found(source, words):
    assert any(words in text for _, text in page_rules.problems(cell(source)))


@pytest.mark.parametrize(
    "source",
    [
        "import a\n" * 30,
        "axis = 'log' if wide else 'linear'",
        "x = 0\n" * 18,
        "def f():\n    x = 1",
    ],
)
def test_short_code_is_fine(source):
    assert list(page_rules.problems(cell(source))) == []
    assert list(page_rules.problems(cell("margin: float = 0.05", "parameters"))) == []


def test_the_linter_applies_them_to_pages_with_a_file_of_tests(notebooks, root, monkeypatch):
    monkeypatch.chdir(root)
    path = notebooks / "10_x.md"
    path.write_text(PAGE.replace("LIMIT = 4", "LIMIT = 0.05").replace("raise", "# raise"))
    assert lint.problems(path) == []
    (notebooks / "10_x.yaml").write_text("tests: {'10.1': {colour: red}}")
    found = "\n".join(lint.problems(path))
    assert "run.alpha" in found and "unknown key 'colour'" in found


def executed(*sources_of_code):
    cells = [new_markdown_cell("old words")]
    for k, source in enumerate(sources_of_code):
        cells.append(new_code_cell(source, metadata={POSITION: k}, outputs=[]))
    return new_notebook(cells=cells)


def source(*parts):
    made = [new_markdown_cell(p[1:]) if p[0] == "#" else new_code_cell(p) for p in parts]
    return new_notebook(cells=made)


def test_prose_is_that_of_the_source_where_the_code_is_the_same():
    found = with_prose(executed("a = 1", "b = 2"), source("#new", "a = 1", "#between", "b = 2"))
    assert [c["source"] for c in found["cells"]] == ["new", "a = 1", "between", "b = 2"]


@pytest.mark.parametrize("code", [("a = 2", "b = 2"), ("a = 1",), ("a = 1", "b = 2", "c = 3")])
def test_a_stale_page_keeps_its_own_prose(code):
    found = with_prose(executed("a = 1", "b = 2"), source("#new", *code))
    assert found["cells"][0]["source"] == "old words"


def test_cells_left_out_for_want_of_an_archive_do_not_count():
    kept = executed("a = 1")
    found = with_prose(kept, source("#new", "a = 1", "if archive:\n    b = 2"))
    assert [c["source"] for c in found["cells"]] == ["new", "a = 1"]


def test_a_changed_claim_concerns_the_pages_that_name_its_topic(notebooks, monkeypatch):
    (notebooks / "10_x.md").write_text(PAGE.replace("LIMIT = 4", 'LIMIT = "coexpression/table1"'))
    (notebooks / "10_x.yaml").write_text("tests: {}")
    claims = dict(of_papers.load_claims())

    def digest_with(changed):
        other = {changed: replace(claims[changed], note="another")}
        monkeypatch.setattr(of_papers, "load_claims", lambda: claims | other)
        return fingerprint.parts("10_x", "demo", {})["partial_sha256"]

    monkeypatch.setattr(of_papers, "load_claims", lambda: claims)
    before = fingerprint.parts("10_x", "demo", {})["partial_sha256"]
    assert digest_with("models/c2s-cells") == before
    assert digest_with("coexpression/table1") != before
