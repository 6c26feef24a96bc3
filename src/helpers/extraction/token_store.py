"""Tokens of many cells on disk: written once, in blocks of cells, and read in slices.

A job that needs a hundredth of a million cells should not tokenise all of them. So cells are
tokenised once; what a job reads is a slice of a memory-mapped file, which takes no more memory than
the slice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from anndata import AnnData
from anndata.utils import make_index_unique

from helpers.datasets.own import OwnCells
from helpers.errors import DataError
from helpers.files import atomic_write
from helpers.models.adapter import ModelAdapter, Tokens
from helpers.schema import foreign, read_object

BLOCK = 2000
"""Cells that are tokenised at once."""
FLAT = ("ids", "genes", "values")
META = "tokens.json"


@dataclass(frozen=True)
class TokenStore:
    """Tokens in a folder.

    Parameters
    ----------
    folder
        Where they are.
    gene_names
        Symbols of the genes that tokens refer to.
    dtypes
        Name of a part -> its number type; ``values`` is absent for models that read order alone.
    ends
        (cells + 1,) where each cell's tokens begin, and the end of the last.
    cells
        (cells,) row of each cell in the data; cells without a token are not there.
    batch_labels
        (cells,) batch numbers, for models that were trained with them.
    digest
        SHA-256 of all of it.
    """

    folder: Path
    gene_names: np.ndarray = field(repr=False)
    dtypes: dict[str, str]
    ends: np.ndarray = field(repr=False)
    cells: np.ndarray = field(repr=False)
    batch_labels: np.ndarray | None = field(repr=False)
    digest: str

    def __len__(self) -> int:
        """Return the number of cells that hold a token."""
        return len(self.cells)

    def rows(self, start: int, stop: int) -> Tokens:
        """Return the tokens of cells `start` to `stop`; nothing else is read."""
        first, ends = int(self.ends[start]), self.ends[start : stop + 1]
        cut = (ends[1:-1] - first).astype(np.int64)
        parts: dict[str, list[np.ndarray]] = {}
        for name, dtype in self.dtypes.items():
            flat = np.memmap(self.folder / f"{name}.bin", dtype=dtype, mode="r")
            parts[name] = np.split(np.array(flat[first : int(ends[-1])]), cut)
        labels = None if self.batch_labels is None else self.batch_labels[start:stop]
        return Tokens(
            ids=parts["ids"],
            values=parts.get("values"),
            genes=parts["genes"],
            gene_names=self.gene_names,
            cells=self.cells[start:stop],
            batch_labels=labels,
        )

    def occurring(self) -> np.ndarray:
        """Return for every gene whether some cell holds it, read a million tokens at a time."""
        seen = np.zeros(len(self.gene_names) + 1, bool)
        flat = np.memmap(self.folder / "genes.bin", dtype=self.dtypes["genes"], mode="r")
        for start in range(0, len(flat), 1_000_000):
            seen[np.unique(flat[start : start + 1_000_000]) + 1] = True
        return seen[1:]


def cell_blocks(cells: AnnData | OwnCells, size: int = BLOCK) -> Iterator[tuple[int, AnnData]]:
    """Yield the first row and the cells of each block; of a file only these are held in memory.

    Names of cells are made unique over all blocks, because a cell's random draws go by its name.
    """
    names = make_index_unique(cells.obs.index.astype(str))
    for start in range(0, cells.n_obs, size):
        stop = min(start + size, cells.n_obs)
        rows = np.arange(start, stop)
        block = cells[rows].copy() if isinstance(cells, AnnData) else cells.take(rows)
        block.obs_names = names[start:stop]
        yield start, block


def store_tokens(
    adapter: ModelAdapter, blocks: Iterable[tuple[int, AnnData]], folder: Path, seed: int = 0
) -> TokenStore:
    """Tokenise blocks of cells into a folder, which appears only once it is complete.

    Parameters
    ----------
    adapter
        The model.
    blocks
        First row and cells, as `cell_blocks` yields them.
    folder
        Where to; replaced if it is there.
    seed
        Seed of tokenisation.

    Raises
    ------
    DataError
        If no cell holds a token that the model knows.
    """
    lengths, cells, labels, names, dtypes = [], [], [], None, {}
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        files = {name: (temporary / f"{name}.bin").open("wb") for name in FLAT}
        try:
            for first, block in blocks:
                tokens = adapter.tokenise(block, seed=seed)
                names = tokens.gene_names if names is None else names
                lengths += [len(one) for one in tokens.ids]
                cells.append(np.asarray(tokens.cells) + first)
                if tokens.batch_labels is not None:
                    labels.append(tokens.batch_labels)
                for name, handle in files.items():
                    if (parts := getattr(tokens, name)) is not None and len(parts):
                        flat = np.concatenate(parts)
                        dtypes.setdefault(name, flat.dtype.str)
                        handle.write(flat.astype(dtypes[name], copy=False).tobytes())
        finally:
            for handle in files.values():
                handle.close()
        if not lengths:
            raise DataError(f"no cell holds a token that {adapter.name} knows; check the genes")
        for name in set(FLAT) - set(dtypes):
            (temporary / f"{name}.bin").unlink()
        np.save(temporary / "ends.npy", np.cumsum([0, *lengths]))
        np.save(temporary / "cells.npy", np.concatenate(cells))
        if labels:
            np.save(temporary / "batch_labels.npy", np.concatenate(labels))
        meta = {"dtypes": dtypes, "genes": [str(name) for name in names]}
        meta["digest"] = _digest(temporary, meta)
        (temporary / META).write_text(json.dumps(meta), encoding="utf-8")
    return open_tokens(folder)


def open_tokens(folder: Path) -> TokenStore:
    """Open tokens without reading them.

    Raises
    ------
    DataError
        If they are not there, incomplete or damaged.
    """
    folder = Path(folder)
    with foreign(f"{folder}: no readable tokens", again="plan again in an empty folder"):
        meta = read_object(folder / META, again="plan again in an empty folder")
        ends = np.load(folder / "ends.npy", allow_pickle=False)
        labels = folder / "batch_labels.npy"
        found = TokenStore(
            folder,
            np.array(meta["genes"], dtype=object),
            {name: str(np.dtype(kind)) for name, kind in meta["dtypes"].items()},
            ends,
            np.load(folder / "cells.npy", allow_pickle=False),
            np.load(labels, allow_pickle=False) if labels.is_file() else None,
            str(meta["digest"]),
        )
        for name, dtype in found.dtypes.items():
            if np.dtype(dtype).kind not in "iuf":
                raise ValueError(f"{name} holds {dtype}, no numbers")
            size, wanted = (folder / f"{name}.bin").stat().st_size, int(ends[-1])
            if size != wanted * np.dtype(dtype).itemsize:
                raise ValueError(f"{name}.bin has {size} bytes for {wanted} tokens")
        if len(found.cells) + 1 != len(ends) or ends[0] or (np.diff(ends) < 0).any():
            raise ValueError(f"{len(found.cells)} cells and {len(ends)} ends do not fit")
    return found


def _digest(folder: Path, meta: dict) -> str:
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for path in sorted(folder.iterdir()):
        with path.open("rb") as handle:
            digest.update(path.name.encode() + hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()
