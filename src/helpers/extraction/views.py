"""What attention holds: rows of a head in one cell, directions of pairs, what keys receive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from anndata import AnnData

from helpers.errors import ParameterError
from helpers.extraction.capture import extract
from helpers.models.adapter import ModelAdapter
from helpers.models.cells import counts_by_cell


def head_rows(
    adapter: ModelAdapter,
    adata: AnnData,
    cell: int,
    *,
    sources: Sequence[str],
    layer: int,
    head: int,
    n_keys: int = 15,
) -> xr.DataArray:
    """Return some rows of one head in one cell, with gene names on both sides.

    Parameters
    ----------
    adapter, adata, cell
        Model and cell.
    sources
        Query genes, of which those present in the cell are kept.
    layer, head
        From 0.
    n_keys
        Keys kept: those with the largest mean attention over the rows.

    Returns
    -------
    xarray.DataArray
        (source, target); each full row sums to 1 over all tokens of the cell.
    """
    one = adata[[cell]].copy()
    here = one.var_names[counts_by_cell(one).toarray()[0] > 0]
    kept = [gene for gene in sources if gene in here]
    if not kept:
        raise ParameterError(f"cell={cell} shows none of the query genes: choose another cell")
    found = extract(adapter, one, sources=kept, show_progress=False)
    rows = found["sum"].sel(layer=layer, head=head)
    rows = rows.isel(source=(found["cells"] > 0).values)
    order = np.argsort(-rows.mean("source").values, kind="stable")[:n_keys]
    return rows.isel(target=order)


def both_directions(found: xr.Dataset, genes: Sequence[str]) -> pd.DataFrame:
    """Return mean attention from i to j and from j to i, over layers and heads, for gene pairs.

    Parameters
    ----------
    found
        Extracted sums whose sources include `genes`.
    genes
        Genes to pair up; those that occur in no cell are left out.

    Returns
    -------
    pandas.DataFrame
        ``i, j, i to j, j to i, cells``; each unordered pair that shares a cell once.
    """
    occurring = found.indexes["target"]
    genes = [gene for gene in genes if gene in occurring]
    part = found.sel(source=genes, target=genes)
    mean = part["sum"].mean(["layer", "head"]).values
    count = part["count"].values
    rows, columns = np.triu_indices(len(genes), 1)
    keep = count[rows, columns] > 0
    rows, columns = rows[keep], columns[keep]
    cells = count[rows, columns]
    return pd.DataFrame(
        {
            "i": np.asarray(genes)[rows],
            "j": np.asarray(genes)[columns],
            "i to j": mean[rows, columns] / cells,
            "j to i": mean[columns, rows] / cells,
            "cells": cells,
        }
    )


def received(found: xr.Dataset) -> pd.DataFrame:
    """Return what each key receives from an average query, averaged over queries and cells.

    Returns
    -------
    pandas.DataFrame
        ``gene, received, cells``, most attended first; `received` is the mean attention weight
        over layers, heads, sources and cells, and `cells` the number of cells that hold the gene
        beside some source.
    """
    pairs = found["count"].sum("source")
    total = found["sum"].mean(["layer", "head"]).sum("source")
    table = pd.DataFrame(
        {"gene": found["target"].values, "received": (total / pairs.where(pairs > 0)).values}
    ).assign(cells=found["count"].max("source").values)
    return table.dropna().sort_values("received", ascending=False, ignore_index=True, kind="stable")
