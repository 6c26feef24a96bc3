"""Pages on cells and checkpoints that do not come with the book."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from page_runs import assert_same_twice, smoke_run, values_of

from bookkit import runner
from helpers.datasets import load
from helpers.datasets.catalogue import artefact, dataset
from helpers.datasets.fetch import is_available
from helpers.models.load import load_model
from helpers.models.scgpt import save_scgpt
from helpers.models.training import random_model

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_pages")]


def ran(name: str, given: dict) -> Path:
    return runner.run(name, profile="smoke", given=given).folder


@pytest.mark.apart
@pytest.mark.mirror
@pytest.mark.parametrize("name", ["10_coexpression", "11_cssi"])
def test_blood_cells_of_the_mirror(results, mirror_dir, monkeypatch, name):
    """Page 12 reads them below."""
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror_dir))
    found = values_of(ran(name, {"data": "kang"}))
    assert any("kang" in key for key in found)


@pytest.mark.apart
def test_checkpoint_of_ones_own(results, tmp_path):
    """A folder in the published layout, with random weights; on blood cells where they are here."""
    here = all(is_available(artefact(name)) for name in dataset("kang").artefacts)
    data = "kang" if here else "baron"
    save_scgpt(random_model("scgpt", load_model("scgpt-baron"), 0), tmp_path / "checkpoint")
    given = {"model": f"scgpt:{tmp_path / 'checkpoint'}", "data": data}
    found = values_of(ran("12_null_models", given))
    assert any(f"own-scgpt/{data}" in key for key in found)


@pytest.fixture
def own(tmp_path):
    """A file of cells with a label that is markup."""
    cells = load("baron-human")[:120].copy()
    kinds = cells.obs["cell_type"].astype(str).replace({"acinar": "<b>acinar</b>"})
    cells.obs = pd.DataFrame({"kind": kinds, "who": ["a", "b"] * 60})
    cells.var, cells.uns = cells.var[[]], {}
    cells.write_h5ad(tmp_path / "mine.h5ad")
    return {"data": str(tmp_path / "mine.h5ad"), "cell_type": "kind", "donor": "who"}


def is_read(folder: Path) -> None:
    """Labels of a file are text of somebody else's: they stay text."""
    found = values_of(folder)
    assert found["own/here"]["value"] and found["own/species"]["value"] == "human"
    page = (folder / f"{folder.name}.ipynb").read_text()
    assert "acinar" in page and "<b>" not in page


def test_the_first_page_on_a_file_of_ones_own(results, own):
    is_read(ran("01_data", own))


@pytest.mark.xdist_group("02_models")
def test_a_file_of_ones_own_changes_no_other_number(results, own, smoke_folder, monkeypatch):
    """It is also a second run of the same seed, with another seed of hashes."""
    first = smoke_run(smoke_folder, "02_models")
    monkeypatch.delenv("HELPERS_WARM")
    second = ran("02_models", own)
    is_read(second)
    assert_same_twice(first, second, lambda key, entry: key.startswith("own/"))
