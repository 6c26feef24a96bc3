"""Page 90: the battery of tests that it takes from other pages."""

from functools import partial

import numpy as np
import pytest

from helpers.estimates import NotEstimable
from bookkit import declared
from helpers.registry import error_rates
from helpers.registry.null_worlds import pareto_world
from bookkit import definitions, notebooks
from helpers.statistics.results import Outcome

NAME = "90_test_registry"
DRAW = partial(pareto_world, n_tfs=25, n_genes=80, n_positive=150)


@pytest.fixture(scope="module")
def page():
    return definitions(NAME, resamples=99)


@pytest.fixture(scope="module")
def pages(page):
    return page["pages_of_tests"]()


def test_every_confirmatory_test_over_pairs_is_made(page):
    """What a null world cannot call falsely is left out; the rest is what the pages declare."""
    left_out = {"10.5", "10.8"}  # equivalence; the worlds' co-expression has no sign
    left_out |= {"10.7"}  # the crossed model needs whole matrices; its level is measured with it
    left_out |= {"10.10"}  # these worlds hold the score of one direction
    genes = {"10.1", "10.2", "10.9"}  # tests of matrices, not of pairs against a network
    stated = set()
    for name in ("10_coexpression", "12_null_models"):
        tests = declared.load(notebooks.notebooks_dir() / f"{name}.yaml").tests
        stated |= {number for number, test in tests.items() if test.role == "confirmatory"}
    assert set(page["PAIR_TESTS"]) == stated - left_out - genes
    assert set(page["DIFFERENCES"]) < set(page["PAIR_TESTS"])


def test_outcomes_are_those_of_the_pages_and_repeat(page, pages):
    first, again = (page["pair_battery"](DRAW, pages, 3) for _ in range(2))
    assert set(first) == set(page["PAIR_TESTS"])
    for number, outcome in first.items():
        if isinstance(outcome, NotEstimable):
            assert again[number] == outcome
        else:
            assert isinstance(outcome, Outcome) and again[number].p == outcome.p
    assert first["12.1"].unit == "gene" and first["12.2"].unit == "TF x target"


def test_rates_over_a_few_draws_lie_between_zero_and_one(page, pages):
    made = error_rates.draws_of(partial(page["pair_battery"], DRAW, pages), 4)
    rates = error_rates.rejection_rates(made)
    assert set(rates.index) == set(page["PAIR_TESTS"])
    assert rates["share"].between(0, 1).all() and (rates["draws"] <= 4).all()
    assert np.isfinite(rates.loc["12.1", ["low", "high", "most"]].astype(float)).all()
