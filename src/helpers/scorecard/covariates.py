"""What cells say of a pair of genes without any edge score: co-expression and products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.stats import rankdata

from helpers.datasets import load
from helpers.datasets.own import open_own
from helpers.edges.expression import counts_of, expression
from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.gene_level import gene_features
from helpers.scorecard.universe import Universe

COEXPRESSION = "co-expression"
PRODUCTS = ("mean product", "variance product", "detection product")


def cells_of(
    cells: AnnData | str | Path, n_cells: int, seed: int, organism: str = "human"
) -> tuple[AnnData, int]:
    """Return at most `n_cells` cells of a file, a registered set or an AnnData, and of how many.

    They are drawn at random.

    Raises
    ------
    DataError, ParameterError
        If there are none, or they hold no counts.
    """
    if isinstance(cells, AnnData):
        held = cells
    elif not isinstance(cells, (str, Path)):
        raise ParameterError(f"cells are a {type(cells).__name__}; give a path or an AnnData")
    elif "/" not in str(cells) and not Path(cells).suffix:
        held = load(str(cells))
    else:
        held = open_own(cells, organism)
    if not held.var_names.is_unique:
        raise DataError("a gene stands twice in the cells; call var_names_make_unique() first")
    rows = np.sort(np.random.default_rng(seed).permutation(held.n_obs)[:n_cells])
    adata = held[rows] if isinstance(held, AnnData) else held.take(rows)
    if not np.isfinite(counts_of(adata).data).all():
        raise DataError("the cells hold NaN or infinite values, which are no counts")
    return adata, held.n_obs


def cells_notes(adata: AnnData | None) -> list[str]:
    """Return notes on cells and genes of a file that are left out or stand for others."""
    source = {} if adata is None else adata.uns.get("source", {})
    species, organism = source.get("species", ""), source.get("organism", "")
    repaired, notes = source.get("repaired", {}), []
    if empty := repaired.get("cells_without_counts_left_out", 0):
        notes.append(f"{empty} cells of the file have no counts and are left out")
    if species not in ("", organism):
        notes.append(
            f"the cells are of {species}: genes stand for their one-to-one {organism} orthologs; "
            f"{repaired.get('without_ortholog', 0)} genes without one are left out"
        )
    return notes


def covariates(adata: AnnData, universe: Universe) -> pd.DataFrame | NotEstimable:
    """Return the size of Spearman's correlation and three products for every pair (n rows).

    Errors of the correlation count: a score made from more cells than these knows co-expression
    better than the covariate does, and then adds to it without being more than co-expression.
    Pairs with a gene that the cells lack, or in which it does not vary, are NaN.

    Returns
    -------
    DataFrame or NotEstimable
        The latter where fewer than two genes vary in the cells.
    """
    genes = universe.genes[universe.genes.isin(adata.var_names)]
    try:
        found = expression(adata, list(genes), "lognorm")
    except DataError as error:
        return NotEstimable(f"cells: {error}")
    place = pd.Index(found.genes).get_indexer(universe.genes)
    row, column = place[universe.pairs.source], place[universe.pairs.target]
    both = (row >= 0) & (column >= 0)
    if not both.any():
        return NotEstimable("no TF of the reference and no target vary in the cells")
    ranks = rankdata(found.values, axis=0)
    ranks = (ranks - ranks.mean(axis=0)) / (ranks.std(axis=0) * np.sqrt(len(ranks)))
    tfs, which = np.unique(row[both], return_inverse=True)
    size = np.abs(ranks[:, tfs].T @ ranks)
    table = pd.DataFrame(np.nan, range(both.size), [COEXPRESSION, *PRODUCTS])
    table.loc[both, COEXPRESSION] = size[which, column[both]]
    for name, values in gene_features(found.values, list(found.genes)).items():
        own = values.to_numpy()
        table.loc[both, f"{name} product"] = own[row[both]] * own[column[both]]
    return table
