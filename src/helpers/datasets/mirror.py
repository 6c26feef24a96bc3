"""Look for a file in the directory that ``HELPERS_DATA_MIRROR`` names, before any download."""

from __future__ import annotations

import csv
import os
from functools import lru_cache
from pathlib import Path

from helpers.errors import DataError
from helpers.files import sha256_of

VARIABLE = "HELPERS_DATA_MIRROR"


def mirror_root() -> Path | None:
    """Return the mirror directory, or None where the variable is not set.

    Raises
    ------
    DataError
        If the variable names something that is not a directory.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    root = Path(named).expanduser().resolve()
    if not root.is_dir():
        raise DataError(f"{VARIABLE} names {root}, which is not a directory; correct or unset it")
    return root


def find_in_mirror(relative: str, sha256: str, size: int) -> Path | None:
    """Return the file of the mirror with this checksum, wherever it lies.

    Tried in turn: the relative path, the path that ``MANIFEST.tsv`` gives for the checksum, a file
    of the same name at the top (flat layout), any file of the same size. Only the checksum decides.

    Parameters
    ----------
    relative
        Path of the registry, for example ``"HelenaLC__muscat/data/kang_se.rda"``.
    sha256, size
        What the file must be.

    Raises
    ------
    DataError
        If a file lies exactly at the relative path but has another checksum.
    """
    root = mirror_root()
    if root is None:
        return None
    exact = root / relative
    if exact.is_file():
        if sha256_of(exact) == sha256:
            return exact
        raise DataError(
            f"{exact} in the mirror is damaged or another version: its sha256 is not {sha256}; "
            f"replace or remove the file, or unset {VARIABLE}"
        )
    listed = _manifest(root).get(sha256)
    candidates = [root / listed] if listed else []
    candidates += [root / Path(relative).name, *_by_size(root).get(size, ())]
    for candidate in dict.fromkeys(candidates):
        if candidate.is_file() and sha256_of(candidate) == sha256:
            return candidate
    return None


def _manifest(root: Path) -> dict[str, str]:
    """Return sha256 -> path of an optional ``MANIFEST.tsv``."""
    listing = root / "MANIFEST.tsv"
    if not listing.is_file():
        return {}
    with listing.open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["sha256"]: row["path"] for row in rows if row.get("sha256") and row.get("path")}


# One walk per process: a mirror may lie on slow shared storage.
@lru_cache(maxsize=2)
def _by_size(root: Path) -> dict[int, tuple[Path, ...]]:
    found: dict[int, list[Path]] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            if path.is_file():
                found.setdefault(path.stat().st_size, []).append(path)
    return {size: tuple(sorted(paths)) for size, paths in found.items()}
