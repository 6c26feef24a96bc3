"""Pages 10 to 12 on cells and checkpoints that do not come with the book."""

from __future__ import annotations

import json

import pytest

from bookkit import runner
from helpers.models.load import load_model
from helpers.models.scgpt import save_scgpt
from helpers.models.training import random_model

pytestmark = pytest.mark.slow

PAGES = ("10_coexpression", "11_cssi", "12_null_models")


def values_of(name: str, given: dict) -> dict:
    done = runner.run(name, profile="smoke", given=given)
    return json.loads((done.folder / "values.json").read_text())


@pytest.mark.mirror
@pytest.mark.parametrize("name", PAGES)
def test_blood_cells_of_the_mirror(results, mirror_dir, monkeypatch, name):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror_dir))
    found = values_of(name, {"data": "kang"})
    assert any("kang" in key for key in found)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A folder in the published layout, with random weights."""
    folder = tmp_path_factory.mktemp("checkpoint")
    save_scgpt(random_model("scgpt", load_model("scgpt-baron"), 0), folder)
    return folder


@pytest.mark.parametrize("name", ["12_null_models"])
def test_checkpoint_of_ones_own(results, checkpoint, name):
    found = values_of(name, {"model": f"scgpt:{checkpoint}"})
    assert any("own-scgpt/baron" in key for key in found)
