"""One screen in several contexts (days, replicates, cell types), handled alike in each.

Contexts with more cells show more responders. So that a difference between contexts is none of
numbers, every perturbation, and the controls, are cut to the smallest number of the contexts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import anndata as ad
import numpy as np

from helpers.edges.expression import counts_of
from helpers.errors import DataError
from helpers.evaluation.responders import Effects, effects, log_normalised
from helpers.evaluation.screens import FEWEST_CELLS

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ContextScreen:
    """Control cells in two halves, and effects of perturbations, in one context.

    Parameters
    ----------
    scored
        Controls from which scores are made.
    reference
        (cells, genes) counts of the controls that effects refer to.
    sizes
        Perturbation -> number of cells.
    effects
        Perturbation -> effects on all genes.
    """

    scored: ad.AnnData = field(repr=False)
    reference: np.ndarray = field(repr=False)
    sizes: Mapping[str, int]
    effects: Mapping[str, Effects] = field(repr=False)

    @property
    def genes(self) -> np.ndarray:
        """Symbols."""
        return self.scored.var_names.to_numpy().astype(str)


def context_screens(
    cells: ad.AnnData,
    context: str,
    seed: int,
    perturbation: str = "perturbation",
    control: str = "control",
    equal: bool = True,
) -> dict[str, ContextScreen]:
    """Return one screen per context; controls are cut in halves, for scores and for effects.

    Parameters
    ----------
    cells
        Counts, with columns `context` and `perturbation` in ``obs``.
    context
        Column of contexts.
    seed
        Seed of the draws of cells.
    perturbation, control
        Column with the perturbed gene, and its value for control cells.
    equal
        Whether contexts get equal numbers of cells; only perturbations with 30 cells in every
        context are kept then.

    Returns
    -------
    dict
        Context -> screen.

    Raises
    ------
    DataError
        If a column is missing, fewer than two contexts have 30 controls for each half, or no
        perturbation has 30 cells.
    """
    for column in (context, perturbation):
        if column not in cells.obs:
            raise DataError(f"obs has no column {column!r}; it has {list(cells.obs)}")
    counts = counts_of(cells).toarray()
    whole = counts.sum(axis=1) > 0
    who, where = (cells.obs[c].astype(str).to_numpy() for c in (perturbation, context))
    rng = np.random.default_rng(seed)
    at = {}
    for name in np.unique(where[whole & (who == control)]):
        here = whole & (where == name)
        groups = {g: rng.permutation(np.flatnonzero(here & (who == g))) for g in np.unique(who)}
        if len(groups[control]) >= 2 * FEWEST_CELLS:
            at[name] = groups
        else:
            _log.warning("%s %s: %d controls, too few", context, name, len(groups[control]))
    if len(at) < 2:
        raise DataError(f"{len(at)} contexts have {2 * FEWEST_CELLS} controls; two are needed")
    fewest = {g: min(len(groups[g]) for groups in at.values()) for g in np.unique(who)}
    screens = {}
    for name, groups in at.items():
        used = {g: rows[: fewest[g]] if equal else rows for g, rows in groups.items()}
        scored, reference = np.array_split(used.pop(control), 2)
        base = log_normalised(counts[reference])
        kept = {g: rows for g, rows in used.items() if len(rows) >= FEWEST_CELLS}
        found = {g: effects(log_normalised(counts[rows]), base) for g, rows in kept.items()}
        if not found:
            raise DataError(f"{context} {name}: no perturbation has {FEWEST_CELLS} cells")
        sizes = {g: len(rows) for g, rows in kept.items()}
        part = cells[np.sort(scored)].copy()
        screens[name] = ContextScreen(part, counts[reference], sizes, found)
    return screens
