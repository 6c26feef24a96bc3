"""One run at a time for each result, and what killed runs left there."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.alone import remove_leftovers as remove_leftovers_of
from helpers.errors import RunError
from helpers.files import results_dir

LOCKS = ".locks"
"""Folder, in that of a profile, with a file per page that a run holds."""

SOCKETS, KERNEL = "sockets", "kernel-"
"""File of a run that names the folder of its kernel's sockets; how such a folder's name begins."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the result of a page for this process, after removing what a killed run left of it.

    The lock is the operating system's: it ends with the process, however that ends.

    Parameters
    ----------
    folder
        ``results/PROFILE/NAME``.

    Raises
    ------
    RunError
        If another process holds it.
    """
    file = folder.parent / LOCKS / folder.name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            who = handle.read().strip() or "another process"
            raise RunError(
                f"{folder.name} is being run into {folder.parent} by {who}; wait for it, stop it, "
                "or give this run a folder of its own (--into NAME)"
            ) from None
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {platform.node()}")
        handle.flush()
        remove_leftovers(folder)
        try:
            yield
        finally:
            handle.truncate(0)


def aside_of(folder: Path) -> str:
    """Return how the hidden folders begin in which a result is made, beside those of profiles."""
    return f".run-{folder.parent.name}.{folder.name}."


def remove_leftovers(folder: Path) -> None:
    """Remove hidden folders of runs of this result that were killed; nobody else may hold it."""
    for aside in results_dir().glob(f"{aside_of(folder)}*"):
        if (named := aside / SOCKETS).is_file():
            sockets = Path(named.read_text(encoding="utf-8"))
            # The name comes from a file: nothing but a folder that `sockets_for` made.
            if sockets.parent == Path(tempfile.gettempdir()) and sockets.name.startswith(KERNEL):
                shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
    remove_leftovers_of(folder)


@contextmanager
def sockets_for(aside: Path) -> Iterator[Path]:
    """Yield a folder for the sockets of a kernel, named in `aside` so that it can be removed.

    It lies in the system's temporary folder because the paths of sockets may not be long.
    """
    with tempfile.TemporaryDirectory(prefix=KERNEL) as folder:
        (aside / SOCKETS).write_text(folder, encoding="utf-8")
        yield Path(folder)
