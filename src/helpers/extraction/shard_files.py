"""The file of one shard: sums and where they come from, checked whenever they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import xarray as xr
from numpy.lib import format as npy

from helpers.errors import DataError
from helpers.files import atomic_write

_HEADER = "header"
BLOCK_VALUES = 2_000_000
"""Values of a shard that are held at once while it is added."""


def shard_path(folder: Path, number: int) -> Path:
    """Return the file of one shard."""
    return Path(folder) / f"shard-{number:05d}.npz"


def write_shard(path: Path, dataset: xr.Dataset, table: dict, number: int, shards: int) -> None:
    """Write sums and where they come from; the file appears only once it is complete.

    It is compressed as fast as can be, which takes a third off where many pairs are in few cells.
    """
    arrays = {f"data/{name}": variable.values for name, variable in dataset.data_vars.items()}
    coords = {name: variable.values for name, variable in dataset.coords.items()}
    arrays |= {f"coord/{n}": v.astype(str) if v.dtype == object else v for n, v in coords.items()}
    header = {
        "provenance": table,
        "number": number,
        "shards": shards,
        "dims": {name: list(variable.dims) for name, variable in dataset.data_vars.items()},
        "attrs": dataset.attrs,
    }
    header["checksum"] = checksum(header, arrays)
    arrays |= {_HEADER: np.array(json.dumps(header))}
    with atomic_write(path) as temporary, ZipFile(temporary, "w", ZIP_DEFLATED, True, 1) as held:
        for name, values in arrays.items():
            with held.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, np.require(values, requirements="C"), allow_pickle=False)


def checksum(header: dict, arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of all that a shard says, its own checksum aside."""
    digest = _begun(header)
    for name, values in sorted(arrays.items()):
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
        for part in values if values.ndim > 1 else [values]:  # so that no copy of all is made
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _begun(header: dict):
    about = {key: value for key, value in header.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode())


def read_header(path: Path) -> dict:
    """Read what a shard is, without its sums.

    Raises
    ------
    DataError
        If the file is no shard, is damaged, or stands under another shard's number.
    """
    with _of_a_shard(path), np.load(path, allow_pickle=False) as held:
        header = json.loads(str(held[_HEADER]))
        number, shards = int(header["number"]), int(header["shards"])
        if not (0 <= number < shards and isinstance(header["provenance"], dict)):
            raise ValueError(f"shard {number} of {shards}")
        str(header["checksum"]), dict(header["dims"]), dict(header["attrs"])
    if shard_path(Path(path).parent, number) != Path(path):
        raise DataError(f"{path}: holds shard {number}; a copied shard counts cells twice")
    return header


def read_shard(path: Path) -> xr.Dataset:
    """Read a shard's sums, whose checksum must be right (errors as in `read_header`)."""
    header = read_header(path)
    with _of_a_shard(path):
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files if name != _HEADER}
        if checksum(header, arrays) != header["checksum"]:
            raise ValueError("sums or header were changed after they were written")
        data = {n: (d, arrays[f"data/{n}"]) for n, d in header["dims"].items()}
        coords = {n.removeprefix("coord/"): v for n, v in arrays.items() if n[:6] == "coord/"}
        coords = {n: v.astype(object) if v.dtype.kind == "U" else v for n, v in coords.items()}
        return xr.Dataset(data, coords=coords, attrs=header["attrs"])


def add_shard(path: Path, merged: xr.Dataset) -> None:
    """Add a shard's sums in place, a block of memory at a time (errors as in `read_header`)."""
    header = read_header(path)
    digest = _begun(header)
    with _of_a_shard(path), ZipFile(path) as held:
        for entry in sorted(name.removesuffix(".npy") for name in held.namelist()):
            if entry == _HEADER:
                continue
            name = entry.removeprefix("data/") if entry.startswith("data/") else None
            with held.open(f"{entry}.npy") as member:
                shape, dtype = _shape(member)
                digest.update(f"{entry} {dtype.str} {shape}".encode())
                onto = None if name is None else merged[name].values
                if onto is not None and (onto.shape, onto.dtype) != (shape, dtype):
                    raise ValueError(f"{name} is {dtype} {shape}, not {onto.dtype} {onto.shape}")
                _add_blocks(member, dtype, digest, onto)
        if digest.hexdigest() != header["checksum"]:
            raise ValueError("sums or header were changed after they were written")


def _shape(member) -> tuple[tuple[int, ...], np.dtype]:
    if npy.read_magic(member) != (1, 0):
        raise ValueError("an array of another format")
    shape, by_column, dtype = npy.read_array_header_1_0(member)
    if by_column or dtype.hasobject:
        raise ValueError("an array of another order or kind")
    return shape, dtype


def _add_blocks(member, dtype: np.dtype, digest, onto: np.ndarray | None) -> None:
    flat, start = None if onto is None else onto.reshape(-1), 0
    while block := member.read(BLOCK_VALUES * dtype.itemsize):
        digest.update(block)
        if flat is not None:
            values = np.frombuffer(block, dtype)
            flat[start : start + len(values)] += values
            start += len(values)
    if flat is not None and start != flat.size:
        raise ValueError(f"{start} values instead of {flat.size}")


@contextmanager
def _of_a_shard(path: Path) -> Iterator[None]:
    if not Path(path).is_file():
        raise DataError(f"{path}: no regular file; delete it and resume")
    try:
        yield
    except Exception as error:  # a damaged archive fails in any way
        raise DataError(f"{path}: not a readable shard ({error}); delete it and resume") from error
