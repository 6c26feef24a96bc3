"""How well attention ranks planted edges, while a model is trained.

Pages extract attention with `helpers.extraction` and judge it with `helpers.evaluation`. This is
the short form for training: all layers and heads pooled, a plain AUROC, no interval.
"""

from __future__ import annotations

import numpy as np
import torch
from anndata import AnnData
from sklearn.metrics import roc_auc_score

from helpers.datasets.simulate import World, coexpression
from helpers.models.adapter import ModelAdapter
from helpers.models.attention import full_attention, tapping


def mean_attention(adapter: ModelAdapter, adata: AnnData, batch_size: int = 50) -> np.ndarray:
    """Return (layers, heads, genes, genes) attention, row = query, over cells with both genes.

    Whole maps are formed, so this is for cells of few genes. A pair that no cell holds is 0.
    """
    tokens = adapter.tokenise(adata)
    n = adata.n_vars
    total = np.zeros((adapter.n_layers, adapter.n_heads, n, n))
    count = np.zeros((n, n))
    for start in range(0, len(tokens), batch_size):
        batch = adapter.collate(tokens, np.arange(start, min(start + batch_size, len(tokens))))
        maps: list[np.ndarray] = []

        def keep(layer, query, key, value, mask, scaling, module, maps=maps) -> None:
            maps.append(full_attention(query, key, mask, scaling).cpu().numpy())

        with torch.inference_mode(), tapping(keep):
            adapter.forward(batch)
        for cell, genes in enumerate(batch.genes.cpu().numpy()):
            at = np.flatnonzero(genes >= 0)
            pairs = np.ix_(genes[at], genes[at])
            count[pairs] += 1
            for layer, weights in enumerate(maps):
                total[layer][:, *pairs] += weights[cell][:, at[:, None], at]
    return total / np.maximum(count, 1)


def edge_aurocs(adapter: ModelAdapter, made: World) -> dict[str, float]:
    """Return the AUROC of pooled attention for the edges of a world, by direction.

    Pairs are all TFs with all other genes. ``forward``: the TF is the query; ``transpose``: the
    target is; ``symmetric``: the mean of both; ``best_head``: the head whose transpose ranks the
    edges best of all, chosen on the same cells and so too good.
    """
    adapter.module.eval()
    heads = mean_attention(adapter, made.adata)
    pooled = heads.mean(axis=(0, 1))
    flat = heads.reshape(-1, *pooled.shape)
    return {
        "forward": _auroc(pooled, made),
        "transpose": _auroc(pooled.T, made),
        "symmetric": _auroc(pooled + pooled.T, made),
        "best_head": max(_auroc(one.T, made) for one in flat),
    }


def coexpression_auroc(made: World) -> float:
    """Return the AUROC of the size of Spearman correlation, on the same pairs."""
    return _auroc(np.abs(coexpression(made.adata.layers["counts"].toarray())), made)


def _auroc(scores: np.ndarray, made: World) -> float:
    """Return the AUROC of genes x genes scores, rows being TFs."""
    order = {gene: i for i, gene in enumerate(made.genes)}
    edge = np.zeros(scores.shape, dtype=bool)
    edge[made.network["source"].map(order), made.network["target"].map(order)] = True
    pairs = ~np.eye(len(edge), dtype=bool)
    pairs[len(made.tfs) :] = False
    return float(roc_auc_score(edge[pairs], scores[pairs]))
