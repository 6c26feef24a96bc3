from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.datasets import load_reference, reference_coverage, references, repair
from helpers.datasets.identifiers import is_accession
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


@pytest.mark.parametrize("name", ["P01106", "Q9BYF1", "A0A087WZU5", "P2RY14", "P01106-2"])
def test_forms_of_accessions(name: str):
    assert is_accession(name)


@pytest.mark.parametrize("name", ["MYC", "TP53", "HLA-A", "p01106", "P0110", "COMPLEX:P01106"])
def test_what_is_no_accession(name: str):
    assert not is_accession(name)


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


def cells() -> anndata.AnnData:
    """100 cells: A in all, B in half, C in one, D in none."""
    values = np.zeros((100, 4), np.float32)
    values[:, 0], values[:50, 1], values[0, 2] = 1, 2, 3
    made = anndata.AnnData(sparse.csr_matrix(values))
    made.var_names = ["A", "B", "C", "D"]
    return made


def test_coverage_counts_measured_and_detected_edges(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(references, "previous_symbols", lambda organism: {"D": "NEW"})
    table = edges(("A", "B"), ("B", "A"), ("A", "C"), ("A", "X"), ("A", "NEW"))
    found = reference_coverage(cells(), table)
    assert found["edges"] == 5
    assert found["edges_measured"] == 3
    assert (found["edges_detected"], found["tfs_detected"], found["targets_detected"]) == (2, 2, 2)
    assert found["share_detected"] == pytest.approx(0.4)
    assert found["former_symbols"] == 1
    monkeypatch.setattr(references, "previous_symbols", lambda organism: {})
    assert reference_coverage(cells(), table, min_detection=0.0)["edges_detected"] == 3


def test_cells_and_reference_of_different_species_are_refused():
    mouse = cells()
    mouse.uns["source"] = {"organism": "mouse"}
    with pytest.raises(DataError, match="the cells are mouse, the reference is human"):
        reference_coverage(mouse, edges(("A", "B")))


def test_wrong_names_species_and_levels_are_refused():
    with pytest.raises(DataError, match="no reference is named 'encode'; known: trrust"):
        load_reference("encode")
    with pytest.raises(DataError, match="'chip' does not exist for mouse; use trrust, dorothea"):
        load_reference("chip", "mouse")
    with pytest.raises(DataError, match="organism 'rat' is not known"):
        load_reference("trrust", "rat")
    with pytest.raises(DataError, match="'trrust' has no levels"):
        load_reference("trrust", levels=("A",))


def test_an_unknown_level_is_refused(monkeypatch: pytest.MonkeyPatch):
    table = edges(("A", "B"), ("B", "A")).assign(confidence=["A", "B"])
    reader = {**references._READERS["human"], "dorothea": lambda name, complexes: (table, {})}
    monkeypatch.setitem(references._READERS, "human", reader)
    references._made.cache_clear()
    assert len(load_reference("dorothea", levels=("A",))) == 1
    with pytest.raises(DataError, match="no level Z"):
        load_reference("dorothea", levels=("A", "Z"))
    references._made.cache_clear()


def test_a_loaded_reference_may_be_changed_without_harm(monkeypatch: pytest.MonkeyPatch):
    reader = {**references._READERS["human"], "chip": lambda n, c: (edges(("A", "B")), {"rows": 1})}
    monkeypatch.setitem(references._READERS, "human", reader)
    references._made.cache_clear()
    first = load_reference("chip")
    first.loc[0, "source"] = "CHANGED"
    first.attrs["report"]["rows"] = 99
    second = load_reference("chip")
    assert second.loc[0, "source"] == "A" and second.attrs["report"]["rows"] == 1
    references._made.cache_clear()
