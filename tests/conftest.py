"""Fixtures for all tests: seeds, the mirror of tier-2 files, folders of their own."""

from __future__ import annotations

import gc
import os
import random
from pathlib import Path

gc.disable()  # until what is imported is collected: it is no garbage

# One thread per process keeps sums in one order and leaves the other core to other work.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
for variable in THREADS:
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "agg")
WARM = os.environ.pop("HELPERS_WARM", "")  # for those tests only that ask for it
if "PYTEST_XDIST_WORKER" in os.environ:  # the other cores belong to the other workers
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

import numpy as np  # noqa: E402 - after the variables above
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

# A plugin may have loaded numpy before the variables were set.
_ONE_THREAD = threadpool_limits(1)

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "project",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")


def pytest_collection_finish() -> None:
    """Leave what was imported alone, and look for garbage from here on."""
    gc.freeze()
    gc.enable()


FIRST = ("project", "notebook", "book", "golden", "property", "pages", "models")
"""Folders with the longest tests: what starts early does not keep one worker busy at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file in one worker, and start with slow ones, for ``-n`` with ``--dist loadgroup``.

    What a module shares is then made once. Tests marked ``apart`` share nothing that costs; each
    goes to the worker that is free.
    """
    for item in items:
        if not item.get_closest_marker("apart") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(ROOT / "tests"))))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[bool, int]:
    folder = item.path.relative_to(ROOT / "tests").parts[0]
    late = FIRST.index(folder) if folder in FIRST else len(FIRST)
    return not item.get_closest_marker("slow"), late


@pytest.fixture(autouse=True)
def seeds() -> None:
    """Set the global seeds before every test, for libraries that take no generator."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - global state of libraries, not ours


@pytest.fixture(scope="session")
def warm_socket() -> str:
    """Where a page can start as a copy of a process with the libraries; empty: nowhere."""
    return WARM


@pytest.fixture(scope="session")
def smoke_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a worker runs pages with the smallest parameters, each once."""
    return tmp_path_factory.mktemp("smoke")


@pytest.fixture
def warm_pages(warm_socket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start pages of the test there."""
    monkeypatch.setenv("HELPERS_WARM", warm_socket)


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
