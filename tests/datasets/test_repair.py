"""Repair of reference networks: accessions, complexes, repeated edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.datasets import repair
from helpers.datasets.repair import merge_duplicates, repair_edges
from helpers.errors import DataError


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of four genes in place of the real ones."""
    known = frozenset({"MYC", "TERT", "P2RY14", "RELA", "NFKB1"})
    accessions = {"P01106": "MYC", "O14746": "TERT"}
    monkeypatch.setattr(repair, "known_symbols", lambda organism: known)
    monkeypatch.setattr(repair, "accession_to_symbol", lambda: accessions)


def edges(*pairs: tuple[str, str], sign: int = 1) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["source", "target"])
    return table.assign(sign=sign, confidence="", evidence=1.0, database="D")


def test_accessions_are_resolved_and_symbols_that_look_like_them_are_kept(names):
    table = edges(("P01106", "O14746"), ("MYC", "P2RY14"), ("MYC", "Q9BYF1"), ("P01106-2", "TERT"))
    fixed, report = repair_edges(table)
    assert list(zip(fixed["source"], fixed["target"], strict=True)) == [
        ("MYC", "TERT"),
        ("MYC", "P2RY14"),
        ("MYC", "TERT"),
    ]
    assert report["unresolved"] == ["Q9BYF1"]
    assert report["unresolved_rows"] == 1
    assert (report["accessions"], report["accessions_resolved"]) == (4, 3)


def test_complexes_are_dropped_or_expanded_and_counted(names):
    table = edges(("COMPLEX:RELA_NFKB1", "MYC"), ("MYC", "TERT"), ("COMPLEX:P01106_RELA", "TERT"))
    dropped, report = repair_edges(table)
    assert dropped[["source", "target"]].values.tolist() == [["MYC", "TERT"]]
    assert (report["complex_rows"], report["rows_kept"]) == (2, 1)
    expanded, report = repair_edges(table, complexes="expand")
    assert expanded[["source", "target"]].values.tolist() == [
        ["RELA", "MYC"],
        ["NFKB1", "MYC"],
        ["MYC", "TERT"],
        ["MYC", "TERT"],
        ["RELA", "TERT"],
    ]
    assert (expanded["database"] == "D").all()
    with pytest.raises(DataError, match="complexes='merge'"):
        repair_edges(table, complexes="merge")


def test_merging_keeps_agreeing_signs_and_cancels_contradictions():
    table = pd.concat([edges(("A", "B")), edges(("A", "B"), sign=-1), edges(("B", "A"), sign=-1)])
    table["evidence"] = [1.0, 5.0, np.nan]
    table["confidence"] = ["B", "A", "C"]
    merged, removed = merge_duplicates(table.reset_index(drop=True))
    assert removed == 1
    assert merged["sign"].tolist() == [0, -1]
    assert merged["confidence"].tolist() == ["A", "C"]
    assert merged["evidence"].iloc[0] == 5.0 and np.isnan(merged["evidence"].iloc[1])


def test_the_direction_of_an_edge_is_kept():
    merged, _ = merge_duplicates(edges(("TF", "GENE")))
    assert merged.loc[0, ["source", "target"]].tolist() == ["TF", "GENE"]
