"""Pages whose archive is absent: no cache, no mirror, no network. They say what and how.

And a book that was built without archives is built again when they arrive, and the other way.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from page_runs import assert_same_twice, smoke_run, values_of

from bookkit import notebooks
from bookkit.publish import needs_archive
from helpers.files import data_dir
from helpers.registry.records import NOT_FETCHED
from papers.archives.locate import ATTENTION, CONFOUND, MEDIATION
from papers.archives.outside import LEADERBOARD

pytestmark = [pytest.mark.offline, pytest.mark.slow]

PAGES = {
    "20_scaling": ATTENTION,
    "22_mediation_bias": MEDIATION,
    "24_cross_context": MEDIATION,
    "28_leakage": CONFOUND,
    "50_mediation_circuits": MEDIATION,
    "93_outside_evidence": LEADERBOARD,
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


def of_pages(names):
    """Give a test each of the pages, in the worker that runs it for other tests too."""
    cases = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
    return pytest.mark.parametrize("name", cases)


def without(environment: dict[str, str], name: str) -> Path:
    """Return a run without archives and network, made unless it is there."""
    folder = Path(environment["HELPERS_RESULTS_DIR"]) / "smoke" / name
    if not folder.is_dir():
        command = ["unshare", "--net", sys.executable, "-m", "helpers.cli", "run", name]
        done = subprocess.run(
            [*command, "--profile", "smoke"], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
    return folder


@of_pages(PAGES)
def test_page_says_what_is_missing_and_how_to_get_it(environment, name):
    folder = without(environment, name)
    values = values_of(folder)
    assert values["archive/present"]["value"] is False
    assert not [key for key, entry in values.items() if "claim" in entry]
    page = (folder / f"{name}.ipynb").read_text(encoding="utf-8")
    for words in ("ConnectionError", "HTTPSConnectionPool", "Max retries"):
        assert words not in page, words
    if notebooks.statements_path(name).is_file():
        moved_page_says_what_is_missing(page, folder / "download" / f"{name}.ipynb")
        return
    shown = "".join(
        "".join(output.get("data", {}).get("text/markdown", ""))
        for cell in json.loads(page)["cells"]
        for output in cell.get("outputs", [])
    )
    assert "```{warning}" in shown
    for words in (PAGES[name], "https://", "HELPERS_DATA_MIRROR", "helpers data fetch archives"):
        assert words in shown, words


@of_pages(["22_mediation_bias", "50_mediation_circuits"])
def test_all_other_numbers_are_those_with_archives(environment, smoke_folder, warm_pages, name):
    """It is also a second run of the same seed, with another seed of hashes."""
    first = smoke_run(smoke_folder, name)
    assert_same_twice(first, without(environment, name), of_archives)


def of_archives(key: str, entry: dict) -> bool:
    missing = {entry.get("not_estimable"), entry.get("reason")}
    return key == "archive/present" or NOT_FETCHED in missing


def moved_page_says_what_is_missing(page: str, copy: Path) -> None:
    """A page with declared tests: its prose under conditions; no code that needs an archive."""
    sources = ["".join(cell["source"]) for cell in json.loads(page)["cells"]]
    assert not any(needs_archive(source) for source in sources)
    resolved = json.loads(copy.read_text(encoding="utf-8"))["cells"]
    prose = [cell for cell in resolved if cell["cell_type"] == "markdown"]
    said = "".join("".join(cell["source"]) for cell in prose)
    assert "not fetched in this build" in said and "archive/present" not in said


ARCHIVED = """

```{code-cell} ipython3
from papers.archives import locator, missing_message
from papers.archives.confound import FILES
from papers.archives.locate import CONFOUND

missing = missing_message(locator(CONFOUND), *FILES)
archive = None if missing else locator(CONFOUND)
run.value("archive/present", not missing)
```

```{code-cell} ipython3
if archive:
    run.value("archive/bytes", sum(archive(name).stat().st_size for name in FILES))
```
"""


@pytest.fixture
def archived(fresh, warm_socket):
    """The small project with one page that reads an archive, and its state after a build."""
    page = fresh.folder / "notebooks" / "01_second.md"
    head, fence, tail = page.read_text().rpartition("```{code-cell}")
    page.write_text(head + ARCHIVED.lstrip("\n") + "\n" + fence + tail)
    return replace(fresh, warm=warm_socket)


@pytest.mark.apart
def test_a_book_is_built_again_when_archives_arrive_and_when_they_go(
    archived, mirror_dir, monkeypatch
):
    def build(mirror):
        if mirror:
            monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror))
        else:
            monkeypatch.delenv("HELPERS_DATA_MIRROR", raising=False)
        before = archived.starts()
        done = archived.snakemake()
        assert done.returncode == 0, done.stderr[-3000:]
        now = archived.starts()
        notebook = archived.results / "demo" / "01_second" / "01_second.ipynb"
        shown = "if archive:" in notebook.read_text(encoding="utf-8")
        present = archived.values("01_second")["archive/present"]["value"]
        assert shown == present == ("archive/bytes" in archived.values("01_second"))
        return present, {name for name in now if now[name] != before.get(name)}

    everything = {"00_first", "01_second", "90_last"}
    affected = {"01_second", "90_last"}
    assert build(None) == (False, everything)
    assert build(mirror_dir) == (True, affected)
    assert build(mirror_dir) == (True, set())
    assert build(None) == (False, affected)
