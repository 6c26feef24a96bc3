"""Kept tables: the same as made, made again when damaged or outdated, and never in the way."""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path
from types import SimpleNamespace

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.datasets import cells, kept, references
from helpers.errors import DataError

TABLES = [
    pd.DataFrame({"gene": ["A", "ü", ""], "n": np.array([1, -1, 0], np.int8)}, index=[4, 2, 9]),
    pd.DataFrame({"type": pd.Categorical(["b", "a"], ["b", "c", "a"])}, index=["x", "y"]),
    pd.DataFrame({"value": np.array([0.5, np.nan], np.float32)}),
]
TABLES[0].attrs = {"report": {"rows": 3, "unresolved": ["Q1"], "share": 0.25}}


class Maker:
    """Makes the tables and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> list[pd.DataFrame]:
        self.times += 1
        return [table.copy() for table in TABLES]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HELPERS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(kept, "artefact_path", lambda name: tmp_path / name)
    monkeypatch.setattr(kept, "artefact", lambda name: SimpleNamespace(sha256="as published"))
    return tmp_path / "source"


def same(found: list[pd.DataFrame]) -> bool:
    for one, wanted in zip(found, TABLES, strict=True):
        pd.testing.assert_frame_equal(one, wanted, check_exact=True)
        assert one.attrs == wanted.attrs
    return True


def files(source: Path) -> list[Path]:
    return sorted((source.parent / "data" / "kept").iterdir())


def test_tables_come_back_as_they_were_made_and_are_made_once(source: Path):
    make = Maker()
    assert same(kept.kept("one", ["source"], make)) and same(kept.kept("one", ["source"], make))
    assert make.times == 1
    (found, *_) = kept.kept("one", ["source"], make)
    found["n"] += 1  # what was read may be changed, and changes nothing else
    assert same(kept.kept("one", ["source"], make))


def test_another_source_other_code_and_another_name_are_made_again(
    source: Path, monkeypatch: pytest.MonkeyPatch
):
    make = Maker()
    kept.kept("one", ["source"], make)
    kept.kept("two", ["source"], make)
    before = files(source)
    monkeypatch.setattr(kept, "artefact", lambda name: SimpleNamespace(sha256="published again"))
    kept.kept("one", ["source"], make)
    assert make.times == 3
    assert len(files(source)) == 2 and files(source) != before  # the outdated one is gone
    monkeypatch.setattr(kept, "loaders_digest", lambda: "changed code")
    kept.kept("one", ["source"], make)
    assert make.times == 4 and len(files(source)) == 2


@pytest.mark.parametrize("damage", ["changed", "cut", "empty"])
def test_a_damaged_file_is_made_again(source: Path, caplog: pytest.LogCaptureFixture, damage: str):
    make = Maker()
    kept.kept("one", ["source"], make)
    (path,) = files(source)
    whole = path.read_bytes()
    middle = len(whole) // 2
    bent = {
        "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "cut": whole[:-1],
        "empty": b"",
    }
    path.write_bytes(bent[damage])
    assert same(kept.kept("one", ["source"], make))
    assert make.times == 2 and "damaged; it is made again" in caplog.text
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_no_hindrance(
    source: Path, caplog: pytest.LogCaptureFixture
):
    folder = source.parent / "data"
    folder.write_text("a file in the place of the folder")
    with caplog.at_level(logging.WARNING):
        assert same(kept.kept("one", ["source"], Maker()))
    assert "is not kept" in caplog.text


def test_what_cannot_be_made_is_not_kept(source: Path):
    def fails() -> list[pd.DataFrame]:
        raise DataError("the source is damaged")

    with pytest.raises(DataError, match="the source is damaged"):
        kept.kept("one", ["source"], fails)
    assert not (source.parent / "data").exists()


def _worker(source: Path, start: multiprocessing.Barrier) -> None:
    def make() -> list[pd.DataFrame]:
        start.wait(60)  # both have found nothing when either writes
        return TABLES

    os._exit(0 if same(kept.kept("one", ["source"], make)) else 1)


def test_two_processes_at_once_leave_one_whole_file(source: Path):
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2)
    both = [context.Process(target=_worker, args=(source, start)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]
    (path,) = files(source)
    make = Maker()
    assert same(kept.kept("one", ["source"], make)) and make.times == 0
    assert path.name.startswith("one.")


@pytest.mark.parametrize("name", ["baron-human", "pbmc3k", "spermatogonia"])
def test_kept_cells_are_those_of_the_reader(name: str):
    found, wanted = cells.load(name), cells.READERS[name](name)
    again = cells.load(name)
    again.X.data += 1
    for one in (found, cells.load(name)):
        pd.testing.assert_frame_equal(one.obs, wanted.obs)
        pd.testing.assert_frame_equal(one.var, wanted.var)
        assert one.uns == wanted.uns and one.layers.keys() == wanted.layers.keys()
        for layer in (None, *wanted.layers):
            held, meant = one.layers.get(layer, one.X), wanted.layers.get(layer, wanted.X)
            assert held.dtype == meant.dtype and held.format == "csr"
            for part in ("indptr", "indices", "data"):
                np.testing.assert_array_equal(getattr(held, part), getattr(meant, part))


def test_coordinates_of_cells_are_kept():
    made = anndata.AnnData(sparse.csr_matrix(np.eye(3, dtype=np.float32)))
    made.uns["source"] = {"values": "log", "repaired": {}}
    made.obsm["X_umap"] = np.arange(6.0).reshape(3, 2)
    found = cells._cells(*kept._tables(kept._packed(cells._tables(made))))
    np.testing.assert_array_equal(found.obsm["X_umap"], made.obsm["X_umap"])
    assert found.uns == made.uns and not found.layers


def test_a_kept_reference_is_the_repaired_table():
    found = references._omnipath("trrust", "drop")
    wanted = references.repair_edges(references.omnipath_rows("trrust"), complexes="drop")
    pd.testing.assert_frame_equal(found[0], wanted[0])
    assert found[1] == wanted[1] and found[0].attrs == {}
    with pytest.raises(DataError, match="complexes='x' is not one of"):
        references._omnipath("trrust", "x")
