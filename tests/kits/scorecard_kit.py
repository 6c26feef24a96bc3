"""A small world, its edge list, cells and network, and relabelled networks of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from helpers.datasets.simulate import world
from helpers.edges.attention import edge_scores, pool

FEW = {"permutations": 399, "rewired": 199, "n_cells": 400}


@lru_cache(maxsize=50)
def drawn(seed: int = 0, name: str = "pair-signal"):
    """Edge list (TF, target, importance), cells and network of a world."""
    one = world(name, seed, n_genes=120, n_tfs=30, n_cells=600)
    matrix = pool(edge_scores(one.attention)).to_pandas()
    rows = matrix.loc[list(one.tfs)]
    tfs, targets = np.repeat(rows.index, rows.shape[1]), np.tile(rows.columns, len(rows))
    table = pd.DataFrame({"TF": tfs, "target": targets, "importance": rows.to_numpy().ravel()})
    return table[table["TF"] != table["target"]], one.adata, one.reference[["source", "target"]]


def relabelled(network: pd.DataFrame, genes, tfs, seed: int) -> pd.DataFrame:
    """The network with TFs permuted among TFs and other genes among other genes."""
    rng = np.random.default_rng(seed)
    others = [gene for gene in genes if gene not in set(tfs)]
    new = dict(zip(tfs, rng.permutation(tfs), strict=True))
    new |= dict(zip(others, rng.permutation(others), strict=True))
    return network.replace({"source": new, "target": new})
