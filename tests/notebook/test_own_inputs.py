"""Pages on cells and checkpoints that do not come with the book."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from bookkit import runner
from helpers.datasets import load
from helpers.datasets.catalogue import artefact, dataset
from helpers.datasets.fetch import is_available
from helpers.models.load import load_model
from helpers.models.scgpt import save_scgpt
from helpers.models.training import random_model

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_pages")]


def values_of(name: str, given: dict) -> dict:
    done = runner.run(name, profile="smoke", given=given)
    return json.loads((done.folder / "values.json").read_text())


@pytest.mark.apart
@pytest.mark.mirror
@pytest.mark.parametrize("name", ["10_coexpression", "11_cssi"])
def test_blood_cells_of_the_mirror(results, mirror_dir, monkeypatch, name):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror_dir))
    found = values_of(name, {"data": "kang"})
    assert any("kang" in key for key in found)


@pytest.mark.apart
def test_checkpoint_of_ones_own(results, tmp_path):
    """A folder in the published layout, with random weights; on blood cells where they are here."""
    here = all(is_available(artefact(name)) for name in dataset("kang").artefacts)
    data = "kang" if here else "baron"
    save_scgpt(random_model("scgpt", load_model("scgpt-baron"), 0), tmp_path / "checkpoint")
    given = {"model": f"scgpt:{tmp_path / 'checkpoint'}", "data": data}
    found = values_of("12_null_models", given)
    assert any(f"own-scgpt/{data}" in key for key in found)


@pytest.mark.parametrize("name", ["01_data", "02_models"])
def test_first_pages_on_a_file_of_ones_own(results, tmp_path, name):
    """Labels of a file are text of somebody else's: they stay text."""
    cells = load("baron-human")[:120].copy()
    kinds = cells.obs["cell_type"].astype(str).replace({"acinar": "<b>acinar</b>"})
    cells.obs = pd.DataFrame({"kind": kinds, "who": ["a", "b"] * 60})
    cells.var, cells.uns = cells.var[[]], {}
    cells.write_h5ad(tmp_path / "mine.h5ad")
    given = {"data": str(tmp_path / "mine.h5ad"), "cell_type": "kind", "donor": "who"}
    found = values_of(name, given)
    assert found["own/here"]["value"] and found["own/species"]["value"] == "human"
    page = (results / "custom" / name / f"{name}.ipynb").read_text()
    assert "acinar" in page and "<b>" not in page
