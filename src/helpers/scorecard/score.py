"""Score an edge list against references: composition of the estimators, nothing of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets.own_network import networks
from helpers.errors import ParameterError
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
from helpers.scorecard.covariates import COEXPRESSION, PRODUCTS, cells_of, covariates
from helpers.scorecard.edge_list import EdgeList, read_edges, said
from helpers.scorecard.results import ReferenceScore, Scorecard
from helpers.scorecard.universe import Universe, universe_of
from helpers.scorecard.verdict import ABSENT, DEGREE, MEANING, PROMINENCE
from helpers.scorecard.verdict import COEXPRESSION as BEYOND_COEXPRESSION
from helpers.statistics.results import Outcome

NO_CELLS = NotEstimable("no cells given")


def score_edges(
    edges: str | Path | pd.DataFrame,
    cells: AnnData | str | Path | None = None,
    references: Sequence[str] | Mapping[str, pd.DataFrame] = ("trrust",),
    *,
    name: str | None = None,
    direction: str = "forward",
    signed: bool = False,
    listed_only: bool = False,
    organism: str = "human",
    margin: float = 0.05,
    alpha: float = 0.05,
    n_cells: int = 2000,
    permutations: int = 1999,
    rewired: int = 999,
    seed: int = 0,
) -> Scorecard:
    """Score an edge list, or a matrix, against reference networks.

    Parameters
    ----------
    edges
        Table or file with columns source, target and score under any usual name, or genes by
        genes; see `helpers.scorecard.edge_list.read_edges`.
    cells
        Counts of the cells behind the edges: a file, a registered set or an AnnData. Without them
        what needs expression is not estimable.
    references
        Registered names and files of edges, or name -> table.
    name
        What to call the edge list.
    direction
        ``"forward"``: source, or row, is the regulator; ``"transpose"``: it is the target.
    signed
        Rank negative scores below zero, not by their size.
    listed_only
        Leave out pairs that the list does not hold, instead of ranking them last.
    organism
        ``human`` or ``mouse``, of references and cells.
    margin, alpha
        Half width of "absent", in AUROC, and level of the verdict, family-wise over all tests.
    n_cells
        Most cells to use, drawn at random.
    permutations, rewired, seed
        Draws of permuted labels and of rewired networks, and the seed of everything random.

    Returns
    -------
    Scorecard
        ``.verdicts`` in words, ``.table`` of numbers.

    Raises
    ------
    DataError, ParameterError
        If edges, cells or references cannot be read, or a setting is out of range.

    Examples
    --------
    >>> from helpers import score_edges
    >>> rng = np.random.default_rng(0)
    >>> genes = [f"G{i}" for i in range(40)]
    >>> network = pd.DataFrame({"source": np.repeat(genes[:10], 4), "target": genes[::-1][:40]})
    >>> truth = set(zip(network["source"], network["target"]))
    >>> pairs = [(a, b) for a in genes[:10] for b in genes if a != b]
    >>> table = pd.DataFrame(pairs, columns=["TF", "target"])
    >>> table["importance"] = [rng.normal(4 * (pair in truth)) for pair in pairs]
    >>> card = score_edges(table, references={"mine": network}, signed=True)
    >>> print(card.verdicts["mine"].split(".")[0])
    Above chance, beyond degree
    """
    settings = _settings(margin, alpha, n_cells, permutations, rewired, seed)
    settings |= {"organism": organism, "listed_only": listed_only}
    listed = read_edges(edges, name, direction, signed)
    adata = None if cells is None else cells_of(cells, n_cells, seed, organism)
    found = networks(references, organism)
    scored = []
    for k, (short, network) in enumerate(found.items()):
        universe = universe_of(listed, network, short, listed_only)
        rng = np.random.default_rng([seed, k])
        scored.append(_reference(short, network, universe, adata, settings, rng))
    about = None if adata is None else {"cells": int(adata.n_obs), "genes": int(adata.n_vars)}
    if about is not None and isinstance(cells, (str, Path)):
        about["name"] = Path(cells).name
    return Scorecard(listed.name, _plain(listed), about, settings, tuple(scored))


def _settings(margin, alpha, n_cells, permutations, rewired, seed) -> dict:
    limits = {
        "margin": (margin, 0.001, 0.4),
        "alpha": (alpha, 0.0001, 0.2),
        "n_cells": (n_cells, 10, 10**7),
        "permutations": (permutations, 99, 10**6),
        "rewired": (rewired, 99, 10**6),
        "seed": (seed, 0, 2**31 - 1),
    }
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise ParameterError(f"{name} is {value}; {low} to {high} expected")
    return {name: value for name, (value, _, _) in limits.items()}


def _plain(listed: EdgeList) -> dict:
    return listed.report | {"notes": list(said(listed.report))}


def _reference(
    name: str,
    network: pd.DataFrame,
    universe: Universe | NotEstimable,
    adata: AnnData | None,
    settings: dict,
    rng: np.random.Generator,
) -> ReferenceScore:
    report = dict(network.attrs.get("report", {"edges": len(network)}))
    if isinstance(universe, NotEstimable):
        none = dict.fromkeys(MEANING, universe)
        return ReferenceScore(name, report, {}, universe, {}, universe, universe, none)
    known = NO_CELLS if adata is None else covariates(adata, universe)
    pairs, score = universe.pairs, universe.score
    if isinstance(known, pd.DataFrame):
        lacking = known.isna().any(axis=1).to_numpy()
        score = np.where(lacking, np.nan, score)
        universe.notes["pairs_without_cells"] = int(lacking.sum())
    used = ~np.isnan(score)
    if pairs.label[used].sum() in (0, used.sum()):
        reason = NotEstimable(f"{name}: {int(pairs.label[used].sum())} positives in these cells")
        none = dict.fromkeys(MEANING, reason)
        return ReferenceScore(name, report, universe.notes, reason, {}, reason, reason, none)
    signal = signal_test(pairs, score, rng, settings["permutations"])
    tests = dict.fromkeys(MEANING, signal)
    tests[DEGREE] = rewire(pairs, score, rng, settings["rewired"])
    if isinstance(signal, Outcome):
        tests[ABSENT] = equivalent(pairs, score, signal.detail["null_mean"], settings["margin"])
    rivals, model = _with_cells(pairs, score, known, rng, tests)
    auroc, *others = _profile(pairs, score, known)
    baselines = {rival: (own, rivals[rival]) for rival, own in zip(rivals, others, strict=True)}
    if not rivals:
        baselines = dict.fromkeys((COEXPRESSION, *PRODUCTS), known)
    counts = universe.notes | pairs.subset(used, "without_score").counts()
    counts["n_targets"] = int(np.unique(pairs.target[used]).size)
    ranking = metrics(pairs, score)
    model = _named(model, universe.genes)
    return ReferenceScore(name, report, counts, auroc, baselines, ranking, model, tests)


def _profile(pairs, score, known) -> list:
    rivals = known.to_numpy().T if isinstance(known, pd.DataFrame) else np.empty((0, score.size))
    found = auroc_profile(pairs, np.vstack([score, *rivals]))
    return [found] * (1 + len(rivals)) if isinstance(found, NotEstimable) else found


def _with_cells(pairs, score, known, rng, tests) -> tuple[dict, CrossedModel]:
    """Fill in the tests that need cells; return the comparisons with rivals, and the model."""
    if isinstance(known, NotEstimable):
        tests[PROMINENCE] = tests[BEYOND_COEXPRESSION] = known
        return {}, crossed_model(pairs, score, np.zeros(score.size), {}, rng)
    first, *products = (known[name].to_numpy() for name in known)
    held = dict(zip(PRODUCTS, products, strict=True))
    alone = dict(list(held.items())[1:])
    tests[PROMINENCE] = crossed_model(pairs, score, products[0], alone, rng).outcome
    model = crossed_model(pairs, score, first, held, rng)
    tests[BEYOND_COEXPRESSION] = model.outcome
    return {name: compare_scores(pairs, score, known[name].to_numpy()) for name in known}, model


def _named(model: CrossedModel, genes: pd.Index) -> CrossedModel:
    """Return the model with the names of TFs in place of their numbers."""
    if model.per_tf is None:
        return model
    table = model.per_tf.set_axis(genes[model.per_tf.index.to_numpy()]).rename_axis("tf")
    return replace(model, per_tf=table)
