"""From a published number to the code that recomputes it, and back, in the built book."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html

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
def tree(path: Path) -> html.HtmlElement:
    return html.document_fromstring(path.read_text(encoding="utf-8"))


@cache
def ids(path: Path) -> list[str]:
    return tree(path).xpath("//@id")


@cache
def target(page: Path, href: str) -> tuple[Path, str]:
    parts = urlsplit(href)
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    return path, unquote(parts.fragment)


def notebooks() -> list[Path]:
    return sorted(PAGES.glob("[0-9]*.html"))


def ours(page: Path) -> list[str]:
    """Links of a page to claims, answers, checks, source code and documentation."""
    found = []
    for href in tree(page).xpath("//a/@href"):
        path, fragment = target(page, href)
        if fragment.startswith(MARKS) or "_modules" in path.parts:
            found.append(href)
        elif path.name.startswith("api_") and fragment.startswith("helpers."):
            found.append(href)
    return found


@pytest.mark.parametrize("page", notebooks(), ids=lambda p: p.stem)
def test_every_link_leads_to_an_existing_page_and_place(page):
    for href in ours(page):
        path, fragment = target(page, href)
        assert path.is_file(), href
        assert not fragment or fragment in ids(path), href


@pytest.mark.parametrize("page", notebooks(), ids=lambda p: p.stem)
def test_no_place_has_the_name_of_another(page):
    named = [name for name in ids(page) if name.startswith(MARKS)]
    assert len(named) == len(set(named))


def entries(page: Path) -> list[tuple]:
    terms = tree(page).xpath("//dl[contains(concat(' ', @class, ' '), ' ledger ')]//dt")
    return [(dt, dt.xpath("following-sibling::dd")[0]) for dt in terms]


def links_in(page: Path, dd: html.HtmlElement) -> list[tuple[Path, str]]:
    return [target(page, href) for href in dd.xpath(".//a/@href")]


def test_every_answered_claim_leads_to_the_code_of_its_answer_and_back():
    answered = [(dt, dd) for dt, dd in entries(LEDGER) if "computed:" in dd.text_content()]
    assert answered, "no claim of this book is answered"
    for dt, dd in answered:
        links = links_in(LEDGER, dd)
        places = [(path, name) for path, name in links if name.startswith("answer-")]
        # A page that compares holds its code itself, at the place that answers.
        assert places or any("_modules" in path.parts for path, _ in links), dt.get("id")
        checks = [name for path, name in links if path == CHECKS and name.startswith("check-")]
        assert places or checks, dt.get("id")
        if checks and not places:  # the code of an answer on a page stands there
            assert any("_modules" in path.parts for path, _ in links), dt.get("id")
        for path, name in places:
            back = tree(path).get_element_by_id(name)
            assert target(path, back.get("href")) == (LEDGER, dt.get("id"))


def test_every_link_back_is_from_a_claim_that_names_the_page():
    for page in notebooks():
        for name in ids(page):
            if name.startswith("answer-"):
                claim = tree(LEDGER).get_element_by_id("claim-" + name.removeprefix("answer-"))
                assert (page, name) in links_in(LEDGER, claim.xpath("following-sibling::dd")[0])


def test_every_check_leads_to_its_claims_and_to_code():
    listed = entries(CHECKS)
    assert len(listed) >= 120
    for dt, dd in listed:
        links = links_in(CHECKS, dd)
        assert any(path == LEDGER and name.startswith("claim-") for path, name in links), dt.get(
            "id"
        )
        assert any("_modules" in path.parts for path, _ in links), dt.get("id")
