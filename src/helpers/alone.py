"""One process at a time for a part of the work in a folder, and what killed ones left there."""

from __future__ import annotations

import fcntl
import glob
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.errors import DataError

log = logging.getLogger(__name__)

LOCK = ".lock"
"""File in a folder whose bytes stand for parts of the work there."""


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left while they wrote `path`; nobody may be writing it now."""
    path = Path(path)
    for holder in path.parent.glob(f".{glob.escape(path.name)}.*"):  # see `files.atomic_write`
        shutil.rmtree(holder, ignore_errors=True)


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Wait until no other process is in a block of this kind for the same folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            log.warning("%s: this file system knows no locks (%s)", folder, error)
        yield
    finally:
        os.close(handle)


@contextmanager
def alone(folder: Path, place: int = 0) -> Iterator[None]:
    """Hold one numbered part of the work in a folder for this process.

    The lock is the operating system's: it ends with the process, however that ends. Where a file
    system knows no locks, there is none.

    Raises
    ------
    DataError
        If another process holds this part.
    """
    with (folder / LOCK).open("ab") as handle:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError) as error:
            raise DataError(
                f"{folder}: another process is doing this part of the work; wait for it, stop it, "
                "or name another folder"
            ) from error
        except OSError as error:
            log.warning("%s: this file system knows no locks (%s)", folder, error)
        yield
