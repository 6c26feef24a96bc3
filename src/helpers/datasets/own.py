"""A reader's own cells, with the checks that registered sets pass; files may exceed memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.datasets.blocks import row_blocks, some_rows
from helpers.datasets.identifiers import OTHER, symbol_to_ensembl
from helpers.datasets.own_counts import fault, find_counts, restored
from helpers.datasets.own_files import Slot, open_file, reading
from helpers.datasets.own_genes import Genes, name_genes
from helpers.errors import DataError

ROLES = ("cell_type", "donor", "batch")
"""Columns of ``obs`` that pages know."""


@dataclass(frozen=True)
class OwnCells:
    """Cells of a file that have counts, read when they are asked for.

    Parameters
    ----------
    name
        File stem.
    obs
        One row per cell; those without a count have none, no expression can be had of them.
    genes
        Names of the genes that are kept.
    values
        Which matrix holds the counts, and whether a logarithm is undone, in words.
    """

    name: str
    obs: pd.DataFrame = field(repr=False)
    genes: Genes = field(repr=False)
    values: str
    _slot: Slot = field(repr=False)
    _held: np.ndarray = field(repr=False)
    _logged: bool = False

    @property
    def n_obs(self) -> int:
        """Number of cells with counts."""
        return len(self.obs)

    @property
    def var_names(self) -> pd.Index:
        """Symbols of the genes that are kept."""
        return self.genes.symbols

    def blocks(self) -> Iterator[sparse.csr_matrix]:
        """Yield the counts of all cells in blocks, each checked.

        Raises
        ------
        DataError
            If values are no counts.
        """
        with reading(self.name):
            for part, block in row_blocks(self._slot.matrix):
                yield self._counts(block, np.arange(part.start, part.stop))[self._held[part]]

    def take(self, rows: np.ndarray) -> AnnData:
        """Return chosen cells with all genes, in the order of `rows`; only these are read."""
        in_file = np.flatnonzero(self._held)[rows]
        with reading(self.name):
            counts = self._counts(some_rows(self._slot.matrix, in_file), in_file)
        counts = counts.astype(np.float32)
        if empty := int((np.diff(counts.indptr) == 0).sum()):
            raise DataError(
                f"{self.name}: of {empty} cells only zeros are stored; write the file again "
                "without them, as after scanpy.pp.filter_cells(adata, min_counts=1)"
            )
        adata = AnnData(counts, obs=self.obs.iloc[rows].copy())
        adata.obs_names_make_unique()
        adata.var_names = self.var_names
        if self.genes.organism != OTHER:  # models of Geneformer's family know genes by these
            adata.var["ensembl_id"] = symbol_to_ensembl(self.var_names, self.genes.organism)
        adata.layers["counts"] = counts.copy()
        about = {"values": self.values, "species": self.genes.species}
        about |= {"name": self.name, "organism": self.genes.organism}
        about["repaired"] = dict(self.genes.report)
        if left_out := int((~self._held).sum()):
            about["repaired"]["cells_without_counts_left_out"] = left_out
        adata.uns["source"] = about
        return adata

    def _counts(self, block: sparse.csr_matrix, rows: np.ndarray) -> sparse.csr_matrix:
        block.check_format(full_check=True)  # columns outside the matrix end in a crash
        if self._logged and block.nnz:
            counts = restored(block)
            if counts is None:
                raise DataError(f"{self.name}: some cells are no logarithm of counts; give counts")
            block = counts
        elif wrong := fault(block, rows, self._slot.var.index):
            raise DataError(f"{self.name}: {self.values} {wrong}; the file is damaged")
        block.eliminate_zeros()
        return block if self.genes.all_kept else block[:, self.genes.columns]


def open_own(
    path: str | Path, organism: str = "human", symbols: str = "", **columns: str
) -> OwnCells:
    """Open a file of human or mouse cells without reading them.

    Cells without a count of a gene that is kept are left out, and are not counted or drawn.
    Counts are looked for in ``layers["counts"]``, ``raw.X`` and ``X``; log values are taken back
    to counts where they can be (`helpers.datasets.own_counts.restored`), others are refused.

    Parameters
    ----------
    path
        ``.h5ad``, ``.zarr``, 10x ``.h5``, or a folder with ``matrix.mtx``.
    organism
        Whose symbols the genes shall have, ``human`` or ``mouse``; mouse genes become their human
        orthologs if these are asked for.
    symbols
        Column of ``var`` with gene names (see `helpers.datasets.own_genes.name_genes`).
    **columns
        ``cell_type``, ``donor``, ``batch``: the columns of ``obs`` that hold them; where empty,
        the columns of these names, if there are such.

    Raises
    ------
    DataError
        If the file is absent or damaged, the values are no counts, the names no genes, or there is
        no such column.
    """
    path = Path(path).expanduser()
    slots, obs = open_file(path)
    name, logged = find_counts(slots, path.name)
    genes = name_genes(slots[name].var, path.name, symbols, organism)
    words = f"counts restored from the log values of {name}" if logged else f"counts of {name}"
    obs.index = obs.index.astype(str).rename(None)
    obs = with_roles(obs, path.name, **columns)
    with reading(path.name):
        held = have_counts(slots[name], genes)
    if not held.any():
        raise DataError(f"{path.name}: no cell has a count of a gene that is kept")
    return OwnCells(path.stem, obs[held], genes, words, slots[name], held, logged)


def have_counts(slot: Slot, genes: Genes) -> np.ndarray:
    """Return (cells,) whether a cell has a value of a gene that is kept.

    Sparse matrices on disk are not read if all genes are kept: a cell counts as one with values if
    any are stored for it.
    """
    if genes.all_kept and hasattr(slot.matrix, "group"):
        return np.diff(slot.matrix.group["indptr"][...].astype(np.int64)) > 0
    held = []
    for _, block in row_blocks(slot.matrix):
        block.check_format(full_check=True)
        held.append(((block != 0)[:, genes.columns].sum(axis=1) > 0).A1)
    return np.concatenate(held)


def with_roles(obs: pd.DataFrame, where: str, **columns: str) -> pd.DataFrame:
    """Return ``obs`` with the named columns under the names that pages know, as text.

    Raises
    ------
    DataError
        If there is no such column.
    """
    given, obs = obs, obs.copy()
    for role, column in columns.items():
        if role not in ROLES:
            raise TypeError(f"{role!r} is none of {ROLES}")
        if column and column not in given:
            raise DataError(f"{where}: obs has no column {column!r}; it has {list(given)}")
        if column:
            labels = given[column].astype(object)
            obs[role] = labels.where(labels.notna(), "not named").astype(str).to_numpy()
    return obs


def in_words(names: Iterable) -> str:
    """Return the first ten names of a file as text that may stand on a page: without markup."""
    first = (re.sub(r"[^\w .:()-]", "?", str(name))[:40] for name in islice(names, 10))
    return ", ".join(first) or "none"


def read_own(
    path: str | Path, organism: str = "human", symbols: str = "", **columns: str
) -> AnnData:
    """Read all cells of a file; see :func:`open_own`.

    Returns
    -------
    anndata.AnnData
        ``X`` and ``layers["counts"]`` float32 CSR counts, ``var_names`` symbols (repeated ones
        with a suffix), ``obs`` as in the file, ``uns["source"]`` with what was read
        and mended.
    """
    cells = open_own(path, organism, symbols, **columns)
    return cells.take(np.arange(cells.n_obs))
