import dataclasses

import pandas as pd
import pytest

from helpers.registry import TestRecord
from helpers.registry.store import frame
from papers import headline

FIRST = TestRecord(
    test_id="10.1/scgpt/baron",
    notebook="10_coexpression",
    hypothesis="follows",
    statistic="rho",
    test="labels permuted",
    null="gene labels permuted",
    unit="gene",
    n_units=100,
    resamples=999,
    sides="one",
    estimate=0.3,
    ci_low=0.2,
    ci_high=0.41,
    p=0.001,
    family="F10",
    role="confirmatory",
    claim_ids=("coexpression/rho-range", "coexpression/rho-p"),
)


def rows(*changes):
    return frame([dataclasses.replace(FIRST, **change) for change in changes])


@pytest.fixture
def registry():
    second = {"test_id": "10.1/geneformer/baron", "estimate": 0.1, "p": 0.6}
    other = {"test_id": "10.2/scgpt/baron", "statistic": "R2", "estimate": 9.0}
    left = {"test_id": "10.1/scgpt/sim", "role": "descriptive", "estimate": 5.0}
    printed = {"variant": "published", "estimate": 7.0}
    return rows({}, second, other, left, printed)


ROW = pd.Series({"corrected": "0.5 [0.4, 0.6]", "computed": "0.7", "notebook": "", "check": ""})


def test_ours_is_the_range_of_the_first_statistic_with_intervals(registry):
    tests = headline.own_tests(registry)
    text = headline.ours("coexpression/rho-range", tests, ROW)
    assert text == "rho: 0.1 [0.2, 0.41] to 0.3 [0.2, 0.41]; 1 of 2 analyses significant"
    assert set(tests) == {"coexpression/rho-range", "coexpression/rho-p"}


def test_one_analysis_has_no_range_and_no_interval_is_invented(registry):
    alone = rows({"ci_low": None, "ci_high": None})
    text = headline.ours("coexpression/rho-p", headline.own_tests(alone), ROW)
    assert text == "rho: 0.3; 1 of 1 analyses significant"


def test_without_a_test_the_corrected_value_stands_then_the_computed_one():
    assert headline.ours("b/table4", {}, ROW) == "corrected: 0.5 [0.4, 0.6]"
    assert headline.ours("b/table4", {}, ROW.replace({"0.5 [0.4, 0.6]": ""})) == "recomputed: 0.7"


def test_a_claim_leads_to_its_entry_its_pages_and_its_check(registry):
    tests = headline.own_tests(registry)
    row = pd.Series({"notebook": "11_cssi, 92_published_numbers", "check": "mediation/rate"})
    links = headline.places("coexpression/rho-range", tests, row)
    assert 'href="91_claim_ledger.html#claim-coexpression-rho-range"' in links
    assert 'href="11_cssi.html#answer-coexpression-rho-range"' in links
    assert 'href="10_coexpression.html"' in links
    assert 'href="92_published_numbers.html#check-mediation-rate"' in links
