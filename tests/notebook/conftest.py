"""A project of three small notebooks, run in folders of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml


@dataclass(frozen=True)
class Project:
    """Folders of a small project, and how to run things in it."""

    root: Path
    folder: Path
    warm: str = ""

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def environment(self) -> dict[str, str]:
        named = {
            "HELPERS_NOTEBOOKS_DIR": self.folder / "notebooks",
            "HELPERS_PARAMS_DIR": self.folder / "params",
            "HELPERS_RESULTS_DIR": self.results,
            "HELPERS_DATA_DIR": self.folder / "data",
        }
        folders = {name: str(path) for name, path in named.items()}
        return os.environ | folders | {"HELPERS_WARM": self.warm}

    def helpers(self, *words: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "helpers.cli", *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )

    def snakemake(self) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going"]
        command += ["--snakefile", str(self.root / "Snakefile"), "--config", "profile=demo"]
        command += ["--directory", str(self.folder)]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )

    def set(self, **values: dict) -> None:
        (self.folder / "params" / "demo.yaml").write_text(yaml.safe_dump(values))

    def values(self, name: str, profile: str = "demo") -> dict:
        return json.loads((self.results / profile / name / "values.json").read_text())

    def starts(self) -> dict[str, str]:
        """When each notebook last ran."""
        return {
            path.parent.name: json.loads(path.read_text())["started"]
            for path in (self.results / "demo").glob("*/run.json")
        }


def make_project(root: Path, folder: Path, warm: str = "") -> Project:
    shutil.copytree(root / "tests" / "fixture_book" / "notebooks", folder / "notebooks")
    shutil.copytree(root / "tests" / "fixture_book" / "params", folder / "params")
    (folder / "data").mkdir()
    (folder / "data" / "numbers.csv").write_text("x\n1\n2\n")
    return Project(root, folder, warm)


@pytest.fixture(scope="module")
def project(root: Path, warm_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after its first full run; its pages start from a process with the libraries."""
    made = make_project(root, tmp_path_factory.mktemp("project"), warm_socket)
    done = made.snakemake()
    assert done.returncode == 0, done.stderr[-3000:]
    return made


@pytest.fixture
def fresh(root: Path, tmp_path: Path) -> Project:
    """The project before anything ran."""
    return make_project(root, tmp_path)
