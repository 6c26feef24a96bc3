"""Tables and the search of the built book, opened from disk without a network."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.common.by import By

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
GENES = "INSRR GCG PDX1 NEUROD1 NKX6-1 INS SST REST GATA1 SOX9 KLF2 CXCR4 FOS XBP1".split()
_CODE = re.compile(r"^(`{3,})\{code-cell.*?^\1$|`[^`]*`", re.DOTALL | re.MULTILINE)
BIG = """return [...document.querySelectorAll("table[id^='table-']")]
         .filter(t => t.closest('figure').querySelector('input[type=search]'))
         .map(t => t.id)"""
ROWS = """[...document.querySelectorAll(arguments[0] + ' tbody tr')]
          .filter(r => !r.hidden).map(r => r.innerText)"""
CELLS = """return [...document.querySelectorAll(arguments[0] + ' tbody tr')]
           .filter(r => !r.hidden).map(r => r.cells[0].innerText)"""
FIGURE = "document.querySelector(arguments[0]).closest('figure')"
HEADINGS = """[...document.querySelectorAll(arguments[0] + ' thead th')]
              .filter(h => h.offsetParent).length"""
SORTED = "document.querySelector(arguments[0]).ariaSort === arguments[1]"


@pytest.fixture(scope="module")
def page_with_table(browser):
    """A page with a table long enough for a filter, and the table's selector."""
    for path in sorted((browser.html / "pages").glob("*.html")):
        browser.open(f"pages/{path.name}")
        if found := browser.run(BIG):
            return f"pages/{path.name}", f"#{found[0]}"
    pytest.skip("no table with more rows than a page shows in this book")


def test_tables_sort(browser, page_with_table):
    page, table = page_with_table
    browser.open(page)
    heading = f"{table} thead th"
    browser.run(
        "document.querySelector(arguments[0])"
        ".scrollIntoView({block: 'center', behavior: 'instant'})",
        heading,
    )
    orders = {}
    for direction in ("ascending", "descending"):
        browser.driver.find_element(By.CSS_SELECTOR, f"{heading} button").click()
        # A table sorts after the click has returned.
        browser.until(SORTED, heading, direction)
        orders[direction] = browser.run(CELLS, table)
    assert orders["ascending"] != orders["descending"]


def test_tables_filter(browser, page_with_table):
    page, table = page_with_table
    browser.open(page)
    before = browser.run(f"return {ROWS}", table)
    word = browser.run(CELLS, table)[-1]
    wanted = (table, word.lower())
    field = browser.driver.find_element(
        By.CSS_SELECTOR, f"input[type=search][aria-controls='{table[1:]}']"
    )
    field.send_keys(word)
    # A table filters after the keys were sent.
    browser.until(f"{ROWS}.every(row => row.toLowerCase().includes(arguments[1]))", *wanted)
    assert browser.run(f"return {ROWS}", table)
    field.send_keys(" and no such word")
    browser.until(f"!{ROWS}.some(row => arguments[1].includes(row))", table, before)


def test_all_rows_are_a_click_away(browser, page_with_table):
    page, table = page_with_table
    browser.open(page)
    few = browser.run(f"return {ROWS}", table)
    limit = browser.run("return document.querySelector(arguments[0]).dataset.rows", table)
    assert len(few) == int(limit)
    browser.run(f"{FIGURE}.querySelector('button.show-rows').click()", table)
    assert len(browser.run(f"return {ROWS}", table)) > len(few)


def test_further_columns_are_a_click_away(browser):
    for path in sorted((browser.html / "pages").glob("*.html")):
        browser.open(f"pages/{path.name}")
        if name := browser.run("return document.querySelector('.all-columns')?.dataset.table"):
            break
    else:
        pytest.skip("no table of more than seven columns in this book")
    table = f"#{name}"
    assert browser.run(f"return {HEADINGS}", table) <= 7
    browser.run(f"{FIGURE}.querySelector('.all-columns').click()", table)
    assert browser.run(f"return {HEADINGS}", table) > 7
    link = browser.run(f"return {FIGURE}.querySelector('a[download]').href", table)
    assert Path(unquote(urlsplit(link).path)).is_file()


def gene_in_the_book(html: Path) -> tuple[str, str]:
    """A gene named in the prose of a notebook, and the notebook's page.

    Prose is what the search index holds; tables carry a search of their own.
    """
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        prose = _CODE.sub(" ", path.read_text(encoding="utf-8"))
        for gene in GENES:
            named = re.search(rf"(?<![\w/-]){gene}(?![\w/-])", prose)
            if named and (html / "pages" / f"{path.stem}.html").is_file():
                return gene, path.stem
    return "", ""


def test_search_finds_a_gene(browser):
    gene, page = gene_in_the_book(browser.html)
    assert gene, "no page names a gene"
    browser.open("search.html", f"?q={gene}")
    # Results come one by one; the heading changes when all are there.
    browser.until("document.querySelector('#search-results h2')?.innerText === 'Search Results'")
    links = browser.run(
        "return [...document.querySelectorAll('#search-results li a')].map(a => a.href)"
    )
    assert any(page in link for link in links), links
    assert browser.errors() == []
    assert browser.requests() == ([], [])
