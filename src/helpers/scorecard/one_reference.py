"""One edge list against one reference: every estimator in its place, nothing of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.estimates import NotEstimable
from helpers.evaluation import (
    auroc_profile,
    compare_scores,
    equivalent,
    metrics,
    rewire,
    signal_test,
)
from helpers.evaluation.crossed_model import CrossedModel, crossed_model
from helpers.evaluation.sets import EvaluationSet
from helpers.scorecard.covariates import COEXPRESSION, PRODUCTS, covariates
from helpers.scorecard.edge_list import EdgeList
from helpers.scorecard.results import ReferenceScore
from helpers.scorecard.universe import Universe
from helpers.scorecard.verdict import ABSENT, DEGREE, MEANING, PROMINENCE
from helpers.scorecard.verdict import COEXPRESSION as BEYOND_COEXPRESSION
from helpers.statistics.results import Outcome

NO_CELLS = NotEstimable("no cells given")


def reference_score(
    name: str,
    network: pd.DataFrame,
    universe: Universe | NotEstimable,
    adata: AnnData | None,
    settings: dict,
    rng: np.random.Generator,
    rivals: Mapping[str, EdgeList] | None = None,
) -> ReferenceScore:
    """Return everything about one reference.

    Parameters
    ----------
    name, network, universe, adata
        The reference, its pairs with their scores, and the cells if there are any.
    settings
        Those of `helpers.scorecard.score.score_edges`.
    rng
        Source of permutations and rewired networks.
    rivals
        Further scores to set this one against, on the pairs that all have.
    """
    report = dict(network.attrs.get("report", {"edges": len(network)}))
    if isinstance(universe, NotEstimable):
        return _nothing(name, report, {}, universe)
    pairs, notes = universe.pairs, universe.notes
    known = NO_CELLS if adata is None else covariates(adata, universe)
    genes = universe.genes.to_numpy()
    others = pd.DataFrame(
        {
            k: r.scores_of(genes[pairs.source], genes[pairs.target])[0]
            for k, r in (rivals or {}).items()
        },
        index=range(pairs.n_pairs),
    )
    if isinstance(known, pd.DataFrame):
        notes = notes | {"pairs_without_cells": int(known.isna().any(axis=1).sum())}
        others = known.join(others)
    score = np.where(others.isna().any(axis=1), np.nan, universe.score)
    used = ~np.isnan(score)
    if pairs.label[used].sum() in (0, used.sum()):
        positives = int(pairs.label[used].sum())
        reason = NotEstimable(f"{positives} positives among {used.sum()} pairs in these cells")
        return _nothing(name, report, notes, reason)
    signal = signal_test(pairs, score, rng, settings["permutations"])
    tests = dict.fromkeys(MEANING, signal)
    tests[DEGREE] = rewire(pairs, score, rng, settings["rewired"])
    if isinstance(signal, Outcome):
        tests[ABSENT] = equivalent(pairs, score, signal.detail["null_mean"], settings["margin"])
    model, prominence = _models(pairs, score, known, rng)
    without = isinstance(known, NotEstimable)
    tests |= {PROMINENCE: prominence, BEYOND_COEXPRESSION: known if without else model.outcome}
    profile = auroc_profile(pairs, np.vstack([score, *others.to_numpy().T]))
    auroc, *own = (
        [profile] * (1 + others.shape[1]) if isinstance(profile, NotEstimable) else profile
    )
    baselines = dict.fromkeys((COEXPRESSION, *PRODUCTS), known) if without else {}
    for rival, found in zip(others, own, strict=True):
        baselines[rival] = (found, compare_scores(pairs, score, others[rival].to_numpy()))
    counts = notes | pairs.subset(used, "without_score").counts()
    counts["n_targets"] = int(np.unique(pairs.target[used]).size)
    ranking, model = metrics(pairs, score), _named(model, universe.genes)
    return ReferenceScore(name, report, counts, auroc, baselines, ranking, model, tests)


def _nothing(name: str, report: dict, counts: dict, reason: NotEstimable) -> ReferenceScore:
    none = dict.fromkeys(MEANING, reason)
    return ReferenceScore(name, report, counts, reason, {}, reason, reason, none)


def _models(
    pairs: EvaluationSet,
    score: np.ndarray,
    known: pd.DataFrame | NotEstimable,
    rng: np.random.Generator,
) -> tuple[CrossedModel, Outcome | NotEstimable]:
    """Return the crossed model with all that is known, and the test without co-expression."""
    if isinstance(known, NotEstimable):
        return crossed_model(pairs, score, np.zeros(score.size), {}, rng), known
    products = {name: known[name].to_numpy() for name in PRODUCTS}
    first, *more = PRODUCTS
    others = {name: products[name] for name in more}
    alone = crossed_model(pairs, score, products[first], others, rng)
    return crossed_model(pairs, score, known[COEXPRESSION].to_numpy(), products, rng), alone.outcome


def _named(model: CrossedModel, genes: pd.Index) -> CrossedModel:
    """Return the model with the names of TFs in place of their numbers."""
    if model.per_tf is None:
        return model
    table = model.per_tf.set_axis(genes[model.per_tf.index.to_numpy()]).rename_axis("tf")
    return replace(model, per_tf=table)
