"""Attention pooled over all cells and aggregated over cell states, on the pairs of a universe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges import aggregate, blend, edge_scores, pool
from helpers.edges.cssi import BLENDS, METHODS
from helpers.errors import DataError
from helpers.evaluation.sets import EvaluationSet, drop_missing, evaluation_set

VARIANTS = (*METHODS, *(f"max-blend{alpha:g}" for alpha in BLENDS))


@dataclass(frozen=True)
class Stratified:
    """Pooled and stratified attention on the pairs of a universe.

    Parameters
    ----------
    name
        Label.
    evaluation
        Pairs that have every score.
    pooled
        (L, n) pooled over all cells, heads averaged.
    variants
        Variant -> (L, n).
    halves
        Two arrays (L, n): pooled over each half of the cells.
    strata
        Number of strata.
    """

    name: str
    evaluation: EvaluationSet
    pooled: np.ndarray
    variants: dict[str, np.ndarray]
    halves: tuple[np.ndarray, np.ndarray]
    strata: int


def stratified(
    name: str,
    sums: xr.Dataset,
    reference: pd.DataFrame,
    kind: np.ndarray,
    half: np.ndarray,
    sizes: dict[str, int],
    min_count: int = 20,
) -> Stratified:
    """Score pairs in each stratum and over all, with every CSSI variant.

    Parameters
    ----------
    name
        Label.
    sums
        Attention sums with a dim ``stratum``.
    reference
        Curated edges.
    kind
        (strata,) cell state of each stratum; one state may have several.
    half
        (strata,) True where its cells belong to the first half.
    sizes
        State -> cells: the weights of the means.
    min_count
        Fewest cells that hold both genes, in a stratum and in a half.

    Raises
    ------
    DataError
        If there is no positive or no negative among the scored pairs.
    """
    bare, half = np.asarray(kind).astype(str), np.asarray(half, dtype=bool)
    base = sums[["sum", "count"]]

    def score(rows: np.ndarray) -> xr.DataArray:
        part = base.isel(stratum=rows).sum("stratum")
        return pool(edge_scores(part, min_count=min_count), ("head",)).drop_vars("count")

    found, kinds = [], list(dict.fromkeys(bare))
    for one in kinds:
        try:
            found.append(score(np.flatnonzero(bare == one)))
        except DataError:  # no pair has enough cells in this stratum
            found.append(None)
    pooled = score(np.arange(bare.size))
    kept_kinds = [one for one, part in zip(kinds, found, strict=True) if part is not None]
    if not kept_kinds:
        raise DataError(f"{name}: no stratum has {min_count} cells for any pair")
    strata = xr.concat([part for part in found if part is not None], dim="stratum")
    weights = np.array([sizes[one] for one in kept_kinds])
    variants = {m: aggregate(strata, pooled, weights, m) for m in METHODS}
    variants |= {f"max-blend{a:g}": blend(pooled, variants["max"], a) for a in BLENDS}
    halves = [score(np.flatnonzero(half)), score(np.flatnonzero(~half))]
    universe = evaluation_set(
        reference,
        [str(g) for g in pooled["target"].values],
        tfs=[str(g) for g in pooled["source"].values],
        name=name,
    )
    every = [pooled, *variants.values(), *halves]
    kept, values = drop_missing(universe, universe.scores_from(xr.concat(every, "variant")))
    if kept.n_positive in (0, kept.n_pairs):
        raise DataError(f"{name}: {kept.n_positive} positives among {kept.n_pairs} scored pairs")
    return Stratified(
        name,
        kept,
        values[0],
        dict(zip(variants, values[1 : 1 + len(variants)], strict=True)),
        (values[-2], values[-1]),
        len(kept_kinds),
    )
