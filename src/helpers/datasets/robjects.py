"""Read R's saved objects without R: the parsed tree is walked, no function in it is ever called.

The pure-Python package `rdata` parses the file. Its converter stops at environments, functions and
promises, which Bioconductor objects carry along; here only the parts that hold data are converted:
vectors, factors, data frames, sparse and dense matrices, and (Single-cell or Summarised)
experiments. Everything else becomes `Opaque`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rdata
from rdata.parser import DEFAULT_ALTREP_MAP, RObject, RObjectInfo, RObjectType
from rdata.parser._xdr import ParserXDR
from scipy import sparse

from helpers.datasets.archives import regular_bytes
from helpers.errors import DataError

Type = RObjectType
PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
MAX_UNPACKED = 500_000_000
"""Most bytes of an unpacked file."""
_NUMBERS = {Type.INT, Type.REAL, Type.LGL}
_BINARY = (b"RDX2\nX\n", b"RDX3\nX\n")
"""Heads of binary files of several objects, as R writes them."""
_PLAIN_TEXT = Type.CHAR.value
"""Lower twelve bits of what stands before a text without attributes."""
_INT = struct.Struct(">i")


@dataclass(frozen=True)
class Opaque:
    """A part of an R object that holds no data we read (a function, an environment, ...)."""

    kind: str


@dataclass(frozen=True)
class Matrix:
    """A matrix with its names: `values` (rows, columns), sparse or dense."""

    values: sparse.csc_matrix | np.ndarray
    rows: np.ndarray | None
    columns: np.ndarray | None


@dataclass(frozen=True)
class Experiment:
    """What a SummarizedExperiment or SingleCellExperiment holds.

    Parameters
    ----------
    assays
        Name -> matrix, genes in rows.
    columns
        One row per cell (``colData``).
    genes
        Row names of the experiment, None where it has none.
    reduced
        Name -> coordinates of the cells.
    """

    assays: Mapping[str, Matrix]
    columns: pd.DataFrame
    genes: np.ndarray | None = None
    reduced: Mapping[str, Matrix] = field(default_factory=dict)


def load_r_objects(file: Path | bytes, source: str = "") -> dict[str, Any]:
    """Return the objects of an ``.rda``, ``.RData`` or ``.rds`` file by name.

    Parameters
    ----------
    file
        Path of the file, or its bytes (a member of an archive).
    source
        Name for error messages where `file` is bytes.

    Returns
    -------
    dict
        Name -> array, list, dict, ``pandas.Categorical``, ``pandas.DataFrame``, `Matrix`,
        `Experiment` or `Opaque`. An ``.rds`` file has one object, named ``"object"``.

    Raises
    ------
    DataError
        If the file is damaged or not R's.
    """
    name = source or (file.name if isinstance(file, Path) else "R data in memory")
    data = regular_bytes(file, name)
    try:
        unpacked = _unpacked(data)
        top = _tree(unpacked)
        if top.info.type is Type.LIST:
            return {key: convert(value) for key, value in _pairs(top).items()}
        return {"object": convert(top)}
    except Exception as error:  # a damaged file fails in any way
        raise DataError(f"{name} is damaged or not a file saved by R: {error}") from error


class _Parser(ParserXDR):
    """The parser of `rdata`, which reads vectors of text in a loop of its own: ten times faster."""

    def _parse_vector_value(self, *lists: list | None) -> list[RObject]:
        data, place = self.file.getvalue(), self.file.tell()
        (length,), place = _INT.unpack_from(data, place), place + 4
        found: list[RObject] = []
        known: dict[tuple[int, bytes], RObject] = {}
        for _ in range(length):
            (flags,) = _INT.unpack_from(data, place)
            size = _INT.unpack_from(data, place + 4)[0] if flags & 0xFFF == _PLAIN_TEXT else -1
            if size < 0:  # no text, or a missing one
                self.file.seek(place)
                found.append(self.parse_R_object(*lists))
                place = self.file.tell()
                continue
            key = flags, data[place + 8 : place + 8 + size]
            place += 8 + size
            if key not in known:
                info = RObjectInfo(Type.CHAR, False, False, False, flags >> 12 & 0xFFFF, 0)
                known[key] = RObject(info, key[1], None)
            found.append(known[key])
        self.file.seek(place)
        return found


def _tree(data: bytes) -> RObject:
    if data.startswith(_BINARY):
        about = {"expand_altrep": True, "altrep_constructor_dict": DEFAULT_ALTREP_MAP}
        parser = _Parser(memoryview(data)[7:], **about)
        found = parser.parse_all()
        parser.check_complete()
        return found.object
    # Files of several objects begin with RDX (binary) or RDA (text); a single one does not.
    extension = ".rda" if data.startswith(b"RD") else ".rds"
    return rdata.parser.parse_data(data, extension=extension).object


def _unpacked(data: bytes) -> bytes:
    for magic, opened in PACKED.items():
        if data.startswith(magic):
            with opened(io.BytesIO(data)) as handle:
                found = handle.read(MAX_UNPACKED + 1)
            if len(found) > MAX_UNPACKED:
                raise ValueError(f"it unpacks to more than {MAX_UNPACKED:,} bytes")
            return found
    return data


def convert(node: RObject) -> Any:
    """Convert one node of the parsed tree (see `load_r_objects` for the types)."""
    node = _followed(node)
    attributes = _attributes(node)
    kind = node.info.type
    if kind is Type.S4:
        return _s4(attributes)
    if kind is Type.STR:
        return _shaped(np.array([_text(one) for one in node.value], dtype=object), attributes)
    if kind in _NUMBERS:
        return _numbers(node, attributes)
    if kind is Type.VEC:
        return _list(node, attributes)
    return None if kind in (Type.NILVALUE, Type.NIL) else Opaque(kind.name)


def _followed(node: RObject) -> RObject:
    while node.info.type is Type.REF:
        node = node.referenced_object
    return node


def _text(node: RObject) -> str | None:
    node = _followed(node)
    if node.info.type is Type.SYM:
        return _text(node.value)
    return None if node.value is None else node.value.decode("utf-8", errors="replace")


def _pairs(node: RObject | None) -> dict[str, RObject]:
    """Return tag -> value of a pairlist, values not yet converted."""
    found: dict[str, RObject] = {}
    while node is not None and node.info.type is Type.LIST:
        value, rest = node.value
        found[_text(node.tag) if node.tag is not None else f"item {len(found)}"] = value
        node = rest
    return found


def _attributes(node: RObject) -> dict[str, RObject]:
    return _pairs(node.attributes)


def _names(attributes: Mapping[str, RObject], key: str = "names") -> list[str] | None:
    return list(convert(attributes[key])) if key in attributes else None


def _classes(attributes: Mapping[str, RObject]) -> list[str]:
    return _names(attributes, "class") or []


def _shaped(values: np.ndarray, attributes: Mapping[str, RObject]) -> Any:
    """Return a vector, or a matrix where the vector has two dimensions (R keeps columns first)."""
    if "dim" not in attributes:
        return values
    shape = tuple(int(n) for n in convert(attributes["dim"]))
    if len(shape) != 2:
        return values.reshape(shape, order="F")
    names = convert(attributes["dimnames"]) if "dimnames" in attributes else [None, None]
    return Matrix(values.reshape(shape, order="F"), *_two(names))


def _two(names: Any) -> tuple[Any, Any]:
    """Return the names of rows and columns from an R ``dimnames`` list, named or not."""
    rows, columns = names.values() if isinstance(names, dict) else names
    return rows, columns


def _numbers(node: RObject, attributes: Mapping[str, RObject]) -> Any:
    values = np.ma.filled(node.value, np.nan) if node.info.type is Type.REAL else node.value
    values = np.asarray(values)
    if "levels" in attributes:
        codes = np.ma.filled(np.ma.asarray(node.value), 0) - 1
        return pd.Categorical.from_codes(np.maximum(codes, -1), list(convert(attributes["levels"])))
    return _shaped(values, attributes)


def _list(node: RObject, attributes: Mapping[str, RObject]) -> Any:
    names = _names(attributes)
    values = [convert(one) for one in node.value]
    if names is None:
        return values
    if {"data.frame", "tbl_df"} & set(_classes(attributes)) or "row.names" in attributes:
        rows = convert(attributes["row.names"])
        # R writes "n rows, no names" as two integers, the first of them NA.
        named = rows is not None and np.asarray(rows).dtype == object
        return pd.DataFrame(dict(zip(names, values, strict=True)), index=rows if named else None)
    return dict(zip(names, values, strict=True))


def _s4(slots: Mapping[str, RObject]) -> Any:
    classes = _classes(slots)
    name = classes[0] if classes else "S4"
    if {"i", "Dim", "x"} <= slots.keys():
        return _sparse(slots)
    if {"assays", "colData"} <= slots.keys():
        return _experiment(slots)
    if {"listData", "nrows"} <= slots.keys():
        content = convert(slots["listData"])
        rows = convert(slots["rownames"]) if "rownames" in slots else None
        index = rows if isinstance(rows, np.ndarray) else range(int(convert(slots["nrows"])[0]))
        return pd.DataFrame(content if isinstance(content, dict) else {}, index=index)
    if "listData" in slots:
        return convert(slots["listData"])
    return Opaque(name)


def _sparse(slots: Mapping[str, RObject]) -> Matrix:
    shape = tuple(int(n) for n in convert(slots["Dim"]))
    values, rows = convert(slots["x"]), convert(slots["i"])
    if "p" in slots:
        matrix = sparse.csc_matrix((values, rows, convert(slots["p"])), shape=shape)
    else:
        matrix = sparse.coo_matrix((values, (rows, convert(slots["j"]))), shape=shape).tocsc()
    return Matrix(matrix, *_two(convert(slots["Dimnames"])))


def _experiment(slots: Mapping[str, RObject]) -> Experiment:
    columns = convert(slots["colData"])
    reduced = convert(slots["reducedDims"]) if "reducedDims" in slots else {}
    genes = convert(slots["NAMES"]) if "NAMES" in slots else None
    if not isinstance(genes, np.ndarray) and "rowRanges" in slots:
        ranges = _attributes(_followed(slots["rowRanges"]))
        partition = (
            _attributes(_followed(ranges["partitioning"])) if "partitioning" in ranges else {}
        )
        genes = convert(partition["NAMES"]) if "NAMES" in partition else None
    return Experiment(
        assays=_assays(_followed(slots["assays"])),
        columns=columns,
        genes=genes if isinstance(genes, np.ndarray) else None,
        reduced=reduced if isinstance(reduced, dict) else {},
    )


def _assays(node: RObject) -> dict[str, Matrix]:
    """Return the assays; older objects keep them inside a reference class, in an environment."""
    slots = _attributes(node)
    content = slots.get("data")
    if ".xData" in slots:
        variables = _variables(_followed(slots[".xData"]))
        plain = [variables[key] for key in ("data", ".->data") if key in variables]
        content = next((one for one in plain if _followed(one).info.type is Type.S4), None)
    found = convert(content) if content is not None else None
    if not isinstance(found, dict):
        raise ValueError("an experiment without named assays")
    return {name: one for name, one in found.items() if isinstance(one, Matrix)}


def _variables(environment: RObject) -> dict[str, RObject]:
    table = environment.value.hash_table
    buckets = table.value if table is not None and table.info.type is Type.VEC else []
    found = _pairs(environment.value.frame)
    for bucket in buckets:
        found |= _pairs(bucket)
    return found
