"""Tables that take seconds to parse, kept beside the fetched files as Arrow.

A kept file is named by what it was made from: the content of the files read, the modules of this
folder and the versions of the packages that parse; the older one is removed. One whose checksum
does not fit is made again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa

from helpers.datasets.catalogue import artefact
from helpers.datasets.fetch import artefact_path
from helpers.files import atomic_write, data_dir

log = logging.getLogger(__name__)

PARSERS = ("anndata", "h5py", "numpy", "pandas", "pyarrow", "rdata", "scipy")
CHECKSUM = 32
"""Bytes of the SHA-256 at the end of a file."""


@lru_cache(maxsize=1)
def loaders_digest() -> str:
    """Return a checksum of this folder's modules and of the versions of what they parse with."""
    digest = hashlib.sha256(":".join(map(version, PARSERS)).encode())
    for path in sorted(Path(__file__).parent.glob("*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kept(
    name: str, sources: Sequence[str], make: Callable[[], Sequence[pd.DataFrame]]
) -> list[pd.DataFrame]:
    """Return tables that follow from artefacts, from ``data/kept`` where they are there.

    Parameters
    ----------
    name
        What the tables are.
    sources
        Names of all artefacts that they are made from; each is fetched, and its checksum compared.
    make
        Makes them. Missing values of text come back as None, ``attrs`` as plain values.
    """
    for source in sources:
        artefact_path(source)
    parts = [name, loaders_digest(), *(artefact(source).sha256 for source in sources)]
    key = hashlib.sha256(":".join(parts).encode()).hexdigest()[:16]
    path = data_dir() / "kept" / f"{name}.{key}.arrow"
    if (content := _read(path)) is None:
        content = _packed(make())
        try:
            with atomic_write(path) as target:
                target.write_bytes(bytes(content) + hashlib.sha256(content).digest())
            for stale in set(path.parent.glob(f"{name}.{'?' * 16}.arrow")) - {path}:
                stale.unlink(missing_ok=True)
        except OSError as error:  # a full disk, or a folder that may only be read
            log.warning("%s is not kept: %s", path, error)
    return _tables(content)


def _read(path: Path) -> pa.Buffer | None:
    """Return the content of a file whose checksum fits."""
    try:
        with pa.OSFile(str(path)) as file:
            found = file.read_buffer()
    except OSError:  # none is there, or none that may be read
        return None
    content, checksum = found[:-CHECKSUM], found[-CHECKSUM:]
    if hashlib.sha256(content).digest() == checksum.to_pybytes():
        return content
    log.warning("%s is damaged; it is made again", path)
    return None


def _packed(tables: Sequence[pd.DataFrame]) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    for table in map(pa.Table.from_pandas, tables):
        with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
            stream.write_table(table)
    return sink.getvalue()


def _tables(content: pa.Buffer) -> list[pd.DataFrame]:
    source, found = pa.BufferReader(content), []
    while source.tell() < content.size:
        found.append(pa.ipc.open_stream(source).read_all().to_pandas())
    return found
