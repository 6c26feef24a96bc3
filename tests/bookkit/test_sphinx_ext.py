"""What Sphinx keeps between two builds, and what it does again."""

from __future__ import annotations

import shutil

import pytest
from sphinx.testing.util import SphinxTestApp

from bookkit import assets, staging

CONF = """\
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_exercise",
              "bookkit.sphinx_ext"]
exclude_patterns = ["pages"]
templates_path = ["templates"]
"""
PAGES = {
    "index.md": "# Start\n\n```{toctree}\napi\none\ntwo\n```\n",
    "api.md": "# API\n\n```{eval-rst}\n.. automodule:: bookkit.numerals\n   :members:\n```\n",
    "one.md": "# One\n\nA sentence.\n\n```{exercise} Sum\n:label: ex-one\n\nOne and one?\n```\n",
    "two.md": "# Two\n\n```{solution} ex-one\n:label: ex-two\n\nIt is 2.\n```\n",
}


@pytest.fixture
def build(tmp_path, root, monkeypatch):
    """A function that writes pages and builds; it returns the folder of the HTML."""
    monkeypatch.setattr(assets, "bring_all", lambda root: None)
    monkeypatch.setattr(staging, "stage", lambda *_: [])
    shutil.copytree(root / "book" / "_templates", tmp_path / "templates")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "api.md").write_text("---\norphan: true\n---\n# The package\n")

    def building(pages):
        (tmp_path / "conf.py").write_text(CONF)
        for name, text in pages.items():
            (tmp_path / name).write_text(text)
        app = SphinxTestApp("html", srcdir=tmp_path)
        app.build()
        warnings = app.warning.getvalue()
        app.cleanup()
        assert warnings == ""
        return tmp_path / "_build" / "html"

    return building


def test_no_page_keeps_the_whole_book(build, tmp_path):
    build(PAGES)
    kept = tmp_path / "_build" / "doctrees"
    for name in ("api", "one", "two"):
        assert b"BuildEnvironment" not in (kept / f"{name}.doctree").read_bytes(), name
    environment = (kept / "environment.pickle").read_bytes()
    assert b"BuildEnvironment" in environment and b"A sentence." not in environment


def test_a_changed_page_leaves_source_code_and_finds_the_exercises_of_others(build):
    html = build(PAGES)
    source, two = html / "_modules" / "bookkit" / "numerals.html", html / "two.html"
    before = source.stat().st_ctime_ns
    assert "Solution to" in two.read_text() and "(Sum)" in two.read_text()
    build({"two.md": PAGES["two.md"] + "\nIt is even.\n"})
    assert source.stat().st_ctime_ns == before
    text = two.read_text()
    assert "It is even." in text and "(Sum)" in text and "href=one.html#ex-one" in text
