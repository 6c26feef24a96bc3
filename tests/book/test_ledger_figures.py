"""Which printed figures the full demo book compares, and which of them it does not find."""

import pytest

from helpers.files import results_dir
from papers.answers import collect_links
from papers.claims import load_claims
from papers.evidence import archives_here, load_notes
from papers.figures import unanswered

DIFFER = {
    "cssi/early-layers-auroc#high",
    "cssi/fig1",
    "scaling/layers-heads#0",
    "scaling/table7[linear].equation#1",
    "scaling/table7[logarithmic].equation#1",
    "scaling/threshold#high",
    "scaling/threshold#low",
    "synthetic/detectability-r",
    "synthetic/recovery-200",
    "synthetic/recovery-2000",
    "synthetic/shapley-gain",
    "synthetic/shapley-rho",
}
"""Printed figures that come out differently."""

COMPLETE = (
    *(f"cssi/table{n}" for n in (2, 3, 4)),
    *(f"crosstissue/table{n}" for n in (5, 6)),
    *(f"b/table{n}" for n in range(1, 8)),
    "scaling/table7",
)
"""Tables of which every printed cell is compared."""


@pytest.fixture(scope="module")
def links():
    results = results_dir() / "demo"
    if not (results / "91_claim_ledger" / "values.json").is_file():
        pytest.skip("the demo book has not been run: no results/demo")
    found = collect_links(results)
    absent = [group for group, here in archives_here(found, load_notes()).items() if not here]
    if absent:
        pytest.skip(f"this build had no archive {', '.join(absent)}")
    return [link for link in found if link.variant == "published"]


def test_the_figures_that_differ_are_known(links):
    assert {link.path for link in links if not link.matches()} == DIFFER


@pytest.mark.parametrize("claim", COMPLETE)
def test_every_cell_of_a_table_is_compared(links, claim):
    paths = [link.path for link in links if link.claim_id == claim]
    assert unanswered(load_claims()[claim], paths, ()) == []


def test_table_1_lacks_the_columns_without_an_archive(links):
    paths = [link.path for link in links if link.claim_id == "coexpression/table1"]
    left = unanswered(load_claims()["coexpression/table1"], paths, ())
    assert len(left) == 6 and all("scgpt" in path for path in left)
