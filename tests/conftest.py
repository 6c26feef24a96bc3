"""Fixtures for all tests: seeds, the mirror of tier-2 files, folders of their own."""

from __future__ import annotations

import os
import random
from pathlib import Path

# One thread per process keeps sums in one order and leaves the other core to other work.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np  # noqa: E402 - after the variables above
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "project",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")


@pytest.fixture(autouse=True)
def seeds() -> None:
    """Set the global seeds before every test, for libraries that take no generator."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - global state of libraries, not ours


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def mirror_dir() -> Path:
    """Folder of tier-2 files; skips where there is none."""
    named = os.environ.get("HELPERS_DATA_MIRROR")
    folder = Path(named).expanduser() if named else ROOT.parent / "shared" / "mirror"
    if not folder.is_dir():
        pytest.skip(f"tier-2 files: no folder at {folder}; name one in HELPERS_DATA_MIRROR")
    return folder.resolve()


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder of the test's own."""
    folder = tmp_path / "results"
    monkeypatch.setenv("HELPERS_RESULTS_DIR", str(folder))
    return folder
