"""Files and folders: where things live, checksums, and writes that never leave half a file."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch


def project_root() -> Path:
    """Return the checkout this package was installed from, else the working directory."""
    for parent in Path(__file__).resolve().parents:
        if (parent / "_toc.yml").is_file() and (parent / "pyproject.toml").is_file():
            return parent
    return Path.cwd()


def data_dir() -> Path:
    """Return the cache of fetched artefacts.

    ``HELPERS_DATA_DIR`` if set, else ``data/`` of the checkout, else the user's cache folder.
    """
    if named := os.environ.get("HELPERS_DATA_DIR"):
        return Path(named).expanduser().resolve()
    root = project_root()
    if (root / "_toc.yml").is_file():
        return root / "data"
    return Path(pooch.os_cache("attention-audit"))


def results_dir() -> Path:
    """Return the folder of results: ``HELPERS_RESULTS_DIR`` if set, else ``results/``."""
    if named := os.environ.get("HELPERS_RESULTS_DIR"):
        return Path(named).expanduser().resolve()
    return project_root() / "results"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it into place only if the block succeeds.

    Parameters
    ----------
    path
        Final path of a file or folder. A folder that exists already is replaced.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    temporary = holder / path.name
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            path.rename(holder / "previous")
        temporary.replace(path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)
