"""Reference networks: coverage, species, levels, and copies that may be changed."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.datasets import load_reference, reference_coverage, references
from helpers.errors import DataError


def edges(*pairs: tuple[str, str], sign: int = 1) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["source", "target"])
    return table.assign(sign=sign, confidence="", evidence=1.0, database="D")


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
