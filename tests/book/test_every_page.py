"""Every page of the built book, opened from disk without a network, on a screen and a telephone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser_kit import AXE, SCREEN, TELEPHONE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
ZERO = re.compile(r"(?<![\w.,)\]−-])[−-]0(?:\.0+)?(?![\d.,]*\d)|at most 0\.0+(?!\d)")
PROSE = """
const copy = document.querySelector('main').cloneNode(true);
copy.querySelectorAll('pre, code, script, style, mjx-container, .math').forEach(e => e.remove());
return copy.textContent"""
CLIPPED = """return [...document.querySelectorAll('main pre')]
    .filter(p => p.offsetParent && p.scrollWidth > p.clientWidth + 1)
    .map(p => p.innerText.slice(0, 60))"""
# What is wider than the box that clips it, where neither the box nor its parents show the hint.
UNHINTED = """
const hinted = (e) => e.closest('.scrolls')?.previousElementSibling?.matches('.scroll-hint');
return [...document.querySelectorAll('main table, main figure img, main mjx-container')]
    .filter(e => e.offsetParent && !e.closest('.sd-card, details:not([open])'))
    .filter(e => {
      const box = e.getBoundingClientRect();
      const room = document.querySelector('main article').getBoundingClientRect();
      return (box.right > room.right + 2 || box.left < room.left - 2) && !hinted(e);
    })
    .map(e => `${e.tagName} ${e.id || e.className} ${Math.round(e.getBoundingClientRect().width)}`)
"""
EMPTY = """return [...document.querySelectorAll('main table')]
    .filter(t => t.tBodies[0] && ![...t.tBodies[0].rows].some(r => r.textContent.trim()))
    .map(t => t.id || t.className)"""

NOT_A_NUMBER = r"""return [...document.querySelectorAll('main td, main th')]
    .filter(c => /(^|[^\w.])nan($|[^\w.])/i.test(c.textContent))
    .map(c => `${c.closest('table').id}: ${c.textContent.trim().slice(0, 60)}`)"""


def written(page: str) -> bool:
    """Whether somebody wrote the page: not the lists of code and words that programs make."""
    return not re.search(r"(^|/)(_modules/|api_|genindex|py-modindex|search)", page)


@pytest.fixture(scope="module")
def loaded(browser, built_page):
    """The browser with a page, loaded once, on a telephone: the window of a screen may change."""
    browser.open(built_page, size=TELEPHONE)
    return browser


@pytest.fixture
def opened(loaded):
    """The browser with a page on a screen."""
    loaded.resize(SCREEN)
    return loaded


def test_nothing_is_wider_than_a_telephone(loaded, built_page):
    if not written(built_page):
        return
    loaded.resize(TELEPHONE)
    assert loaded.run(UNHINTED) == [], "wider than its column, without a hint, at 390 px"
    assert loaded.run("return document.documentElement.scrollWidth") <= TELEPHONE[0] + 1


def test_nothing_is_cut_off_or_empty(opened, built_page):
    if not written(built_page):
        return
    assert opened.run(CLIPPED) == [], "code is cut off at 1,440 px"
    assert opened.run(UNHINTED) == [], "wider than its column, without a hint, at 1,440 px"
    assert opened.run(EMPTY) == [], "a table is empty"
    assert opened.run(NOT_A_NUMBER) == [], "an estimate that does not exist is printed as NaN"
    prose = " ".join(opened.run(PROSE).split())
    found = [prose[max(0, m.start() - 40) : m.end() + 20] for m in ZERO.finditer(prose)]
    assert found == [], "a number is printed as minus zero, or a bound as zero"


def test_page(opened, built_page):
    """Quiet console, nothing from the network, maths drawn, pictures described, text legible."""
    name = built_page.replace("/", "_").removesuffix(".html")
    for theme in ("light", "dark"):
        opened.theme(theme)
        if faint := opened.run(CONTRAST):
            opened.screenshot(f"{name}-{theme}")  # a picture of each page would take a minute
        assert faint == [], f"too little contrast, {theme} theme"
    assert opened.errors() == []
    assert opened.requests() == ([], [])
    sources = opened.run("return document.querySelectorAll('main .math').length")
    drawn = opened.run("return document.querySelectorAll('main .math mjx-container').length")
    assert drawn >= sources, "formulas were not drawn"
    assert opened.run("return document.querySelectorAll('mjx-merror').length") == 0
    silent = opened.run(
        "return [...document.images].filter(i => !i.alt.trim() || !i.complete || !i.naturalWidth)"
        ".map(i => i.src)"
    )
    assert silent == [], "pictures without alternative text, or not loaded"


def test_no_serious_barrier(opened, axe_script):
    opened.run(axe_script)
    opened.driver.set_script_timeout(120)
    assert opened.driver.execute_async_script(AXE) == []
