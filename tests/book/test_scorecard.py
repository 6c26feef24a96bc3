"""A scorecard in a browser: nothing asked of the network, no barrier, readable on a telephone."""

from __future__ import annotations

import pytest
from browser_kit import AXE, SCREEN, TELEPHONE

from helpers import score_edges
from helpers.datasets.simulate import world
from helpers.edges import edge_scores, pool
from helpers.scorecard.card import as_html

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDER = "return document.documentElement.scrollWidth - window.innerWidth"
SIZES = """return [...document.querySelectorAll('img')]
    .map(i => [i.complete && i.naturalWidth > 0, i.getBoundingClientRect().width])"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory, start_browser):
    """A browser on the card of a small world, with a name that must not become markup."""
    folder = tmp_path_factory.mktemp("card")
    one = world("pair-signal", 0, n_genes=120, n_tfs=30, n_cells=300)
    matrix = pool(edge_scores(one.attention)).to_pandas()
    few = {"permutations": 199, "rewired": 99, "name": "<img src=x onerror=document.title='bad'>"}
    card = score_edges(matrix, one.adata, {"net": one.reference}, **few)
    (folder / "card.html").write_text(as_html(card), encoding="utf-8")
    browser = start_browser(folder / "profile")
    yield browser, (folder / "card.html").as_uri()
    browser.driver.quit()


@pytest.mark.parametrize("size", [SCREEN, TELEPHONE], ids=["screen", "telephone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_card_is_readable(opened, axe_script, size, scheme):
    browser, address = opened
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    browser.resize(size)
    browser.requests()
    browser.driver.get(address)
    assert browser.run(WIDER) <= 1, "the page scrolls sideways"
    images = browser.run(SIZES)
    assert images and all(shown and 300 <= width <= size[0] for shown, width in images)
    assert browser.run("return document.title").startswith("Scorecard: <img")
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    assert browser.requests() == ([], []) and browser.errors() == []
    browser.run(axe_script)
    browser.driver.set_script_timeout(120)
    contrast = AXE.replace("{'color-contrast': {enabled: false}}", "{}")
    assert browser.driver.execute_async_script(contrast) == []
    browser.screenshot(f"scorecard-{scheme}-{size[0]}")
