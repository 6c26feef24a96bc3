"""One cell as a model reads it: a table of its tokens."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.errors import ParameterError
from helpers.models.adapter import ModelAdapter
from helpers.models.cells import counts_by_cell


def token_table(adapter: ModelAdapter, adata: AnnData, cell: int) -> pd.DataFrame:
    """Return one cell's tokens in the order in which the model reads them.

    Parameters
    ----------
    adapter
        A loaded model.
    adata
        Cells with counts.
    cell
        Row of the cell.

    Returns
    -------
    pandas.DataFrame
        ``position, gene, count`` and, for scGPT, ``bin``; for Geneformer, ``median`` (the gene's
        typical expression) and ``count / median``, by which tokens are ranked. Special tokens
        have their own name and no count.
    """
    if not 0 <= cell < adata.n_obs:
        raise ParameterError(f"cell={cell}: the data have cells 0 to {adata.n_obs - 1}")
    tokens = adapter.tokenise(adata[[cell]].copy())
    counts = counts_by_cell(adata[[cell]]).toarray()[0]
    genes = tokens.genes[0]
    table = pd.DataFrame({"position": np.arange(len(genes))})
    names = {number: name for name, number in _special(adapter).items()}
    table["gene"] = [
        tokens.gene_names[g] if g >= 0 else names[int(i)]
        for g, i in zip(genes, tokens.ids[0], strict=True)
    ]
    table["count"] = np.where(genes >= 0, counts[genes], np.nan)
    if tokens.values is not None:
        table["bin"] = np.where(genes >= 0, tokens.values[0], np.nan)
    else:
        known = adapter.dictionaries.identify(adata)
        medians = [adapter.dictionaries.medians[known[g]] if g >= 0 else np.nan for g in genes]
        table["median"] = medians
        table["count / median"] = table["count"] / table["median"]
    return table


def _special(adapter: ModelAdapter) -> dict[str, int]:
    words = adapter.vocabulary if adapter.family == "scgpt" else adapter.dictionaries.tokens
    return {name: number for name, number in words.items() if name.startswith("<")}
