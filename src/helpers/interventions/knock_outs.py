"""What knocking out TFs does to what a model predicts of hidden targets, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from helpers.errors import DataError
from helpers.interventions.components import Component
from helpers.interventions.edits import Edit
from helpers.interventions.inputs import hide_tokens, knock_out, places_of
from helpers.interventions.readouts import target_readout
from helpers.interventions.replay import Replay
from helpers.models.adapter import ModelAdapter, Tokens


class KnockOuts:
    """Cells with some targets hidden, each as it is and once for every TF that it holds, without.

    Parameters
    ----------
    model, tokens
        Model and tokenised cells.
    tfs, targets
        Symbols; a TF is none of the targets.
    hidden
        Targets hidden and read in each cell, drawn at random; the others stay visible. A cell with
        fewer is left out.
    rng
        Of the draw.

    Attributes
    ----------
    batch, replay
        All runs, clean ones first, and what repeats them with components replaced.
    cells, rows
        Number of cells that are used, and their rows among the tokens.
    count
        (TF, target) cells behind each pair.

    Raises
    ------
    DataError
        If no cell holds as many targets, or none of them a TF.
    """

    def __init__(
        self,
        model: ModelAdapter,
        tokens: Tokens,
        tfs: Sequence[str],
        targets: Sequence[str],
        hidden: int,
        rng: np.random.Generator,
    ) -> None:
        number = {str(name): i for i, name in enumerate(tokens.gene_names)}
        self.tfs, self.targets = list(tfs), list(targets)
        wanted = np.array([number[name] for name in self.targets])
        rows, places = [], []
        for row, genes in enumerate(tokens.genes):
            held = np.flatnonzero(np.isin(genes, wanted))
            if len(held) >= hidden:
                rows.append(row)
                places.append(rng.permutation(held)[:hidden])
        runs = [
            (cell, tf)
            for tf, name in enumerate(self.tfs)
            for cell, row in enumerate(rows)
            if number[name] in tokens.genes[row]
        ]
        if not runs:
            raise DataError(
                f"{len(rows)} cells hold {hidden} of {len(wanted)} targets, none of them a TF"
            )
        self.cells, self.rows = len(rows), np.array(rows)
        self._cell, self._tf = np.array(runs).T
        order = np.concatenate([np.arange(self.cells), self._cell])
        batch = model.collate(tokens, np.array(rows)[order])
        at = torch.as_tensor(np.stack(places)[order], device=batch.ids.device)
        readout = target_readout(model, batch, at)
        self._target = np.searchsorted(np.sort(wanted), batch.genes.gather(1, at).cpu().numpy())
        self._target = np.argsort(wanted, kind="stable")[self._target]
        for j in range(hidden):
            batch = hide_tokens(model, batch, at[:, j])
        names = np.array([number[name] for name in self.tfs])[self._tf]
        gone = torch.as_tensor(names, device=batch.ids.device)
        absent = torch.full((self.cells,), -1, device=batch.ids.device)
        where = torch.cat([absent, places_of(_part(batch, self.cells), gone)])
        self.batch = knock_out(model, batch, where)
        self.replay = Replay(model, self.batch, readout)
        self.count = self._summed(np.ones((len(self._tf), hidden)))

    def per_run(
        self, edits: Mapping[Component, Edit | float | torch.Tensor] | None = None
    ) -> np.ndarray:
        """Return clean minus knocked out, (runs with a TF knocked out, hidden targets)."""
        said = self.replay(edits) if edits else self.replay.base
        said = said.double().cpu().numpy()
        return said[self._cell] - said[self.cells :]

    def effects(
        self, edits: Mapping[Component, Edit | float | torch.Tensor] | None = None
    ) -> xr.DataArray:
        """Return the size of the mean effect of each TF on each target, with components replaced.

        Returns
        -------
        xarray.DataArray
            (source, target), NaN where no cell holds both with the target hidden. The TFs stand on
            the target axis too, without effects, since a universe of pairs is made of all genes.
        """
        total = self._summed(self.per_run(edits))
        with np.errstate(invalid="ignore"):
            mean = np.abs(np.where(self.count > 0, total, np.nan) / self.count)
        mean = np.hstack([np.full((len(self.tfs),) * 2, np.nan), mean])
        axes = {"source": self.tfs, "target": [*self.tfs, *self.targets]}
        return xr.DataArray(mean, axes, ("source", "target"), "effect")

    def in_cells(self) -> xr.DataArray:
        """Return the effect of each TF on each target in single cells.

        Returns
        -------
        xarray.DataArray
            (cell, source, target), cells as in `rows`; NaN where the cell lacks the TF, or the
            target was not hidden in it.
        """
        values = np.full((self.cells, len(self.tfs), len(self.targets)), np.nan)
        hidden = self._target[self.cells :]
        values[self._cell[:, None], self._tf[:, None], hidden] = self.per_run()
        axes = {"cell": self.rows, "source": self.tfs, "target": self.targets}
        return xr.DataArray(values, axes, ("cell", "source", "target"), "effect")

    def _summed(self, values: np.ndarray) -> np.ndarray:
        found = np.zeros((len(self.tfs), len(self.targets)))
        np.add.at(found, (self._tf[:, None], self._target[self.cells :]), values)
        return found


def _part(batch, first: int):
    return replace(batch, ids=batch.ids[first:], genes=batch.genes[first:])
