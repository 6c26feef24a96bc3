"""How often one gene's token precedes another's: what rank-ordered tokens give away by order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from helpers.extraction.axes import listed, slots_of
from helpers.models.adapter import Tokens


def order_share(
    tokens: Tokens, *, sources: Sequence[str], genes: Sequence[str] | None = None
) -> xr.Dataset:
    r"""Count in how many cells the target precedes the source.

    :math:`F_{ij}` = cells holding both genes in which j comes before i, divided by the cells
    holding both: ``found["sum"] / found["count"]``. In a rank tokeniser j before i means that j is
    expressed more highly relative to its typical level; in a causal model only such a j can be
    attended to. A gene written as several tokens counts by its first one.

    Parameters
    ----------
    tokens
        Tokenised cells.
    sources, genes
        Query and key genes; None for every gene of the data.

    Returns
    -------
    xarray.Dataset
        ``sum`` float64 and ``count`` int64, both (source, target). A gene never precedes itself.
    """
    names = np.asarray(tokens.gene_names, dtype=object)
    known = pd.Index(names)
    sources = listed(sources, known, "sources")
    targets = names if genes is None else listed(genes, known, "genes")
    source_slot, target_slot = slots_of(names, sources), slots_of(names, targets)
    before = np.zeros((len(sources), len(targets)))
    count = np.zeros((len(sources), len(targets)), dtype=np.int64)
    for cell in tokens.genes:
        genes_here, first = np.unique(np.asarray(cell), return_index=True)
        source, target = source_slot[genes_here + 1], target_slot[genes_here + 1]
        is_source, is_target = source < len(sources), target < len(targets)
        where = np.ix_(source[is_source], target[is_target])
        before[where] += first[is_target][None, :] < first[is_source][:, None]
        count[where] += 1
    pair = ("source", "target")
    return xr.Dataset(
        {"sum": (pair, before), "count": (pair, count)},
        coords={"source": sources, "target": targets},
        attrs={"quantity": "cells in which the target's token precedes the source's"},
    )
