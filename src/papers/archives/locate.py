"""Where the files of an archive are: in a folder, in the mirror, or in the cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.errors import DataError, HelpersError

Locate = Callable[[str], Path]
"""Turns a path inside an archive into a path on this machine, or raises `DataError`."""

MEDIATION = "Biodyn-AI__scgpt-causal-mediation-circuit-map"
ATTENTION = "Biodyn-AI__neuro-sae"
CONFOUND = "Biodyn-AI__grn-confound-audit"
"""Archive groups: the mediation runs of paper B, and two result folders behind paper A."""

ATLAS = "Biodyn-AI__scgpt-atlas"
SAE_MAP = "Biodyn-AI__sae-biological-map"
"""Features of scGPT and of Geneformer, by the author of paper C."""


def locator(group: str) -> Locate:
    """Return the `Locate` function of an archive group, over the files that are on this machine.

    Parameters
    ----------
    group
        Name of the group, for example ``MEDIATION``.
    """
    from papers.archives.catalogue import archive_here

    def locate(relative: str) -> Path:
        return archive_here(group, relative)

    return locate


def from_folder(root: Path) -> Locate:
    """Return a `Locate` function over a folder that holds one archive.

    Parameters
    ----------
    root
        Folder whose layout is that of the archive's repository.
    """
    root = Path(root)

    def locate(relative: str) -> Path:
        path = root / relative
        if not path.is_file():
            raise DataError(
                f"The archive folder {root} has no file {relative!r}. Copy it there, or name "
                "another folder."
            )
        return path

    return locate


def missing_message(locate: Locate, *relatives: str) -> str:
    """Return why an archive cannot be read here, or the empty string if it can.

    Parameters
    ----------
    locate
        As from `locator` or `from_folder`.
    *relatives
        The files that are going to be read; the first one that is not to be had is named.
    """
    try:
        for relative in relatives:
            locate(relative)
    except (HelpersError, OSError) as error:
        return str(error)
    return ""


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises
    ------
    DataError
        If the file is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}); fetch the archive again.") from error
