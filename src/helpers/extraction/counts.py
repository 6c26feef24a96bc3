"""In how many cells each pair of genes is held, counted while cells are read."""

from __future__ import annotations

import numba
import numpy as np

from helpers.extraction.axes import Axes
from helpers.extraction.sums import Sums
from helpers.models.adapter import Tokens


def add_counts(sums: Sums, axes: Axes, tokens: Tokens, rows: np.ndarray, codes: np.ndarray) -> None:
    """Count the cells, the cells of each source, and those of each pair, in place.

    Parameters
    ----------
    sums
        Sums whose counts grow.
    axes
        Gene axes.
    tokens
        Tokens of all cells.
    rows
        Positions in `tokens` that were read.
    codes
        Stratum number of each of them.
    """
    sources, targets = [], []
    for row, code in zip(rows, codes, strict=True):
        genes = np.asarray(tokens.genes[row])
        sources.append(np.unique(axes.source_slot[genes + 1], return_index=True))
        targets.append(np.unique(axes.target_slot[genes + 1], return_index=True))
        sums.cells[code, sources[-1][0]] += 1
        sums.n_cells[code] += 1
    # As the sums, the counts are walked through in their own order, once for all cells.
    number = np.repeat(np.arange(len(rows)), [len(slots) for slots, _ in sources])
    slots, at = (np.concatenate(part) for part in zip(*sources, strict=True))
    order = np.lexsort((slots, np.asarray(codes)[number]))
    walk = number[order], slots[order], at[order]
    keys, keys_at = (np.concatenate(part) for part in zip(*targets, strict=True))
    ends = np.cumsum([0, *(len(slots) for slots, _ in targets)])
    held = sums.count[:0] if sums.held is None else sums.held
    # In a causal model a pair counts where the key stands before the query, or is the query.
    _count(*walk, np.asarray(codes), keys, keys_at, ends, sums.count, held)


@numba.njit(cache=True)
def _count(
    cell, source, source_at, codes, target, target_at, ends, count, held
):  # pragma: no cover
    causal = len(held) > 0
    for k in range(len(cell)):
        c = cell[k]
        into = count[codes[c], source[k]]
        if not causal:
            for at in range(ends[c], ends[c + 1]):
                into[target[at]] += 1
            continue
        both = held[codes[c], source[k]]
        for at in range(ends[c], ends[c + 1]):
            into[target[at]] += target_at[at] <= source_at[k]
            both[target[at]] += 1
