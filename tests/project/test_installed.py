"""A wheel, installed on a newer Python without torch, scores edges outside the repository."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.cli import extra_of

NEWER = ("3.13", "3.12")
TESTS = ("tests/statistics/test_crossed.py", "tests/statistics/test_relabel.py")


def ran(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=kept | {"HELPERS_DATA_DIR": str(cwd / "data"), "MPLBACKEND": "agg"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def newer_python() -> str:
    """The newest Python of this machine that is newer than the book's, or a skip."""
    for version in NEWER:
        places = [shutil.which(f"python{version}")]
        places += sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/python"))
        for place in filter(None, places):
            code = "import venv, sys; print(*sys.version_info[:2], sep='.')"
            if ran(place, "-c", code, cwd=Path("/")).stdout.strip() == version:
                return str(place)
    pytest.skip(f"no Python {' or '.join(NEWER)} with venv on this machine")


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    """Folder outside the repository with an environment that holds the wheel and no torch."""
    folder = tmp_path_factory.mktemp("installed")
    python = newer_python()
    source = folder / "source"
    shutil.copytree(root / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-PROSE"):
        shutil.copy(root / name, source)
    steps = [
        (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source),
        (python, "-m", "venv", "--without-pip", folder / "env"),
    ]
    for step in steps:
        done = ran(*step, cwd=folder)
        assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    shutil.rmtree(source)
    pip = (sys.executable, "-m", "pip", "--python", folder / "env/bin/python")
    pip = (*pip, "--disable-pip-version-check", "install", "-q")
    pip = (*pip, "--no-compile")  # most of it is never imported
    tools = ("pytest", "hypothesis", "pytest-xdist")
    done = ran(*pip, "--constraint", root / "constraints.txt", wheel, *tools, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.network
def test_scoring_needs_neither_torch_nor_the_repository(installed):
    helpers = installed / "env/bin/helpers"
    absent = ran(installed / "env/bin/python", "-c", "import torch", cwd=installed)
    assert "No module named 'torch'" in absent.stderr
    made = ran(helpers, "worlds", "export", "pair-signal", "--to", "kit", cwd=installed)
    assert made.returncode == 0, made.stderr
    kit = installed / "kit/pair-signal"
    given = ("--cells", kit / "cells.h5ad", "--reference", kit / "GroundTruthNetwork.csv")
    for name, verdict in (("edges", "Above chance, beyond degree"), ("noise", "Absent within")):
        out = installed / f"{name}.json"
        command = (helpers, "score", kit / f"scores/{name}/rankedEdges.csv", *given)
        done = ran(*command, "--organism", "other", "--output", out, cwd=installed)
        assert done.returncode == 0, done.stderr
        (reference,) = json.loads(out.read_text())["references"]
        assert reference["verdict"].startswith(verdict)


@pytest.mark.slow
@pytest.mark.network
def test_what_needs_torch_says_which_part_brings_it(installed):
    command = ("audit", "scgpt-sim", "--cells", "x.h5ad", "--reference", "trrust")
    done = ran(installed / "env/bin/helpers", *command, cwd=installed)
    assert done.returncode == 1 and "attention-audit[models]" in done.stderr, done.stderr


@pytest.mark.slow
@pytest.mark.network
def test_the_statistics_hold_there(installed, root):
    tests = [root / name for name in TESTS]
    options = ("-q", "-p", "no:cacheprovider", "--rootdir", installed, "-c", "/dev/null")
    done = ran(installed / "env/bin/python", "-m", "pytest", *options, *tests, cwd=installed)
    assert done.returncode == 0, done.stdout[-2000:]


def test_every_optional_library_names_its_part():
    assert extra_of("torch") == "models" and extra_of("snakemake.api") == "book"
    assert extra_of("pandas.io") is None
