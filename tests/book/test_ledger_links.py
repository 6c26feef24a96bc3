"""From a published number to the code that recomputes it, and back, in the built book."""

from __future__ import annotations

import os
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
HTML = Path(os.environ.get("HELPERS_BOOK_HTML") or ROOT / "_build" / "html")
PAGES = HTML / "pages"
LEDGER = PAGES / "91_claim_ledger.html"
CHECKS = PAGES / "92_published_numbers.html"
MARKS = ("claim-", "answer-", "check-")

pytestmark = pytest.mark.skipif(
    not (LEDGER.is_file() and CHECKS.is_file()),
    reason="the book has not been built with pages 91 and 92: no _build/html",
)


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "lxml")


class Ids(HTMLParser):
    """The ids of a page in their order: a tree of every page that is linked takes long to make."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == "id"]


@cache
def ids(path: Path) -> tuple[str, ...]:
    parser = Ids()
    parser.feed(path.read_text(encoding="utf-8"))
    return tuple(parser.found)


def target(page: Path, href: str) -> tuple[Path, str]:
    parts = urlsplit(href)
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    return path, unquote(parts.fragment)


def notebooks() -> list[Path]:
    return sorted(PAGES.glob("[0-9]*.html"))


def ours(page: Path) -> list:
    """Links of a page to claims, answers, checks, source code and documentation."""
    found = []
    for link in soup(page).find_all("a", href=True):
        path, fragment = target(page, link["href"])
        if fragment.startswith(MARKS) or "_modules" in path.parts:
            found.append(link)
        elif path.name.startswith("api_") and fragment.startswith("helpers."):
            found.append(link)
    return found


@pytest.mark.parametrize("page", notebooks(), ids=lambda p: p.stem)
def test_every_link_leads_to_an_existing_page_and_place(page):
    for link in ours(page):
        path, fragment = target(page, link["href"])
        assert path.is_file(), link["href"]
        assert not fragment or fragment in ids(path), link["href"]


@pytest.mark.parametrize("page", notebooks(), ids=lambda p: p.stem)
def test_no_place_has_the_name_of_another(page):
    named = [name for name in ids(page) if name.startswith(MARKS)]
    assert len(named) == len(set(named))


def entries(page: Path) -> list[tuple]:
    return [(dt, dt.find_next_sibling("dd")) for dt in soup(page).select("dl.ledger dt")]


def test_every_answered_claim_leads_to_the_code_of_its_answer_and_back():
    answered = [(dt, dd) for dt, dd in entries(LEDGER) if "computed:" in dd.get_text()]
    assert answered, "no claim of this book is answered"
    for dt, dd in answered:
        links = [target(LEDGER, a["href"]) for a in dd.find_all("a")]
        places = [(path, name) for path, name in links if name.startswith("answer-")]
        # A page that compares holds its code itself, at the place that answers.
        assert places or any("_modules" in path.parts for path, _ in links), dt["id"]
        checks = [name for path, name in links if path == CHECKS and name.startswith("check-")]
        assert places or checks, dt["id"]
        if checks and not places:  # the code of an answer on a page stands there
            assert any("_modules" in path.parts for path, _ in links), dt["id"]
        for path, name in places:
            back = soup(path).find(id=name)
            assert target(path, back["href"]) == (LEDGER, dt["id"])


def test_every_link_back_is_from_a_claim_that_names_the_page():
    for page in notebooks():
        for name in ids(page):
            if name.startswith("answer-"):
                claim = soup(LEDGER).find(id="claim-" + name.removeprefix("answer-"))
                hrefs = [a["href"] for a in claim.find_next_sibling("dd").find_all("a")]
                assert f"{page.name}#{name}" in hrefs


def test_every_check_leads_to_its_claims_and_to_code():
    listed = entries(CHECKS)
    assert len(listed) >= 120
    for dt, dd in listed:
        links = [target(CHECKS, a["href"]) for a in dd.find_all("a")]
        assert any(path == LEDGER and name.startswith("claim-") for path, name in links), dt["id"]
        assert any("_modules" in path.parts for path, _ in links), dt["id"]
