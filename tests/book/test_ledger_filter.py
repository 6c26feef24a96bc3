"""The ledger's filters, in a browser."""

from __future__ import annotations

import pytest

PAGE = "pages/91_claim_ledger.html"
pytestmark = pytest.mark.browser

ENTRIES = "[...document.querySelectorAll('dl.ledger > .entry')]"
SHOWN = f"{ENTRIES}.filter(e => e.offsetHeight)"
DATA = ("paper", "section", "agrees", "evidence")
FACTS = f"return {SHOWN}.map(e => {list(DATA)}.map(key => e.dataset[key]))"
RESET = """const form = document.querySelector('form.ledger-filter');
           form.reset();
           form.dispatchEvent(new Event('input'));
           history.replaceState(null, '', location.pathname);
           window.scrollTo(0, 0)"""
COUNT = "return document.querySelector('form.ledger-filter output').value"
CHOOSE = """const field = document.querySelector(`form.ledger-filter [name=${arguments[0]}]`);
            field.value = arguments[1];
            field.dispatchEvent(new Event('input', {bubbles: true}))"""


@pytest.fixture(scope="module")
def opened(browser):
    if not (browser.html / PAGE).is_file():
        pytest.skip("the book has been built without page 91")
    browser.open(PAGE)
    browser.until("!document.querySelector('form.ledger-filter').hidden")
    return browser


@pytest.fixture
def ledger(opened):
    yield opened
    opened.run(RESET)


def test_the_numbers_of_claims_and_of_settings_are_on_the_first_screen(ledger):
    total = ledger.run(f"return {ENTRIES}.length")
    seen = ledger.run(
        "return [...document.querySelectorAll('main table .val')]"
        ".filter(v => v.getBoundingClientRect().bottom < 720 && v.offsetHeight)"
        ".map(v => Number(v.innerText))"
    )
    measured, settings = seen[0::2], seen[1::2]
    assert len(measured) == len(settings) == 10
    assert measured[-1] == sum(measured[:-1]) and settings[-1] == sum(settings[:-1])
    assert measured[-1] + settings[-1] == total
    standings = {fact[2] for fact in ledger.run(FACTS)}
    both = [m + s for m, s in zip(measured[:-1], settings[:-1], strict=True)]
    assert len(standings) == sum(count > 0 for count in both)


def test_all_claims_are_shown_at_first(ledger):
    total = ledger.run(f"return {ENTRIES}.length")
    assert len(ledger.run(FACTS)) == total
    assert ledger.run(COUNT) == f"{total} of {total} claims"


@pytest.mark.parametrize("place", range(4))
def test_each_filter_leaves_exactly_its_claims(ledger, place):
    name = DATA[place]
    facts = ledger.run(FACTS)
    value = facts[len(facts) // 3][place]
    ledger.run(CHOOSE, name, value)
    left = ledger.run(FACTS)
    assert left == [fact for fact in facts if fact[place] == value]
    assert 0 < len(left) < len(facts)
    ledger.run(CHOOSE, name, "")
    assert ledger.run(FACTS) == facts


def test_filters_combine_with_words(ledger):
    facts = ledger.run(FACTS)
    paper, _, agrees, _ = facts[len(facts) // 3]
    ledger.run(CHOOSE, "paper", paper)
    ledger.run(CHOOSE, "agrees", agrees)
    both = ledger.run(FACTS)
    assert both == [fact for fact in facts if (fact[0], fact[2]) == (paper, agrees)]
    ledger.run(CHOOSE, "words", "no claim says this")
    assert ledger.run(FACTS) == []
    assert ledger.run(COUNT).startswith("0 of ")


def test_a_permalink_leads_to_a_claim_that_was_filtered_away(ledger):
    name = ledger.run(f"return {ENTRIES}[0].querySelector('dt').id")
    ledger.run(CHOOSE, "words", "no claim says this")
    ledger.run("location.hash = arguments[0]", name)
    ledger.until(f"{ENTRIES}[0].offsetHeight > 0")
    assert ledger.errors() == []
