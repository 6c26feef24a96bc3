"""The book without what nobody reads."""

from __future__ import annotations

import json

from bookkit import lighter

CSS = """
html[data-theme="light"] .highlight { background: #fefefe; color: #080808 }
html[data-theme="light"] .highlight .n { color: #080808 } /* Name */
html[data-theme="light"] .highlight .p { color: #080808 } /* Punctuation */
html[data-theme="light"] .highlight .g { color: #080808; font-weight: bold }
html[data-theme="light"] .highlight .k { color: #6730C5 } /* Keyword */
html[data-theme="dark"] .highlight { background: #2b2b2b; color: #f8f8f2 }
html[data-theme="dark"] .highlight .n { color: #f8f8f2 } /* Name */
html[data-theme="dark"] .highlight .p { color: #ffd700 } /* Punctuation */
html[data-theme="dark"] .highlight .g { color: #f8f8f2; font-weight: bold }
"""
ICONS = 'var a={"bars":[1,2,["navicon",61],"f0c9","M1z"],house:[1,2,[],"e3af",["M2","M3"]]},b={};'


def notebook(*data: dict) -> str:
    outputs = [{"output_type": "display_data", "data": one} for one in data]
    code = {"cell_type": "code", "source": ["a\n", "b"], "outputs": outputs}
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "µ"}, code]})


def test_a_drawing_goes_only_where_a_picture_stays():
    both = {"image/svg+xml": "<svg/>", "image/png": "abc", "text/plain": ["a ", "line"]}
    alone = {"image/svg+xml": "<svg/>"}
    made = json.loads(lighter.without_drawings(notebook(both, alone)))
    first, second = (one["data"] for one in made["cells"][1]["outputs"])
    assert first == {"image/png": "abc", "text/plain": "a line"} and second == alone
    assert [cell["source"] for cell in made["cells"]] == ["µ", "a\nb"]


def test_marks_go_where_every_theme_shows_them_as_their_surroundings():
    assert lighter.plain_classes(CSS) == {"n"}
    assert lighter.plain_classes("") == set()


def test_icons_that_are_named_stay_by_any_of_their_names():
    assert lighter.with_icons(ICONS, {"bars", "house"}) == ICONS
    alias = lighter.with_icons(ICONS, {"navicon"})
    assert '"bars"' in alias and "house" not in alias
    assert lighter.with_icons(ICONS, set()) == "var a={},b={};"


def test_a_built_book(tmp_path):
    static = tmp_path / "_static"
    icons = static / "vendor" / "fontawesome" / "6" / "js" / "all.min.js"
    files = {
        static / "pygments.css": CSS,
        static / "theme.css.map": "{}",
        static / "theme.js": "document.write('fa-house')",
        icons: ICONS,
        tmp_path
        / "page.html": '<i class="fa-solid fa-plus"></i><pre><span class="n">x</span></pre>',
        static / "shown.png": "",
        static / "card.png": "",
        static / "theme.css": ".x { background: url(shown.png) }",
        static / "locales" / "fr" / "booktheme.mo": "",
        static / "webfonts" / "fa-brands-400.woff2": "",
        static / "webfonts" / "fa-solid-900.woff2": "",
        tmp_path / "_sources" / "page.ipynb": notebook({"image/svg+xml": "s", "image/png": "p"}),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for _ in range(2):  # a second time finds nothing to do
        lighter.lighten(tmp_path)
        assert not (static / "theme.css.map").exists() and not (static / "locales").exists()
        assert [path.name for path in static.glob("*.png")] == ["shown.png"]
        assert [path.name for path in (static / "webfonts").iterdir()] == ["fa-solid-900.woff2"]
        assert "house" in icons.read_text() and "bars" not in icons.read_text()
        assert (
            tmp_path / "page.html"
        ).read_text() == '<i class="fa-solid fa-plus"></i><pre>x</pre>'
        assert "svg" not in (tmp_path / "_sources" / "page.ipynb").read_text()


def test_what_an_earlier_build_made_smaller_is_left_alone(tmp_path):
    (tmp_path / "old.html").write_text('<p class="a">x</p>', encoding="utf-8")
    lighter.lighten(tmp_path, since=(tmp_path / "old.html").stat().st_ctime + 1)
    assert (tmp_path / "old.html").read_text() == '<p class="a">x</p>'
    lighter.lighten(tmp_path)
    assert (tmp_path / "old.html").read_text() == "<p class=a>x"


def test_tables_in_notebooks_for_download_lose_what_only_the_book_reads():
    table = "<table><tr><td class='num' data-sort='0.12345'>0.123</td></tr></table>"
    made = json.loads(lighter.without_drawings(notebook({"text/html": table})))
    data = made["cells"][1]["outputs"][0]["data"]
    assert data == {"text/html": "<table><tr><td>0.123</td></tr></table>"}
