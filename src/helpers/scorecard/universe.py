"""Which pairs are asked about: TFs of a reference that the edges score, times scored targets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet, evaluation_set
from helpers.scorecard.edge_list import EdgeList

MOST_PAIRS = 5_000_000
"""Pairs that fit into a few gigabytes with all their covariates."""


@dataclass(frozen=True)
class Universe:
    """Candidate pairs of one reference with the scores of an edge list.

    Parameters
    ----------
    pairs
        The set; genes are numbers, which sort many times faster than text.
    genes
        Name of every number.
    score
        (n,) scores; NaN where a pair has none.
    notes
        Counts: TFs and edges of the reference inside, absent pairs and what became of them.
    """

    pairs: EvaluationSet
    genes: pd.Index
    score: np.ndarray = field(repr=False)
    notes: dict


def universe_of(
    edges: EdgeList, reference: pd.DataFrame, name: str, listed_only: bool = False
) -> Universe | NotEstimable:
    """Return the candidate pairs of a reference, and their scores.

    Parameters
    ----------
    edges
        Scores. Pairs that a list does not hold are taken to be below all that it does hold, tied
        with each other: lists mostly keep the top of a ranking.
    reference
        Curated edges.
    name
        What to call the set.
    listed_only
        Leave pairs out that the list does not hold, instead.

    Returns
    -------
    Universe or NotEstimable
        The latter where reference and edges have no positive, or no negative, in common.
    """
    tfs = edges.sources.intersection(pd.Index(reference["source"].unique()))
    genes = edges.targets.union(tfs)
    if len(tfs) * len(edges.targets) > MOST_PAIRS:
        return NotEstimable(
            f"{len(tfs)} TFs x {len(edges.targets)} targets are more than {MOST_PAIRS:,} pairs; "
            "keep fewer targets, such as the highly variable genes"
        )
    try:
        pairs = evaluation_set(reference, list(genes), tfs=list(tfs), name=name)
    except DataError as error:
        return NotEstimable(f"{error}{_hint(edges, reference)}")
    pairs = pairs.subset(edges.targets.get_indexer(pairs.target) >= 0, "targets_without_score")
    score, listed = edges.scores_of(pairs.source, pairs.target)
    notes = {
        "tfs_of_reference": int(reference["source"].nunique()),
        "tfs_scored": len(tfs),
        "targets_scored": len(edges.targets),
        "edges_of_reference": len(reference),
        "pairs": pairs.n_pairs,
        "absent_pairs": int((~listed).sum()),
        "absent": "none" if listed.all() else "left out" if listed_only else "tied at the bottom",
    }
    if not listed_only:
        score = np.where(listed, score, np.nanmin(edges.values) - 1.0)
    positive = int(pairs.label[~np.isnan(score)].sum())
    scored = int((~np.isnan(score)).sum())
    if positive in (0, scored):
        kind = "no positives" if positive == 0 else "no negatives"
        return NotEstimable(f"{name}: {kind} among {scored} pairs with a score")
    numbers = {
        "source": genes.get_indexer(pairs.source),
        "target": genes.get_indexer(pairs.target),
        "regulators": genes.get_indexer(pairs.regulators),
    }
    return Universe(replace(pairs, **numbers), genes, score, notes)


def _hint(edges: EdgeList, reference: pd.DataFrame) -> str:
    """Return what may be behind names that do not meet."""
    if edges.sources.str.startswith("ENS").mean() > 0.5:
        return "; the edges have Ensembl identifiers, the reference has symbols"
    upper = set(edges.sources.str.upper()) & set(reference["source"].str.upper())
    if upper and not set(edges.sources) & set(reference["source"]):
        return "; names differ in upper and lower case: is one of them of another species?"
    if set(edges.targets) & set(reference["source"]) and not (
        set(edges.sources) & set(reference["source"])
    ):
        return "; its TFs stand among the targets: is the direction 'transpose'?"
    return ""
