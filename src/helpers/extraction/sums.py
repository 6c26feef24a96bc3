"""Float64 sums per (score, layer, stratum, head, source, target), and how values reach them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numba
import numpy as np
import torch

from helpers.errors import ParameterError


@dataclass(frozen=True)
class Sums:
    """Running sums of an extraction.

    Attributes
    ----------
    total, squares
        (score, layer, stratum, head, source + 1, target + 1) float64 sums of values and of their
        squares; the last source and target slots are the dump. `squares` may be None.
    count
        (stratum, source + 1, target + 1) int64, cells in which the source can attend to the target:
        both are tokens and, in a causal model, the target is not the later one.
    held
        As `count`, cells in which both are tokens, in whatever order; None if that is the same.
    cells
        (stratum, source + 1) int64, cells in which the source is a token.
    n_cells
        (stratum,) int64, cells read.
    """

    total: torch.Tensor
    squares: torch.Tensor | None
    count: np.ndarray
    held: np.ndarray | None
    cells: np.ndarray
    n_cells: np.ndarray


def empty_sums(
    *,
    scores: int,
    layers: int,
    strata: int,
    heads: int,
    sources: int,
    targets: int,
    squares: bool,
    device: str,
    causal: bool = False,
) -> Sums:
    """Return sums of zero.

    Raises
    ------
    ParameterError
        If they would not fit into this machine's memory.
    """
    shape = (scores, layers, strata, heads, sources + 1, targets + 1)
    needed = int(np.prod(shape, dtype=np.int64)) * 8 * (2 if squares else 1)
    held = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if device == "cpu" and needed > 0.8 * held:
        raise ParameterError(
            f"the sums of {sources} sources x {targets} targets need {needed / 1e9:.1f} GB and the "
            f"machine has {held / 1e9:.1f} GB: name fewer sources, genes, strata or scores"
        )

    def zeros() -> torch.Tensor:
        if device == "cpu":  # NumPy's zeros cost nothing until they are written to
            return torch.from_numpy(np.zeros(shape))
        return torch.zeros(shape, dtype=torch.float64, device=device)

    return Sums(
        total=zeros(),
        squares=zeros() if squares else None,
        count=np.zeros((strata, sources + 1, targets + 1), dtype=np.int64),
        held=np.zeros((strata, sources + 1, targets + 1), dtype=np.int64) if causal else None,
        cells=np.zeros((strata, sources + 1), dtype=np.int64),
        n_cells=np.zeros(strata, dtype=np.int64),
    )


@numba.njit(cache=True)
def _add_cpu(
    values, cell, row, stratum, source, order, target, total, squares, with_squares
):  # pragma: no cover
    columns = values.shape[3]
    for head in range(values.shape[1]):
        for k in range(len(cell)):
            c, r = cell[k], row[k]
            read, at, slots = values[c, head, r], order[c], target[c]
            into = total[stratum[c], head, source[c, r]]
            if not with_squares:
                for column in range(columns):
                    into[slots[column]] += np.float64(read[at[column]])
                continue
            onto = squares[stratum[c], head, source[c, r]]
            for column in range(columns):  # one pass fills both: half the time of two
                value, key = np.float64(read[at[column]]), slots[column]
                into[key] += value
                onto[key] += value * value


def prepare_loop(
    values: torch.Tensor,
    stratum: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    total: torch.Tensor,
    squares: torch.Tensor | None,
) -> Callable[[], None]:
    """Prepare an addition on the CPU, done in one compiled pass (see `prepare`).

    The sums are larger than the processor's caches where many genes are rows, so they are walked
    through in their own order, once for all cells of the batch: strata, then rows by slot, then
    columns by slot. One thread is enough, and a second pool of threads beside PyTorch's own slows
    both down several times on a busy machine.
    """
    rows, columns, of_cell = source.numpy(), target.numpy(), stratum.numpy()
    dump = total.shape[2] - 1
    cell, row = np.nonzero(rows != dump)
    walk = np.lexsort((rows[cell, row], of_cell[cell]))
    order = np.argsort(columns, axis=1, kind="stable")
    nothing = np.zeros((1, 1, 1, 1))
    return partial(
        _add_cpu,
        values.detach().contiguous().numpy(),
        cell[walk],
        row[walk],
        of_cell,
        rows,
        order,
        np.take_along_axis(columns, order, axis=1),
        total.numpy(),
        nothing if squares is None else squares.numpy(),
        squares is not None,
    )


def prepare_scatter(
    values: torch.Tensor,
    stratum: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    total: torch.Tensor,
    squares: torch.Tensor | None,
) -> Callable[[], None]:
    """Prepare an addition by one scatter per sum, on any device (see `prepare`)."""
    _, heads, sources, targets = total.shape
    head = torch.arange(heads, device=values.device)[None, :, None, None]
    position = (stratum[:, None, None, None] * heads + head) * sources + source[:, None, :, None]
    position = (position * targets + target[:, None, None, :]).reshape(-1)
    added = values.detach().to(torch.float64).reshape(-1)
    squared = None if squares is None else added * added

    def add() -> None:
        total.view(-1).scatter_add_(0, position, added)
        if squares is not None:
            squares.view(-1).scatter_add_(0, position, squared)

    return add


def prepare(
    values: torch.Tensor,
    stratum: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    total: torch.Tensor,
    squares: torch.Tensor | None,
) -> Callable[[], None]:
    """Prepare the addition of one layer's values of some cells to the sums.

    Token order differs from cell to cell, so every value goes to the slots of its two genes. All
    memory is taken here and none by the function returned: if memory runs out, nothing was added.

    Parameters
    ----------
    values
        (cell, head, row, column).
    stratum
        (cell,) stratum numbers.
    source
        (cell, row) slots on the source axis.
    target
        (cell, column) slots on the target axis.
    total, squares
        (stratum, head, source + 1, target + 1) float64, contiguous; `squares` may be None.

    Returns
    -------
    Callable
        Adds the values in place when called.
    """
    chosen = prepare_loop if values.device.type == "cpu" else prepare_scatter
    return chosen(values, stratum, source, target, total, squares)
