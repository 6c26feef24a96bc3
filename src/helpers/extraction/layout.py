"""Where one batch's wanted rows and columns are, and which slots they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from helpers.extraction.axes import Axes
from helpers.models.adapter import Batch


@dataclass(frozen=True)
class Layout:
    """Wanted rows and columns of a batch.

    Attributes
    ----------
    rows
        (cell, row) token positions of wanted queries, padded with position 0.
    source
        (cell, row) their slots; padding has the dump slot.
    columns
        (cell, column) token positions of the keys kept, or None for all tokens.
    target
        (cell, token or column) slots of the keys.
    lengths
        (cell,) tokens that are not padding.
    stratum
        (cell,) stratum numbers.
    repeated
        Whether some gene has several tokens in a cell (gene names as several words).
    """

    rows: torch.Tensor
    source: torch.Tensor
    columns: torch.Tensor | None
    target: torch.Tensor
    lengths: torch.Tensor
    stratum: torch.Tensor
    repeated: bool


def _wanted(slots: np.ndarray, dump: int) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of slots that are not the dump, padded with 0, and their slots, ascending.

    In this order a chunk of rows of several cells goes to one part of the sums.
    """
    width = int((slots != dump).sum(axis=1).max(initial=0))
    position = np.argsort(slots, axis=1, kind="stable")[:, :width]  # the dump is the last slot
    slot = np.take_along_axis(slots, position, axis=1)
    return np.where(slot != dump, position, 0), slot


def _repeats(genes: np.ndarray) -> bool:
    ordered = np.sort(genes, axis=1)
    return bool(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any())


def lay_out(
    batch: Batch,
    axes: Axes,
    stratum: np.ndarray,
    device: torch.device | str,
    *,
    pick_columns: bool = False,
) -> Layout:
    """Locate a batch's wanted rows and columns.

    Columns are picked out, if allowed, when few keys are wanted by many queries; otherwise whole
    rows are cheaper, and the dump slot takes what is not wanted.

    Parameters
    ----------
    batch
        The padded batch.
    axes
        Gene axes.
    stratum
        (cell,) stratum numbers of the batch's cells.
    device
        Where the indices are needed.
    pick_columns
        Whether the scores allow columns to be picked out.
    """
    genes = batch.genes.cpu().numpy()
    source_slots, target_slots = axes.source_slot[genes + 1], axes.target_slot[genes + 1]
    rows, source = _wanted(source_slots, len(axes.sources))
    columns, target = _wanted(target_slots, len(axes.targets))
    repeated = _repeats(genes)
    few = 4 * columns.shape[1] < genes.shape[1] < 2 * rows.shape[1]
    if repeated or not few or not pick_columns:
        columns, target = None, target_slots

    def put(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return Layout(
        rows=put(rows),
        source=put(source),
        columns=None if columns is None else put(columns),
        target=put(target),
        lengths=(~batch.padding).sum(dim=1).to(device),
        stratum=put(stratum),
        repeated=repeated,
    )
