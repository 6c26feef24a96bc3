"""Float64 sums per (score, layer, stratum, head, source, target), and how values reach them."""

from __future__ import annotations

import os
from dataclasses import dataclass

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
        (stratum, source + 1, target + 1) int64, cells in which both genes are tokens.
    cells
        (stratum, source + 1) int64, cells in which the source is a token.
    n_cells
        (stratum,) int64, cells read.
    """

    total: torch.Tensor
    squares: torch.Tensor | None
    count: np.ndarray
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
    return Sums(
        total=torch.zeros(shape, dtype=torch.float64, device=device),
        squares=torch.zeros(shape, dtype=torch.float64, device=device) if squares else None,
        count=np.zeros((strata, sources + 1, targets + 1), dtype=np.int64),
        cells=np.zeros((strata, sources + 1), dtype=np.int64),
        n_cells=np.zeros(strata, dtype=np.int64),
    )


@numba.njit(parallel=True, cache=True)
def _add_cpu(
    values, stratum, source, target, dump, total, squares, with_squares
):  # pragma: no cover
    cells, heads, rows, columns = values.shape
    for head in numba.prange(heads):
        for cell in range(cells):
            for row in range(rows):
                slot = source[cell, row]
                if slot == dump:
                    continue
                into = total[stratum[cell], head, slot]
                for column in range(columns):
                    into[target[cell, column]] += np.float64(values[cell, head, row, column])
                if with_squares:
                    onto = squares[stratum[cell], head, slot]
                    for column in range(columns):
                        value = np.float64(values[cell, head, row, column])
                        onto[target[cell, column]] += value * value


def add_by_loop(
    values: torch.Tensor,
    stratum: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    total: torch.Tensor,
    squares: torch.Tensor | None,
) -> None:
    """Add values on the CPU: one compiled pass, each head its own thread (see `add_values`)."""
    nothing = np.zeros((1, 1, 1, 1))
    _add_cpu(
        values.detach().contiguous().numpy(),
        stratum.numpy(),
        source.numpy(),
        target.numpy(),
        total.shape[2] - 1,
        total.numpy(),
        nothing if squares is None else squares.numpy(),
        squares is not None,
    )


def add_by_scatter(
    values: torch.Tensor,
    stratum: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    total: torch.Tensor,
    squares: torch.Tensor | None,
) -> None:
    """Add values with one scatter per sum, on any device (see `add_values`)."""
    _, heads, sources, targets = total.shape
    head = torch.arange(heads, device=values.device)[None, :, None, None]
    place = (stratum[:, None, None, None] * heads + head) * sources + source[:, None, :, None]
    place = (place * targets + target[:, None, None, :]).reshape(-1)
    added = values.detach().to(torch.float64).reshape(-1)
    squared = None if squares is None else added * added
    # Nothing is allocated below: running out of memory above leaves both sums untouched.
    total.view(-1).scatter_add_(0, place, added)
    if squares is not None:
        squares.view(-1).scatter_add_(0, place, squared)


def add_values(
    values: torch.Tensor,
    stratum: torch.Tensor,
    source: torch.Tensor,
    target: torch.Tensor,
    total: torch.Tensor,
    squares: torch.Tensor | None,
) -> None:
    """Add one layer's values of some cells to the sums, in place.

    Token order differs from cell to cell, so every value goes to the slots of its two genes.

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
    """
    add = add_by_loop if values.device.type == "cpu" else add_by_scatter
    add(values, stratum, source, target, total, squares)
