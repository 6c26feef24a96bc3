"""What a reader meets: the answer first, code that folds, keys that are enough, moving figures."""

from __future__ import annotations

import re

import pytest
from browser_kit import AXE, SCREEN, TELEPHONE
from scipy.stats import norm
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("size", [SCREEN, TELEPHONE], ids=["screen", "telephone"])
def test_the_home_page_answers_before_anybody_scrolls(browser, size):
    browser.open("book/index.html", size=size)
    box = browser.run(
        "const e = document.querySelector('.home-answer').getBoundingClientRect();"
        "return [e.top, e.bottom, window.innerHeight]"
    )
    text = browser.driver.find_element(By.CSS_SELECTOR, ".home-answer").text
    browser.screenshot(f"home-{size[0]}")
    assert 0 < box[0] < box[1] <= box[2], f"the answer is not in view: {box}"
    assert re.search(r"AUROC on curated targets is 0\.\d\d to 0\.\d\d", text), text
    assert re.search(r"Not on this evidence|Only where it beats", text), text


def test_barriers_are_found_where_there_are_some(browser, axe_script):
    browser.open("book/how_to_read.html")
    browser.run(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        '\'<img src="data:,"><button></button><p>Words around'
        ' <a href="#" style="color: inherit; text-decoration: none">a link</a> like them.</p>\')'
    )
    browser.run(axe_script)
    found = " ".join(browser.driver.execute_async_script(AXE))
    assert "image-alt" in found and "button-name" in found and "link-in-text-block" in found


def test_every_exercise_says_what_it_asks(browser):
    browser.open("pages/exercises.html")
    rows = browser.run(
        "return [...document.querySelectorAll('main table tbody tr')]"
        ".map(r => [...r.cells].map(c => c.innerText.trim()))"
    )
    assert len(rows) >= 30
    for title, page, difficulty, minutes in rows:
        assert title and title != "Exercise" and page, (title, page)
        assert difficulty in ("easy", "medium", "hard") and 1 <= int(minutes) <= 120, title


@pytest.mark.parametrize(
    ("words", "page"), [("GRN", "glossary"), ("how to cite", "cite"), ("curveball", "primer")]
)
def test_search_finds_what_readers_ask_for(browser, words, page):
    browser.open("search.html", f"?q={words.replace(' ', '+')}")
    browser.until("document.querySelector('#search-results h2')?.innerText === 'Search Results'")
    links = browser.run(
        "return [...document.querySelectorAll('#search-results li a')].map(a => a.href)"
    )
    assert any(page in link for link in links), links


@pytest.fixture
def page_with_code(browser):
    for path in sorted((browser.html / "pages").glob("[0-9]*.html")):
        browser.open(f"pages/{path.name}")
        if browser.run("return !!document.querySelector('details.above-input')"):
            yield path.name
            browser.run("localStorage.clear()")
            return
    pytest.skip("no page with a folded cell in this book")


def test_one_button_hides_and_shows_all_code(browser, page_with_code):
    shown = (
        "return [...document.querySelectorAll('.cell_input pre')].map(p => !!p.offsetParent &&"
        " p.getBoundingClientRect().height > 0)"
    )
    button = browser.driver.find_element(By.CSS_SELECTOR, "button.code-switch")
    button.click()
    assert not any(browser.run(shown)) and button.text == "Show code"
    button.click()
    assert all(browser.run(shown)) and button.text == "Hide code"


def test_keys_are_enough(browser, page_with_code):
    """Tab reaches the skip link first, and the button for code; Enter presses it."""
    body = browser.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    first = browser.driver.switch_to.active_element.get_attribute("textContent")
    assert "skip" in first.lower()
    for _ in range(80):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        if "code-switch" in (browser.driver.switch_to.active_element.get_attribute("class") or ""):
            break
    else:
        pytest.fail("the button for code is not reached by Tab")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.run("return document.documentElement.dataset.code") == "hidden"


def test_power_grows_with_the_number_of_tfs(browser):
    """Against the normal approximation, from the two numbers that the page prints."""
    browser.open("book/primer.html")
    find = browser.driver.find_elements
    error, tfs = (float(v.text) for v in find(By.CSS_SELECTOR, ".power-figure .val"))
    move = (
        "const [n, d] = document.querySelectorAll('.power-figure input'); n.value = arguments[0];"
        "d.value = arguments[1]; n.dispatchEvent(new Event('input', {bubbles: true}));"
        "return document.querySelector('.power-figure output').textContent"
    )
    for n, distance in ((20, 0.1), (200, 0.1), (400, 0.02)):
        z = distance / (error * (tfs / n) ** 0.5)
        expected = norm.cdf(z - 1.96) + norm.cdf(-z - 1.96)
        said = re.search(r"power (0\.\d\d|1\.00)", browser.run(move, n, distance))
        assert abs(float(said[1]) - expected) <= 0.006


def test_keys_move_the_number_of_cells(browser):
    """What is said and drawn is what the table of the page holds."""
    browser.open("pages/12_null_models.html")
    slider = browser.driver.find_element(By.CSS_SELECTOR, ".cells-figure input")
    for key, row in ((Keys.HOME, 0), (Keys.END, -1)):
        slider.send_keys(key)
        world, cells, summed, averaged = browser.run(
            "return [...[...document.querySelectorAll('#table-cells tbody tr')]"
            ".at(arguments[0]).cells].map(c => c.textContent)",
            row,
        )
        said = browser.run("return document.querySelector('.cells-figure output').textContent")
        assert f"With {cells.replace(',', '')} cells" in said
        words = f"{world}: averaged {float(averaged):.2f}, summed {float(summed):.2f}"
        assert words in said, said
        label = browser.run("return document.querySelector('.cells-figure svg').ariaLabel")
        assert said in label


def test_the_circuit_shows_the_edges_of_its_table(browser):
    browser.open("pages/51_sae_circuits.html")
    rows = browser.run("return document.querySelectorAll('#table-circuit tbody tr').length")
    slider = browser.driver.find_element(By.CSS_SELECTOR, ".circuit-figure input")
    slider.send_keys(Keys.HOME)
    said = "return document.querySelector('.circuit-figure output').textContent"
    assert browser.run(said).startswith(f"{rows} of {rows} edges")
    paths = "return document.querySelectorAll('.circuit-figure svg path').length"
    assert browser.run(paths) == rows
    slider.send_keys(Keys.END)
    assert 1 <= browser.run(paths) <= rows
    label = browser.run("return document.querySelector('.circuit-figure svg').ariaLabel")
    assert browser.run(said) in label


def test_the_home_page_has_a_description_and_an_icon(browser):
    browser.open("book/index.html")
    about = browser.run("return document.querySelector('meta[name=description]')?.content")
    assert about and "GRN" in about and len(about) <= 200
    icon = browser.run("return document.querySelector('link[rel*=icon]')?.href")
    assert icon and icon.endswith("icon.svg")
