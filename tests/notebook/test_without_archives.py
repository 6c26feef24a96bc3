"""Pages whose archive is absent: no cache, no mirror, no network. They say what and how."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.archives.locate import ATTENTION, CONFOUND, MEDIATION
from helpers.files import data_dir

pytestmark = [pytest.mark.offline, pytest.mark.slow]

PAGES = {
    "20_scaling": ATTENTION,
    "22_mediation_bias": MEDIATION,
    "28_leakage": CONFOUND,
    "50_mediation_circuits": MEDIATION,
}
"""Quick pages of each archive; the others read theirs by the same functions."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Folders in which the demo data are cached and no archive is."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "--net", "true"]).returncode:
        pytest.skip("no network namespaces here: root is needed")
    folder = tmp_path_factory.mktemp("without")
    (folder / "data").mkdir()
    for path in data_dir().iterdir():
        if path.is_file():
            (folder / "data" / path.name).symlink_to(path)
    if not any((folder / "data").iterdir()):
        pytest.skip(f"nothing cached in {data_dir()}; run: make data")
    named = {"HELPERS_DATA_DIR": "data", "HELPERS_RESULTS_DIR": "results"}
    kept = {name: value for name, value in os.environ.items() if name != "HELPERS_DATA_MIRROR"}
    return kept | {name: str(folder / value) for name, value in named.items()}


@pytest.mark.parametrize("name", PAGES)
def test_page_says_what_is_missing_and_how_to_get_it(environment, name):
    command = ["unshare", "--net", sys.executable, "-m", "helpers.cli", "run", name]
    done = subprocess.run(
        [*command, "--profile", "smoke"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    folder = Path(environment["HELPERS_RESULTS_DIR"]) / "smoke" / name
    values = json.loads((folder / "values.json").read_text(encoding="utf-8"))
    assert values["archive/present"]["value"] is False
    assert not [key for key, entry in values.items() if "claim" in entry]
    cells = json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    shown = "".join(
        "".join(output.get("data", {}).get("text/markdown", ""))
        for cell in cells
        for output in cell.get("outputs", [])
    )
    assert "```{warning}" in shown
    for words in (PAGES[name], "https://", "HELPERS_DATA_MIRROR", "helpers data list"):
        assert words in shown, words
