"""The book is small enough to be sent and kept."""

from __future__ import annotations

from collections import Counter

BOUND = 30e6
"""Bytes; two thirds are tables and figures of the pages, with the notebooks for download."""

UNREAD = {".map", ".ttf", ".po", ".mo"}


def test_the_book_stays_below_its_bound(book_html):
    files = [path for path in book_html.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in UNREAD]
    sizes: Counter = Counter()
    for path in files:
        sizes[path.relative_to(book_html).parts[0]] += path.stat().st_size
    assert sizes.total() <= BOUND, sizes.most_common(8)


def test_notebooks_for_download_hold_each_figure_once(book_html):
    for path in (book_html / "_sources").rglob("*.ipynb"):
        assert '"image/svg+xml"' not in path.read_text(encoding="utf-8"), path.name
