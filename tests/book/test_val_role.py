"""Numbers in prose: printed, followed when they change, and missed aloud."""

from __future__ import annotations

import json

import pytest
from sphinx.testing.util import SphinxTestApp

from bookkit import assets

TEXT = """\
# Title

Mean {val}`10_x/a/mean:.2f`, low {val}`10_x/a/mean.low:.1f`, count {val}`10_x/n`, {val}`10_x/none`.
"""


@pytest.fixture
def build(tmp_path, results, monkeypatch):
    """A book of one page, and a function that builds it and returns HTML and warnings."""
    monkeypatch.setattr(assets, "bring_all", lambda root: None)
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("HELPERS_PROFILE", "demo")
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'bookkit.sphinx_ext']\nexclude_patterns = ['pages']\n"
    )

    def building(text: str = TEXT, **changes) -> tuple[str, str]:
        values = {
            "a/mean": {"value": 0.5, "low": 0.25, "high": 0.75},
            "n": {"value": 1234},
            "none": {"not_estimable": "two donors"},
        }
        folder = results / "demo" / "10_x"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text("{}")
        (folder / "values.json").write_text(json.dumps(values | changes))
        page = source / "index.md"
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
        app = SphinxTestApp("html", srcdir=source)
        app.build()
        html = (source / "_build" / "html" / "index.html").read_text()
        warnings = app.warning.getvalue()
        app.cleanup()
        return html, warnings

    return building


def test_values_are_printed(build):
    html, warnings = build()
    assert warnings == ""
    for text in ("0.50", "0.2", "1,234", "not estimable: two donors"):
        assert f"<span class=val>{text}</span>" in html


def test_a_changed_value_changes_the_page_in_an_incremental_build(build):
    build()
    html, warnings = build(n={"value": 99})
    assert "<span class=val>99</span>" in html and warnings == ""


@pytest.mark.parametrize(
    "target", ["10_x/absent", "10_x/a", "11_y/n", "10_x/a/mean.median", "10_x/none2:.2f", "10_x"]
)
def test_a_missing_value_is_a_warning(build, target):
    _, warnings = build(f"# Title\n\n{{val}}`{target}`\n")
    assert "WARNING" in warnings and "index.md:3" in warnings


def test_a_format_that_does_not_fit_is_a_warning(build):
    _, warnings = build("# Title\n\n{val}`10_x/n:.2q`\n")
    assert "WARNING" in warnings


def test_an_overlay_goes_before_the_profile(build, results, monkeypatch):
    folder = results / "custom" / "10_x"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (folder / "values.json").write_text(json.dumps({"n": {"value": 7}}))
    monkeypatch.setenv("HELPERS_OVERLAY", "custom")
    html, _ = build("# Title\n\n{val}`10_x/n`\n")
    assert "<span class=val>7</span>" in html
