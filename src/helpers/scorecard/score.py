"""`score_edges`: an edge list, or a matrix, against reference networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets.own_network import networks, title_of
from helpers.errors import ParameterError
from helpers.scorecard.covariates import cells_notes, cells_of
from helpers.scorecard.edge_list import EdgeList, read_edges, said
from helpers.scorecard.one_reference import reference_score
from helpers.scorecard.results import Scorecard
from helpers.scorecard.universe import universe_of


def score_edges(
    edges: str | Path | pd.DataFrame,
    cells: AnnData | str | Path | None = None,
    references: Sequence[str] | Mapping[str, pd.DataFrame] = ("trrust",),
    *,
    name: str | None = None,
    direction: str = "forward",
    signed: bool = False,
    listed_only: bool = False,
    organism: str = "human",
    margin: float = 0.05,
    alpha: float = 0.05,
    n_cells: int = 5000,
    permutations: int = 1999,
    rewired: int = 999,
    seed: int = 0,
) -> Scorecard:
    """Score an edge list, or a matrix, against reference networks.

    Parameters
    ----------
    edges
        Table or file with columns source, target and score under any usual name, or genes by
        genes; see `helpers.scorecard.edge_list.read_edges`.
    cells
        Counts of the cells behind the edges: a file, a registered set or an AnnData. Without them
        what needs expression is not estimable.
    references
        Registered names and files of edges, or name -> table.
    name
        What to call the edge list.
    direction
        ``"forward"``: source, or row, is the regulator; ``"transpose"``: it is the target.
    signed
        Rank negative scores below zero, not by their size.
    listed_only
        Leave out pairs that the list does not hold, instead of ranking them last.
    organism
        ``human`` or ``mouse``, of references and cells; ``other`` takes the names of files as they
        stand (simulated cells, other species).
    margin, alpha
        Half width of "absent", in AUROC, and level of the verdict, family-wise over all tests.
    n_cells
        Most cells to use, drawn at random; a card of fewer cells than there are warns that a score
        made from all of them may know co-expression better than the correlation does.
    permutations, rewired, seed
        Draws of permuted labels and of rewired networks, and the seed of everything random.

    Returns
    -------
    Scorecard
        ``.verdicts`` in words, ``.table`` of numbers.

    Raises
    ------
    DataError, ParameterError
        If edges, cells or references cannot be read, or a setting is out of range.

    Examples
    --------
    >>> from helpers import score_edges
    >>> rng = np.random.default_rng(0)
    >>> genes = [f"G{i}" for i in range(40)]
    >>> network = pd.DataFrame({"source": np.repeat(genes[:10], 4), "target": genes[::-1][:40]})
    >>> truth = set(zip(network["source"], network["target"]))
    >>> pairs = [(a, b) for a in genes[:10] for b in genes if a != b]
    >>> table = pd.DataFrame(pairs, columns=["TF", "target"])
    >>> table["importance"] = [rng.normal(4 * (pair in truth)) for pair in pairs]
    >>> card = score_edges(table, references={"mine": network}, signed=True)
    >>> print(card.verdicts["mine"].split(".")[0])
    Above chance, beyond degree
    """
    settings = checked_settings(margin, alpha, n_cells, permutations, rewired, seed)
    settings |= {"organism": organism, "listed_only": listed_only}
    listed = read_edges(edges, name, direction, signed)
    adata, total = (None, 0) if cells is None else cells_of(cells, n_cells, seed, organism)
    found = networks(references, organism, title_of)
    scored = []
    for k, (short, network) in enumerate(found.items()):
        universe = universe_of(listed, network, short, listed_only)
        rng = np.random.default_rng([seed, k])
        scored.append(reference_score(short, network, universe, adata, settings, rng))
    about = None if adata is None else {"cells": adata.n_obs, "of": total, "genes": adata.n_vars}
    if about is not None and isinstance(cells, (str, Path)):
        about["name"] = Path(cells).name
    plain = _plain(listed)
    plain["notes"] += cells_notes(adata)
    return Scorecard(listed.name, plain, about, settings, tuple(scored))


def checked_settings(
    margin: float, alpha: float, n_cells: int, permutations: int, rewired: int, seed: int
) -> dict:
    """Return the settings as they stand on a card, each within its range."""
    limits = {
        "margin": (margin, 0.001, 0.4),
        "alpha": (alpha, 0.0001, 0.2),
        "n_cells": (n_cells, 10, 10**7),
        "permutations": (permutations, 99, 10**6),
        "rewired": (rewired, 99, 10**6),
        "seed": (seed, 0, 2**31 - 1),
    }
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise ParameterError(f"{name} is {value}; {low} to {high} expected")
    return {name: value for name, (value, _, _) in limits.items()}


def _plain(listed: EdgeList) -> dict:
    return listed.report | {"notes": list(said(listed.report))}
