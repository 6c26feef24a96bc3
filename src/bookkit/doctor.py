"""Look at the machine before blaming the book."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from helpers.files import data_dir, project_root, results_dir

GIGABYTE = 1e9
NEEDED_GB = 3.0


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Parameters
    ----------
    what, found
        What was looked at, and what was there or what to do.
    good
        Whether it is as it should be.
    level
        ``missing`` if nothing works without it, ``wanted`` if only some things do not.
    """

    what: str
    found: str
    good: bool
    level: Literal["missing", "wanted"] = "missing"


def examine() -> list[Check]:
    """Return all checks: Python, packages, disk, data cache, browser, models."""
    return [_python(), _packages(), _disk(), _cache(), _browser(), _models()]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check("Python 3.11", found, sys.version_info[:2] == (3, 11))


def _packages() -> Check:
    path = project_root() / "constraints.txt"
    if not path.is_file():
        return Check("packages", "no constraints.txt beside the package", False, "wanted")
    wrong = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        wanted = Requirement(line)
        if wanted.name == "pip":
            continue  # stays as Python brought it; any pip of these years will do
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            continue  # an extra that is not installed
        if not wanted.specifier.contains(found.split("+")[0], prereleases=True):
            wrong.append(f"{wanted.name} {found} instead of {wanted.specifier}")
    text = "; ".join(wrong) if wrong else "as pinned"
    return Check("packages", text, not wrong, "wanted")


def _disk() -> Check:
    free = shutil.disk_usage(_existing(results_dir())).free / GIGABYTE
    return Check("disk", f"{free:.1f} GB free, {NEEDED_GB:.0f} needed", free >= NEEDED_GB)


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())


def _cache() -> Check:
    files = [p for p in data_dir().rglob("*") if p.is_file()] if data_dir().is_dir() else []
    size = sum(p.stat().st_size for p in files) / GIGABYTE
    text = f"{len(files)} files, {size:.2f} GB in {data_dir()}"
    return Check(
        "data cache", text if files else f"{text}; run: helpers data fetch", bool(files), "wanted"
    )


def _browser() -> Check:
    absent = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    text = f"without {' and '.join(absent)}: browser tests are skipped" if absent else "found"
    return Check("Chromium", text, not absent, "wanted")


def _models() -> Check:
    found = sorted({p.parent.name for p in Path(__file__).parents[1].rglob("*.safetensors")})
    text = ", ".join(found) if found else "no weights; run: helpers models train"
    return Check("models", text, bool(found))
