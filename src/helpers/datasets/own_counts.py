"""Find the counts of a file: a matrix of whole numbers, or log values that give them back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from helpers.datasets.blocks import some_rows
from helpers.datasets.own_files import Slot, reading
from helpers.errors import DataError

LOOK_AT = 200
"""Cells looked at before a matrix is chosen; all values are checked when they are read."""
FEWEST_REPEATS = 50
"""Values above one count that must come out whole before log values are taken back."""
MOST_UNITS = 10
"""Largest count that may be the smallest of a cell when log values are taken back."""


def find_counts(slots: Mapping[str, Slot], where: str) -> tuple[str, bool]:
    """Return the matrix that holds counts, and whether its logarithm has to be undone.

    Whole numbers win over log values, and among these the order of `slots`; `where` is the name of
    the file.

    Raises
    ------
    DataError
        If no matrix does, with what was looked at and an example of what is wrong in each.
    """
    looked, logs = [], []
    for name, slot in slots.items():
        rows = np.unique(np.linspace(0, slot.matrix.shape[0] - 1, LOOK_AT).astype(int))
        with reading(where):
            block = some_rows(slot.matrix, rows)
            block.check_format(full_check=True)
        if slot.matrix.dtype.kind not in "iuf":
            looked.append(f"{name} holds values of type {slot.matrix.dtype}")
        elif wrong := fault(block, rows, slot.var.index):
            looked.append(f"{name} {wrong}")
            if restored(block, FEWEST_REPEATS) is not None:
                logs.append(name)
        elif block.count_nonzero():
            return name, False
        else:
            looked.append(f"{name} has no value above zero in {len(rows)} cells")
    if logs:
        return logs[0], True  # raw.X before X, which may hold a choice of genes
    raise DataError(
        f"{where} has no counts: {'; '.join(looked)}. Models read counts: put them, whole "
        "numbers before normalisation, logarithm or scaling, into layers['counts'] and write the "
        "file again"
    )


def fault(block: sparse.csr_matrix, rows: np.ndarray, genes: np.ndarray) -> str:
    """Return why values are no counts, with the first that is none; empty where they are."""
    values = block.data
    with np.errstate(invalid="ignore"):
        kinds = {
            "not a number": ~np.isfinite(values),
            "negative": values < 0,
            "no whole number": values != np.rint(values),
        }
    for kind, bad in kinds.items():
        if bad.any():
            place = int(np.argmax(bad))
            row = int(np.searchsorted(block.indptr, place, side="right")) - 1
            gene = genes[block.indices[place]]
            return f"has {values[place]:.4g} in cell {rows[row]}, gene {gene}, which is {kind}"
    return ""


def restored(block: sparse.csr_matrix, fewest: int = 0) -> sparse.csr_matrix | None:
    """Return the counts behind ``log1p(counts * scale of the cell)``, or None if there are none.

    expm1 of the values of a cell must be whole multiples of a common unit: its smallest value, or
    that divided by 2 to 10 for a cell whose smallest count is so large. Counts come back up to that
    common factor.

    Parameters
    ----------
    block
        (cells, genes) values.
    fewest
        How many values must be larger than the unit of their cell, for it to be no accident.
    """
    block = block.astype(np.float64)
    block.eliminate_zeros()
    if not block.nnz or not np.isfinite(block.data).all() or block.data.min() < 0:
        return None
    starts = block.indptr[:-1][np.diff(block.indptr) > 0]
    of_cell = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, block.nnz)))
    with np.errstate(over="ignore"):
        linear = np.expm1(block.data)
    if not np.isfinite(linear).all():
        return None
    linear /= np.minimum.reduceat(linear, starts)[of_cell]
    times = np.ones(len(starts))
    for unit in range(1, MOST_UNITS + 1):
        counts = linear * times[of_cell]
        # single precision leaves an error that grows with the count
        off = np.abs(counts - np.rint(counts)) > 0.02 + 3e-6 * counts
        wrong = np.logical_or.reduceat(off, starts)
        if not wrong.any():
            break
        times[wrong] = unit + 1
    else:
        return None
    if (np.rint(counts) > times[of_cell]).sum() < fewest:
        return None
    return sparse.csr_matrix((np.rint(counts), block.indices, block.indptr), block.shape)
