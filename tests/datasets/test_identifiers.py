"""Symbols, Ensembl identifiers and accessions."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.datasets import identifiers as ids
from helpers.datasets.identifiers import is_accession


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A human annotation of five genes."""
    rows = pd.DataFrame(
        {
            "Chromosome": ["CHR_ALT", "20", "8", "14", "1"],
            "gene_name": ["NKX2-2", "NKX2-2", "MYC", "NKX2-1", "OLDER"],
            "gene_biotype": "protein_coding",
            "Source": "ensembl_havana",
            "Approved symbol": ["NKX2-2", "NKX2-2", "MYC", "NKX2-1", "NEWER"],
            "Previous symbols": ["", None, "BHLHE39-OLD, SHARED", "SHARED, T-EBP", None],
        },
        index=["ENSG1", "ENSG2", "ENSG3", "ENSG4", "ENSG5"],
    )
    functions = (ids.gene_table, ids.known_symbols, ids.previous_symbols, ids._ensembl_by_symbol)
    for one in functions:
        one.cache_clear()
    monkeypatch.setattr(ids, "_annotation", lambda build: rows)
    yield
    for one in functions:
        one.cache_clear()


def test_symbols_and_ensembl_ids(table):
    found = ids.symbol_to_ensembl(["NKX2-2", "MYC", "NEWER", "T-EBP", "SHARED", "nothing"])
    assert found.tolist() == ["ENSG2", "ENSG3", "ENSG5", "ENSG4", "", ""]
    assert ids.ensembl_to_symbol(["ENSG3.14", "ENSG9"]).tolist() == ["MYC", ""]


@pytest.mark.parametrize("name", ["P01106", "Q9BYF1", "A0A087WZU5", "P2RY14", "P01106-2"])
def test_forms_of_accessions(name: str):
    assert is_accession(name)


@pytest.mark.parametrize("name", ["MYC", "TP53", "HLA-A", "p01106", "P0110", "COMPLEX:P01106"])
def test_what_is_no_accession(name: str):
    assert not is_accession(name)
