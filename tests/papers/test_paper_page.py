"""Archives and printed figures on a page, without a kernel."""

import pandas as pd
import pytest

from helpers.errors import RegistryError, RunError
from papers import compare, page, paper_page
from papers.answers import collect_links
from papers.archives.attention import GENEFORMER
from papers.archives.locate import ATTENTION


@pytest.fixture
def run(results, tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(tmp_path))
    return page("10_x")


TABLE = pd.DataFrame({"geneformer_trrust": [0.444, 0.9, 0.5]}, index=["200", "500", "1000"])


def test_printed_figures_are_compared_once_and_link_to_the_ledger(run, results):
    found = run.compare("coexpression/table1", TABLE)
    run.finish()
    assert found.n_figures == 3
    links = {link.path: link for link in collect_links(results / "interactive")}
    first = links["coexpression/table1[200].geneformer_trrust"]
    assert first.matches() == bool(found.figures["match"].iloc[0]) and first.function == ""
    assert not links["coexpression/table1[500].geneformer_trrust"].matches()
    table = pd.read_csv(run.folder / "tables" / "printed-coexpression-table1.csv")
    assert list(table.columns) == ["figure", "printed", "recomputed", "agrees"]


def test_rounding_decides_and_monte_carlo_errors_widen():
    path = "coexpression/geneformer-cosine"
    assert compare.compare(path, {path: 0.97934}).figures["match"].all()
    assert not compare.compare(path, {path: 0.98}).figures["match"].any()
    wider = compare.compare(path, {path: 0.98}, errors={path: 0.01})
    assert wider.figures["match"].all() and next(iter(wider.entries().values()))["tolerance"] > 0


def test_unknown_claims_and_columns_say_so():
    with pytest.raises(RegistryError, match="no claim"):
        compare.compare("no/such", {})
    with pytest.raises(RegistryError, match="no columns"):
        compare.compare("coexpression/table1", TABLE.rename(columns=str.upper))


def test_an_archive_that_is_not_here_is_said_so(run, monkeypatch):
    monkeypatch.setattr(paper_page, "missing_message", lambda *_: "not here")
    assert run.archive(ATTENTION, GENEFORMER) is None
    assert run._values["archive/present"] == {"value": False}


def test_only_a_claim_with_a_value_is_answered(run, monkeypatch):
    claim, said = "synthetic/detectability-r", []
    monkeypatch.setattr(run, "say", said.append)
    with pytest.raises(RunError, match=rf"no value names the claims \['{claim}'\]"):
        run.answers(claim)
    run.concerns(claim)
    run.value("r", 0.9, claim=claim, variant="corrected")
    run.answers(claim)
    assert [f'id="answer-{claim.replace("/", "-")}"' in text for text in said] == [False, True]
    assert all("91_claim_ledger.html#claim-synthetic-detectability-r" in text for text in said)


def test_a_value_that_names_a_claim_has_a_place(run):
    run.value("r", 0.9, claim="synthetic/detectability-r", variant="corrected")
    with pytest.raises(RunError, match=r"values name \['synthetic/detectability-r'\]"):
        run.finish()
    run.answers("synthetic/detectability-r")
    run.finish()
