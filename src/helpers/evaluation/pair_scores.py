"""One attention and its rivals on the same (TF, target) pairs: what a page compares."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges import correlation_edges, edge_scores, expression, pool
from helpers.errors import DataError
from helpers.evaluation.gene_level import gene_features, gene_level_scores
from helpers.evaluation.sets import EvaluationSet, drop_missing, evaluation_set


@dataclass(frozen=True)
class PairScores:
    """Scores of (TF, target) pairs in every way, with the labels of a network.

    Parameters
    ----------
    name
        Label.
    pairs
        Candidate pairs of the network.
    scores
        (n, k) table. ``attention`` is the score that claims are about; beside it ``attention sum``,
        products and target values of gene-level statistics, ``attention marginals``,
        ``co-expression`` (its size) and ``likeness`` (minus the difference of means). A pair that
        one score lacks is NaN in all.
    layers
        (L, n) attention by layer, heads averaged.
    heads
        (L * H, n) attention by head.
    features
        Mean, variance and detection rate, indexed by gene.
    """

    name: str
    pairs: EvaluationSet
    scores: pd.DataFrame = field(repr=False)
    layers: np.ndarray = field(repr=False)
    heads: np.ndarray = field(repr=False)
    features: pd.DataFrame = field(repr=False)

    def score(self, name: str) -> np.ndarray:
        """Return one score, (n,)."""
        return self.scores[name].to_numpy()

    def subset(self, keep: np.ndarray, note: str) -> PairScores:
        """Return the pairs where `keep` is True; their number goes to the notes of `pairs`."""
        return replace(
            self,
            pairs=self.pairs.subset(keep, note),
            scores=self.scores[keep].reset_index(drop=True),
            layers=self.layers[:, keep],
            heads=self.heads[:, keep],
        )

    def complete(self) -> PairScores:
        """Return the pairs that have every score, for matching."""
        return self.subset(self.scores.notna().all(axis=1).to_numpy(), "missing_scores")


def pair_scores(
    name: str, sums: xr.Dataset, adata: ad.AnnData, reference: pd.DataFrame, min_count: int = 20
) -> PairScores:
    """Score every candidate pair of a network in every way.

    Parameters
    ----------
    name
        Label.
    sums
        Attention sums and counts; strata are added up. Row = source = query.
    adata
        The cells that produced them.
    reference
        Curated edges.
    min_count
        Fewest cells that must hold both genes; pairs below have no score, never 0.

    Raises
    ------
    DataError
        If no positive or no negative has every score.
    """
    sums = sums[["sum", "count"]]
    sums = sums.sum("stratum") if "stratum" in sums.dims else sums
    lognorm = expression(adata, None, "lognorm")
    features = gene_features(lognorm.values, [str(g) for g in lognorm.genes])
    genes = [str(g) for g in sums["target"].values if g in features.index]
    rows = [str(g) for g in sums["source"].values if g in features.index]
    sums = sums.sel(source=rows, target=genes)
    mean = edge_scores(sums, min_count=min_count)
    total = edge_scores(sums, normalisation="sum", min_count=min_count)
    pairs = evaluation_set(reference, genes, tfs=rows, name=name)
    level = features["mean"]
    unlike = pairs.gene_scores(level, "source") - pairs.gene_scores(level, "target")
    scores = {
        "attention": pairs.scores_from(pool(mean)),
        "attention sum": pairs.scores_from(pool(total)),
        **gene_level_scores(pairs, features, pool(mean), sums["count"]),
        "co-expression": pairs.scores_from(abs(correlation_edges(adata, "spearman"))),
        "likeness": -np.abs(unlike),
    }
    scores = pd.DataFrame(scores)
    lacking = scores.isna().any(axis=1).to_numpy()
    kept = drop_missing(pairs, scores.to_numpy().T)[0]
    if kept.n_positive in (0, kept.n_pairs):
        raise DataError(f"{name}: {kept.n_positive} positives among {kept.n_pairs} scored pairs")
    heads = pairs.scores_from(mean)
    layers = pairs.scores_from(pool(mean, ("head",)))
    heads = heads.reshape(-1, pairs.n_pairs)
    scores[lacking] = np.nan
    layers[:, lacking], heads[:, lacking] = np.nan, np.nan
    used = features.loc[np.union1d(pairs.source, pairs.target)]
    return PairScores(name, pairs, scores, layers, heads, used)
