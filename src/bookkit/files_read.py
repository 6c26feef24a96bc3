"""Notice which files a notebook reads below given folders, so that provenance can name them.

Python announces every file it opens to audit hooks; what a C library opens by itself goes
unnoticed. Our loaders check hashes first, and that reading is seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.files import sha256_of

_WRITING = set("wax+")


@dataclass
class Watch:
    """Paths opened for reading since the watch began.

    Parameters
    ----------
    roots
        Folders of interest.
    besides
        A folder below them that is not of interest (the notebook's own output).
    """

    roots: tuple[str, ...]
    besides: str
    opened: set[str] = field(default_factory=set)

    def notice(self, path: object, mode: object) -> None:
        """Keep a path if it lies below a root and was opened for reading."""
        if not isinstance(path, (str, bytes, os.PathLike)) or not self.roots:
            return
        if isinstance(mode, str) and _WRITING & set(mode):
            return
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - no look-ups inside a hook
        if name.startswith(self.roots) and not name.startswith(self.besides):
            self.opened.add(name)

    def files(self) -> list[dict[str, Any]]:
        """Return path, sha256, size and time of change of every file noticed that still exists."""
        return [describe(Path(name)) for name in sorted(self.opened) if Path(name).is_file()]


def describe(path: Path) -> dict[str, Any]:
    """Return path, sha256, size (bytes) and time of change (ns) of a file."""
    state = path.stat()
    return {
        "path": str(path),
        "sha256": sha256_of(path),
        "size": state.st_size,
        "mtime_ns": state.st_mtime_ns,
    }


def unchanged(files: Iterable[dict[str, Any]], expendable: Path) -> bool:
    """Return whether files still hold what they held.

    Parameters
    ----------
    files
        What `Watch.files` returned.
    expendable
        A cache: a file missing there can be fetched again by its hash and counts as unchanged.
    """
    for known in files:
        path = Path(known["path"])
        if not path.is_file():
            if path.is_relative_to(expendable):
                continue
            return False
        state = path.stat()
        if (state.st_size, state.st_mtime_ns) == (known["size"], known["mtime_ns"]):
            continue
        if state.st_size != known["size"] or sha256_of(path) != known["sha256"]:
            return False
    return True


_watches: list[Watch] = []


def _hook(event: str, arguments: tuple) -> None:
    if event == "open" and _watches:
        _watches[-1].notice(arguments[0], arguments[1])


def watch(roots: Iterable[str | Path], besides: Path) -> Watch:
    """Begin to notice files read below `roots`; a later watch takes over from an earlier one."""
    if not _watches:
        sys.addaudithook(_hook)  # stays for the life of the process
    ends = tuple(os.path.join(os.path.abspath(root), "") for root in roots)  # noqa: PTH100, PTH118
    begun = Watch(ends, os.path.join(os.path.abspath(besides), ""))  # noqa: PTH100, PTH118
    _watches[:] = [begun]
    return begun
