"""The catalogue of data artefacts: one frozen entry each, read from ``catalogue.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from helpers.errors import DataError

KINDS = ("wheel", "sdist", "url", "installed")


@dataclass(frozen=True)
class Artefact:
    """One file that the project reads and did not make.

    Parameters
    ----------
    name
        Key of the catalogue, for example ``"came"``.
    version
        Release, or the commit that the URL is fixed to.
    kind
        ``wheel`` or ``sdist`` (Python distributions used as data files), ``url`` (one file),
        ``installed`` (a file inside an installed dependency).
    source
        Requirement (``came==0.1.13``), URL, or ``package:path`` for kind ``installed``.
    path
        File name in the cache, and relative path in a mirror directory.
    sha256
        Checksum; a file with another one is refused.
    bytes
        Size of the file.
    licence, citation, note
        What the data card says.
    members
        Short name -> member inside the archive, where the artefact is one.
    """

    name: str
    version: str
    kind: str
    source: str
    path: str
    sha256: str
    bytes: int
    licence: str = ""
    citation: str = ""
    note: str = ""
    members: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"catalogue entry {self.name!r}: kind {self.kind!r} is not in {KINDS}")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise DataError(f"catalogue entry {self.name!r}: sha256 is not 64 hexadecimal digits")
        object.__setattr__(self, "members", MappingProxyType(dict(self.members)))

    def member(self, short: str) -> str:
        """Return the path inside the archive of a member known by its short name."""
        if short not in self.members:
            known = ", ".join(self.members) or "none"
            raise DataError(f"artefact {self.name!r} has no member {short!r}; it has: {known}")
        return self.members[short]


@dataclass(frozen=True)
class DataSet:
    """One set of cells that ``load`` knows.

    Parameters
    ----------
    name
        Name for ``load``, for example ``"baron-human"``.
    title
        Short title for a data card.
    tier
        ``demo`` (fetched by ``helpers data fetch``) or ``real`` (from its origin or a mirror).
    organism
        ``human`` or ``mouse``.
    artefacts
        Names of the artefacts the set is read from; the first carries licence and version.
    citation
        Who made the cells.
    note
        What a reader should know before using it.
    """

    name: str
    title: str
    tier: str
    organism: str
    artefacts: tuple[str, ...]
    citation: str
    note: str = ""


@lru_cache(maxsize=1)
def content() -> dict[str, Any]:
    """Return the parsed ``catalogue.yaml`` (sections ``artefacts``, ``datasets``)."""
    text = files("helpers.datasets").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    return yaml.load(text, yaml.CSafeLoader)  # safe_load takes six times as long


@lru_cache(maxsize=1)
def artefacts() -> Mapping[str, Artefact]:
    """Return every artefact by name."""
    entries = content()["artefacts"]
    return MappingProxyType({name: Artefact(name, **entry) for name, entry in entries.items()})


@lru_cache(maxsize=1)
def datasets() -> Mapping[str, DataSet]:
    """Return every data set by name."""
    entries = content()["datasets"]
    found = {}
    for name, entry in entries.items():
        entry = {**entry, "artefacts": tuple(entry["artefacts"])}
        found[name] = DataSet(name, **entry)
    return MappingProxyType(found)


def artefact(name: str) -> Artefact:
    """Return the entry of one artefact.

    Raises
    ------
    DataError
        If the catalogue has no such entry.
    """
    return _lookup(artefacts(), name, "artefact")


def dataset(name: str) -> DataSet:
    """Return the entry of one data set.

    Raises
    ------
    DataError
        If the catalogue has no such entry.
    """
    return _lookup(datasets(), name, "data set")


def demo_artefacts() -> list[Artefact]:
    """Return the artefacts that every page of the book needs, in the order of the catalogue."""
    return [entry for entry in artefacts().values() if entry.kind in ("wheel", "sdist")]


def _lookup(entries: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in entries:
        raise DataError(f"no {what} is named {name!r}; known: {', '.join(sorted(entries))}")
    return entries[name]
