"""Published result archives: files of real runs, from which printed numbers can be recomputed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from helpers.datasets.fetch import fetch
from helpers.datasets.registry import Artefact, registry_content
from helpers.errors import DataError


@dataclass(frozen=True)
class ArchiveGroup:
    """One repository of archived results at a fixed commit.

    Parameters
    ----------
    name
        ``owner__repository``.
    title, version, licence, origin
        What the data card says; `version` is the commit.
    members
        Relative path -> the file as an artefact.
    """

    name: str
    title: str
    version: str
    licence: str
    origin: str
    members: Mapping[str, Artefact]


@lru_cache(maxsize=1)
def archive_groups() -> Mapping[str, ArchiveGroup]:
    """Return every group of archived results by name."""
    headings = registry_content()["archives"]
    listed: dict[str, dict[str, Artefact]] = {name: {} for name in headings}
    table = files("helpers.datasets").joinpath("archive_files.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        heading = headings[row["group"]]
        listed[row["group"]][row["path"]] = Artefact(
            name=f"{row['group']}/{row['path']}",
            version=heading["version"],
            kind="url",
            source=row["url"],
            path=f"{row['group']}/{row['path']}",
            sha256=row["sha256"],
            bytes=int(row["bytes"]),
            licence=heading["licence"],
            citation=heading["origin"],
        )
    groups = {
        name: ArchiveGroup(name, members=MappingProxyType(listed[name]), **heading)
        for name, heading in headings.items()
    }
    return MappingProxyType(groups)


def archive_group(group: str) -> ArchiveGroup:
    """Return one group of archived results.

    Raises
    ------
    DataError
        If no group has this name.
    """
    groups = archive_groups()
    if group not in groups:
        raise DataError(f"no archive is named {group!r}; known: {', '.join(groups)}")
    return groups[group]


def archive_files(group: str, prefix: str = "") -> list[str]:
    """Return the relative paths of a group, sorted, optionally only those under a prefix."""
    return sorted(path for path in archive_group(group).members if path.startswith(prefix))


def archive_path(group: str, relative_path: str) -> Path:
    """Return the local path of one archived file, from the mirror, the cache or its origin.

    Parameters
    ----------
    group
        Repository, for example ``"Biodyn-AI__neuro-sae"``.
    relative_path
        Path inside it, for example ``"novel_method/scaling_v2_results.csv"``.

    Raises
    ------
    DataError
        Unknown group or path, no network, or a checksum that does not match.
    """
    members = archive_group(group).members
    if relative_path not in members:
        raise DataError(
            f"archive {group!r} has no registered file {relative_path!r}; "
            f"archive_files({group!r}) lists its {len(members)} files"
        )
    return fetch(members[relative_path])
