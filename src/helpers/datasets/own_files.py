"""Open the files that cells come in, without running code of theirs or reading all of it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy import io as scipy_io

from helpers.errors import DataError, HelpersError

ACCEPTED = ".h5ad, .zarr, 10x .h5, or a folder with matrix.mtx, features.tsv and barcodes.tsv"
MOST_BY_GENES = 2 * 10**8
"""Most values of a matrix stored by genes, which has to be read whole: 2.4 GB."""


@dataclass(frozen=True)
class Slot:
    """One matrix of a file, (cells, genes), on disk or in memory, and what its columns are."""

    matrix: Any
    var: pd.DataFrame


def open_file(path: Path) -> tuple[dict[str, Slot], pd.DataFrame]:
    """Return the matrices of a file that may hold counts, the likeliest first, and its ``obs``.

    Parameters
    ----------
    path
        ``.h5ad``, ``.zarr``, 10x ``.h5``, or a folder with ``matrix.mtx``. What a file is, is
        judged by its content. Matrices of ``.h5ad`` and ``.zarr`` stay on disk.

    Raises
    ------
    DataError
        If there is no such file, it is of another kind or damaged, or has no cells or genes.
    """
    with reading(path.name[:80]):
        if not (path.is_file() or path.is_dir()):
            raise DataError(f"{path}: no such file; give the whole path of {ACCEPTED}")
        slots, obs = _opened(path)
    for name, slot in slots.items():
        wanted = (len(obs), len(slot.var))
        if tuple(slot.matrix.shape) != wanted:
            raise DataError(f"{path.name}: {name} has shape {slot.matrix.shape}, not {wanted}")
        if not min(wanted):
            raise DataError(
                f"{path.name}: {wanted[0]} cells and {wanted[1]} genes, nothing to read"
            )
    if not slots:
        raise DataError(f"{path.name} has none of layers['counts'], raw.X and X")
    return slots, obs


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn what a reader raises over a damaged file, which may be anything, into a DataError."""
    try:
        yield
    except HelpersError:
        raise
    except Exception as error:
        raise DataError(f"{where} cannot be read, it is damaged: {error}") from error


def _opened(path: Path) -> tuple[dict[str, Slot], pd.DataFrame]:
    if path.is_dir():
        if any((path / name).is_file() for name in (".zgroup", "zarr.json")):
            return _zarr(path)
        return _market(path)
    with path.open("rb") as handle:  # Python's own reading is what a run's record notices
        handle.read(1)
    if not h5py.is_hdf5(path):
        raise DataError(f"{path.name} is no HDF5 file; cells are read from {ACCEPTED}")
    file = h5py.File(path, "r")
    if "obs" in file and "var" in file:
        return _anndata(file)
    return _ten_x(path)


def _anndata(group: Any) -> tuple[dict[str, Slot], pd.DataFrame]:
    obs, var = ad.io.read_elem(group["obs"]), ad.io.read_elem(group["var"])
    if not isinstance(obs, pd.DataFrame) or not isinstance(var, pd.DataFrame):
        raise DataError("the file is of an anndata before 0.7; read and write it with a newer one")
    found = {}
    for name, place in {"layers['counts']": "layers/counts", "raw.X": "raw/X", "X": "X"}.items():
        if place in group:
            own = ad.io.read_elem(group["raw/var"]) if name == "raw.X" else var
            found[name] = Slot(_matrix(group[place], name), own)
    return found, obs


def _matrix(element: Any, name: str) -> Any:
    if not hasattr(element, "keys"):
        return element
    kind = str(element.attrs.get("encoding-type", element.attrs.get("h5sparse_format", "")))
    _check_pointers(element, name, by_genes=kind.startswith("csc"))
    if not kind.startswith("csc"):
        return ad.io.sparse_dataset(element)
    if element["data"].shape[0] > MOST_BY_GENES:
        raise DataError(
            f"{name} is stored by genes (CSC) and too large to be read whole; store it by cells: "
            "adata.X = adata.X.tocsr()"
        )
    return ad.io.sparse_dataset(element).to_memory().tocsr()


def _check_pointers(element: Any, name: str, by_genes: bool) -> None:
    """Refuse a sparse matrix whose rows point outside: reading it would crash the process."""
    for part in ("indices", "indptr"):
        if (found := element[part].dtype).kind not in "iu":
            raise DataError(f"{name}: {part} are of type {found}, no whole numbers; write it again")
    shape = element.attrs.get("shape", element.attrs.get("h5sparse_shape", ()))
    pointers, stored = np.asarray(element["indptr"][...]), element["data"].shape[0]
    whole = len(shape) == 2 and pointers.shape == (int(shape[int(by_genes)]) + 1,)
    if whole and element["indices"].shape == (stored,) and not pointers[0]:
        whole = bool((np.diff(pointers.astype(np.int64)) >= 0).all()) and pointers[-1] == stored
    else:
        whole = False
    if not whole:
        raise DataError(
            f"{name}: indptr, indices and data do not fit a matrix of shape {list(shape)}; the "
            "file is damaged, write it again"
        )


def _zarr(path: Path) -> tuple[dict[str, Slot], pd.DataFrame]:
    import zarr

    for name in ("zarr.json", ".zarray", ".zmetadata"):
        for file in path.rglob(name):
            if "pickle" in file.read_text(encoding="utf-8"):
                raise DataError(f"{path.name}: {file.name} asks for pickle, which can run code")
    return _anndata(zarr.open_group(path, mode="r"))


def _ten_x(path: Path) -> tuple[dict[str, Slot], pd.DataFrame]:
    import scanpy

    with h5py.File(path, "r") as file:
        if not any("barcodes" in file[key] for key in file if isinstance(file[key], h5py.Group)):
            raise DataError(f"{path.name} is neither of anndata nor of 10x; it has {list(file)}")
    read = scanpy.read_10x_h5(path)
    return {"matrix": Slot(read.X.tocsr(), read.var)}, read.obs


def _market(path: Path) -> tuple[dict[str, Slot], pd.DataFrame]:
    matrix = _one_of(path, "matrix.mtx")
    how = {"sep": "\t", "header": None, "dtype": str}
    genes = pd.read_csv(_one_of(path, "features.tsv", "genes.tsv"), **how)
    cells = pd.read_csv(_one_of(path, "barcodes.tsv"), **how)
    opener = gzip.open if matrix.suffix == ".gz" else open
    with opener(matrix, "rb") as handle:
        values = scipy_io.mmread(handle).T.tocsr()
    var = pd.DataFrame({"symbol": genes[min(1, genes.shape[1] - 1)].to_numpy()}, index=genes[0])
    if genes.shape[1] > 2 and len(genes) == values.shape[1]:
        expressed = (genes[2] == "Gene Expression").to_numpy()
        values, var = values[:, expressed], var[expressed]
    return {"matrix": Slot(values, var)}, pd.DataFrame(index=cells[0])


def _one_of(folder: Path, *names: str) -> Path:
    for name in names:
        for ending in ("", ".gz"):
            if (file := folder / f"{name}{ending}").is_file():
                return file
    raise DataError(f"{folder}: no {' or '.join(names)}[.gz]; cells are read from {ACCEPTED}")
