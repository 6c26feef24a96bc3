"""Two conditions of cells, or two strata: which curated pairs are co-expressed differently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets import load
from helpers.datasets.own import in_words, open_own, with_roles
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation.donors import LEAST_CELLS, donor_cells
from helpers.statistics.two_states import TwoStates, differential, stability, standardised

MIN_DETECTED = 0.1
"""Smallest share of the cells that must hold both genes of an edge."""


@dataclass(frozen=True)
class StatesCompared:
    """Edges in two states.

    Parameters
    ----------
    edges
        ``source, target``, ``first`` and ``second`` (correlation in each state), ``z`` and ``p``
        (corrected for all edges), the smallest p first.
    states
        What was tested, with the test over all edges.
    stability
        Overlap of the strongest edges when cells are removed.
    """

    edges: pd.DataFrame
    states: TwoStates
    stability: pd.DataFrame


def states_of(
    cells: str,
    column: str,
    states: tuple[str, str],
    n_cells: int,
    rng: np.random.Generator,
    symbols: str = "",
    **roles: str,
) -> AnnData:
    """Return at most `n_cells` cells of two states, of a file or a registered set.

    Parameters
    ----------
    cells
        Path (see `helpers.datasets.own.open_own`; only the chosen cells are read) or name of a set.
    column, states
        Column of ``obs`` and its two values.
    n_cells, rng
        How many at most, and the source of the draw.
    symbols, **roles
        Columns, as in `helpers.datasets.own.open_own`.

    Raises
    ------
    DataError
        If the cells cannot be read, or there is no such column or value.
    """
    if "/" in cells or "." in cells:
        source = open_own(cells, symbols=symbols, **roles)
    else:
        source = load(cells)
        source.obs = with_roles(source.obs, cells, **roles)
    rows = np.flatnonzero(_in_states(source.obs, column, states))
    rows = np.sort(rng.permutation(rows)[:n_cells])
    return source[rows].copy() if isinstance(source, AnnData) else source.take(rows)


def _in_states(obs: pd.DataFrame, column: str, states: tuple[str, str]) -> np.ndarray:
    if column not in obs:
        raise DataError(f"obs has no column {column!r}; it has {in_words(obs)}")
    found = obs[column].astype(str)
    if absent := [one for one in states if one not in set(found)]:
        known = in_words(sorted(set(found)))
        raise DataError(f"{column} has no value {absent[0]!r}; it has {known}")
    return found.isin(states).to_numpy()


def compare_states(
    adata: AnnData,
    edges: pd.DataFrame,
    column: str,
    first: str,
    second: str,
    rng: np.random.Generator,
    n_perm: int = 999,
    top: int = 100,
) -> StatesCompared | NotEstimable:
    """Compare Pearson's correlation of curated pairs between two states of the same donors.

    Log-normalised expression is standardised within donor, cell type and state, so that neither
    composition nor a change of a gene's mean makes an edge; states are permuted among the cells of
    a donor and cell type. The unit is the cell: the test is about these donors.

    Parameters
    ----------
    adata
        Counts (layer ``counts``); ``obs`` with the states, and with ``donor`` and ``cell_type``
        where they exist (else all cells count as of one).
    edges
        ``source, target``.
    column, first, second
        Column of ``obs`` and its two values. If it is ``cell_type``, cells are not kept apart
        by it.
    rng, n_perm
        Source and number of permutations.
    top
        How many strongest edges are followed when cells are removed.

    Raises
    ------
    DataError
        If there is no such column or value, or no edge joins two detected genes.
    """
    adata = adata[_in_states(adata.obs, column, (first, second))].copy()
    adata.obs["later"] = (adata.obs[column].astype(str) == second).to_numpy()
    for role in ("donor", "cell_type"):
        if role not in adata.obs or role == column:
            adata.obs[role] = "all"
    large = adata.obs["donor"].astype(str).value_counts()
    adata = adata[adata.obs["donor"].astype(str).isin(large.index[large >= LEAST_CELLS])].copy()
    if not adata.n_obs:
        return NotEstimable(f"no donor has {LEAST_CELLS} cells in the two states")
    adata.obs["donor"] = adata.obs["donor"].astype(str)
    pairs = edges.drop_duplicates(["source", "target"])
    cells = donor_cells(adata, pairs, MIN_DETECTED)
    later = adata.obs["later"].to_numpy()
    group = np.char.add(np.char.add(cells.donor.astype(str), "/"), cells.cell_type.astype(str))
    z = standardised(cells.x, np.char.add(group, np.where(later, "/2", "/1")))
    products = z[:, cells.source] * z[:, cells.target]
    found = differential(products, later, group, rng, n_perm)
    if isinstance(found, NotEstimable):
        return found
    names = np.asarray(cells.names)
    table = pd.DataFrame(
        {
            "source": names[cells.source],
            "target": names[cells.target],
            "first": found.first,
            "second": found.second,
            "z": found.z,
            "p": found.adjusted_p,
        }
    ).sort_values(["p", "source", "target"], kind="stable", ignore_index=True)
    return StatesCompared(table, found, stability(products, min(top, len(table)), rng))
