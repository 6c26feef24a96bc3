"""Published result archives: files of real runs, from which printed numbers can be recomputed."""

from __future__ import annotations

import csv
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import yaml

from helpers.datasets.catalogue import Artefact
from helpers.datasets.fetch import fetch, find_here
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
    readers
        Relative path -> module of `papers.archives` that reads the file for a page; files that
        no page reads are left out.
    """

    name: str
    title: str
    version: str
    licence: str
    origin: str
    members: Mapping[str, Artefact]
    readers: Mapping[str, str]


@lru_cache(maxsize=1)
def archive_groups() -> Mapping[str, ArchiveGroup]:
    """Return every group of archived results by name."""
    here = files("papers.archives")
    headings = yaml.load(here.joinpath("groups.yaml").read_text("utf-8"), yaml.CSafeLoader)
    listed: dict[str, dict[str, Artefact]] = {name: {} for name in headings}
    readers: dict[str, dict[str, str]] = {name: {} for name in headings}
    table = here.joinpath("archive_files.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        if row["reader"]:
            readers[row["group"]][row["path"]] = row["reader"]
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
        name: ArchiveGroup(
            name,
            members=MappingProxyType(listed[name]),
            readers=MappingProxyType(readers[name]),
            **heading,
        )
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


def page_files(readers: Container[str] | None = None) -> list[Artefact]:
    """Return the archived files that pages of the book read.

    Parameters
    ----------
    readers
        Modules of `papers.archives`; all of them by default.
    """
    return [
        group.members[path]
        for group in archive_groups().values()
        for path, reader in group.readers.items()
        if readers is None or reader in readers
    ]


def availability(readers: Container[str] | None = None) -> dict[str, str]:
    """Return what this machine holds of the files that pages read, without any network.

    Parameters
    ----------
    readers
        As for `page_files`.

    Returns
    -------
    dict
        Name of the file -> its checksum, or ``"absent"``.
    """
    return {item.name: item.sha256 if _here(item) else "absent" for item in page_files(readers)}


def _here(item: Artefact) -> bool:
    try:
        return find_here(item) is not None
    except DataError:  # a damaged file of the mirror: the page that needs it says so
        return False


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
    return fetch(_member(group, relative_path))


def archive_here(group: str, relative_path: str) -> Path:
    """Return the local path of an archived file that a page reads; nothing is fetched.

    A page must be the same whenever it runs with the same files at hand, so it never asks the
    network: ``helpers data fetch archives`` does, and a change in what is here runs it again.

    Parameters
    ----------
    group, relative_path
        As for `archive_path`.

    Raises
    ------
    DataError
        Unknown group or path, a file that names no reader, or one that is not here.
    """
    item = _member(group, relative_path)
    if relative_path not in archive_group(group).readers:
        raise DataError(
            f"{item.name} names no reader in archive_files.csv; name the module of "
            "papers.archives that reads it, so that a change of it runs the page again"
        )
    if (path := find_here(item)) is None:
        raise DataError(
            f"{item.name} (of {item.citation}) was not fetched; run: helpers data fetch archives, "
            "or name a folder that holds it in HELPERS_DATA_MIRROR"
        )
    return path


def _member(group: str, relative_path: str) -> Artefact:
    members = archive_group(group).members
    if relative_path not in members:
        raise DataError(
            f"archive {group!r} has no registered file {relative_path!r}; "
            f"archive_files({group!r}) lists its {len(members)} files"
        )
    return members[relative_path]
