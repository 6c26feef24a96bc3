"""The built book says nothing of the machine that built it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READABLE = {".html", ".ipynb", ".md", ".txt", ".json", ".inv", ".csv", ".svg"}
HOMES = re.compile(r"(?<![\w.:/])/(?:home|root|Users)/[\w.-]+")


def paths_in(text: str) -> list[str]:
    """Return checkout path and home directories in a text, with what stands around them."""
    places = [
        m.start()
        for name in (str(ROOT), str(Path.home()))
        if len(name) > 5
        for m in re.finditer(re.escape(name), text)
    ]
    places += [match.start() for match in HOMES.finditer(text)]
    return [text[max(0, place - 60) : place + 60] for place in places]


def test_paths_are_found():
    assert paths_in(f"see {ROOT}/src") and paths_in("in /home/somebody/work")
    assert not paths_in("https://example.org/home/page and a/root/b")


def test_no_page_and_no_download_names_a_folder_of_this_machine(book_html):
    files = [p for p in book_html.rglob("*") if p.suffix in READABLE and "_static" not in p.parts]
    found = {
        str(path.relative_to(book_html)): told
        for path in files
        if (told := paths_in(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert found == {}
