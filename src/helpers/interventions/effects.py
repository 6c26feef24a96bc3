"""What each component does to what is read: ablation drops and restorations, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.interventions.components import Component
from helpers.interventions.edits import Edit
from helpers.interventions.readouts import Readout
from helpers.interventions.replacements import recorded, replacement
from helpers.interventions.replay import Replay
from helpers.models.adapter import Batch, ModelAdapter
from helpers.statistics.intervals import fieller

LEAST_CELLS = 3


def ablate(
    model: ModelAdapter,
    batch: Batch,
    readout: Readout,
    components: Sequence[Component],
    how: str = "zero",
    where: torch.Tensor | None = None,
    generator: torch.Generator | None = None,
    at_once: int = 1,
) -> pd.DataFrame:
    """Return clean minus ablated of every component, one at a time.

    Parameters
    ----------
    model, batch, readout
        Model, cells, and what is read of them; see `target_readout`.
    components
        From `heads`, `mlps`, or by name.
    how, generator
        What is written; see `replacement`.
    where
        (cells, tokens) bool; None for all tokens.
    at_once
        Components in one pass. More than one helps where a pass leaves the device idle (a GPU, few
        cells); on a processor one is as fast and takes less memory.

    Returns
    -------
    pandas.DataFrame
        One row per component, one column per cell, in units of what is read; the mean where
        several tokens of a cell are read.
    """
    values = replacement(model, batch, components, how, generator)
    return -each(Replay(model, batch, readout), values, where, at_once)


def restore(
    model: ModelAdapter,
    clean: Batch,
    changed: Batch,
    readout: Readout,
    components: Sequence[Component],
    where: torch.Tensor | None = None,
    at_once: int = 1,
) -> tuple[pd.DataFrame, pd.Series]:
    """Return what each component restores in the changed run, and the total effect.

    Parameters
    ----------
    model, readout, components, where, at_once
        As for `ablate`.
    clean, changed
        The same tokens in the same places, for example before and after `knock_out`.

    Returns
    -------
    pandas.DataFrame, pandas.Series
        Patched minus changed, (component, cell); clean minus changed, (cell).

    Raises
    ------
    ParameterError
        If the two batches do not have their genes in the same places.
    """
    if not torch.equal(clean.genes, changed.genes):
        raise ParameterError("the clean and the changed cells hold their genes in other places")
    with torch.no_grad():
        before = readout(model.forward(clean)).mean(1)
    replay = Replay(model, changed, readout)
    table = each(replay, recorded(model, clean, components), where, at_once)
    total = (before - replay.base.mean(1)).double().cpu().numpy()
    return table, pd.Series(total, table.columns, name="total effect")


def each(
    replay: Replay,
    values: Mapping[Component, torch.Tensor | float],
    where: torch.Tensor | None = None,
    at_once: int = 1,
) -> pd.DataFrame:
    """Return edited minus unedited for every component by itself, (component, cell)."""
    names, cells = list(values), len(replay.batch.ids)
    base, rows = replay.base.mean(1), []
    for start in range(0, len(names), at_once):
        chunk = names[start : start + at_once]
        edits = {c: _nth(values[c], where, i, len(chunk), replay) for i, c in enumerate(chunk)}
        said = replay(edits).mean(1).view(len(chunk), cells)
        rows.append((said - base).double().cpu().numpy())
    index = pd.Index(names, name="component", tupleize_cols=False)
    return pd.DataFrame(np.concatenate(rows), index, pd.Index(replay.batch.cells, name="cell"))


def _nth(
    value: torch.Tensor | float, where: torch.Tensor | None, n: int, of: int, replay: Replay
) -> Edit:
    """Return an edit that acts on the n-th copy of the cells alone."""
    if of == 1:
        return Edit(value, where)
    shape = replay.batch.ids.shape
    chosen = torch.zeros((of, *shape), dtype=torch.bool, device=replay.batch.ids.device)
    chosen[n] = True if where is None else where
    if isinstance(value, torch.Tensor) and value.ndim == 3 and len(value) > 1:
        value = value.repeat(of, 1, 1)
    return Edit(value, chosen.flatten(0, 1))


def share_of_total(effect: np.ndarray, total: np.ndarray) -> Estimate | NotEstimable:
    """Return the mean effect as a share of the mean total effect, with Fieller's interval.

    The ratio of means; a mean of ratios explodes where one cell's total effect is near 0.

    Parameters
    ----------
    effect, total
        (cells,) of one component and of all, in the same units; cells are the unit.
    """
    effect, total = np.asarray(effect, float), np.asarray(total, float)
    if (n := len(effect)) < LEAST_CELLS:
        return NotEstimable(f"{n} cells; at least {LEAST_CELLS} needed")
    both = np.cov(effect, total) / n
    return fieller(effect.mean(), total.mean(), both[0, 0], both[1, 1], both[0, 1], df=n - 1)
