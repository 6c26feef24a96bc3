"""Worlds in which scores and network are unrelated, but as uneven as real ones.

A world without preferred targets cannot show what preferred targets do to a test. Here prominent
genes stay prominent and hubs stay hubs: real scores with relabelled networks, and synthetic worlds
whose degrees are Pareto distributed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import optimize, stats

from helpers.errors import ParameterError
from helpers.evaluation.pair_scores import PairScores
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.auroc import auroc_many
from helpers.statistics.relabel import relabelling

TAIL = 1.5
"""Shape of the Pareto distribution of degrees: the variance of the degrees is infinite."""


def relabelled(world: PairScores, rng: np.random.Generator, n_tfs: int | None = None) -> PairScores:
    """Return the world with the genes of its network permuted; scores and features stay.

    Parameters
    ----------
    world
        Scores, and the network whose degrees are kept.
    rng
        Source of the permutation: TFs among TFs, other genes among other genes.
    n_tfs
        Keep that many randomly chosen TFs of those with a positive, and their pairs.
    """
    pairs = world.pairs
    landed = next(
        relabelling(pairs.label, pairs.source, pairs.target, tfs=pairs.regulators).draws(rng, 1)
    )
    label = np.zeros(pairs.n_pairs, dtype=bool)
    label[landed] = True
    drawn = replace(world, pairs=replace(pairs, label=label))
    return drawn if n_tfs is None else _some_tfs(drawn, rng, n_tfs)


def _some_tfs(world: PairScores, rng: np.random.Generator, n_tfs: int) -> PairScores:
    known = np.unique(world.pairs.source[world.pairs.label])
    if known.size < n_tfs:
        raise ParameterError(f"{world.name}: {known.size} TFs have a positive, not {n_tfs}")
    keep = np.isin(world.pairs.source, rng.choice(known, n_tfs, replace=False))
    return world.subset(keep, "other_tfs")


def pareto_world(
    rng: np.random.Generator,
    shared: float = 0.0,
    n_tfs: int = 80,
    n_genes: int = 300,
    n_positive: int = 400,
    n_layers: int = 4,
) -> PairScores:
    """Draw a synthetic world: Pareto in- and out-degrees, and attention with target main effects.

    An edge has odds that are a product of a TF's and a target's weight, so that nothing but degrees
    shapes the network: given the degrees, every network is equally likely. Six tenths of the
    variance of attention are the target's, a tenth the TF's, as measured on pooled attention of
    the shipped scGPT.

    Parameters
    ----------
    rng
        Source of everything.
    shared
        Rank correlation between how often the network names a target and how much attention
        prefers it. With 0 nothing is shared; above, hubs of the network are prominent in attention
        and no pair carries a signal: then only tests that keep the degrees, and comparisons of
        scores that share the hubs alike, have a true null.
    n_tfs, n_genes, n_positive, n_layers
        Sizes, the positives in expectation; TFs are the first genes and may be targets.
    """
    genes = np.array([f"G{i:04d}" for i in range(n_genes)])
    row, column = np.nonzero(~np.eye(n_genes, dtype=bool)[:n_tfs])
    hub = rng.normal(size=n_genes)
    weight = _pareto(hub)[column] * _pareto(rng.normal(size=n_tfs))[row]
    label = rng.random(row.size) < _probability(weight, n_positive)

    def like_hubs() -> np.ndarray:
        return shared * hub + np.sqrt(1 - shared**2) * rng.normal(size=n_genes)

    def one_layer(common: np.ndarray) -> np.ndarray:
        own = 0.5 * like_hubs()[column] + 0.5 * rng.normal(size=n_tfs)[row]
        return common + own + 0.5 * rng.normal(size=row.size)

    pair_noise = np.sqrt(0.3) * rng.normal(size=row.size)
    common = np.sqrt(0.6) * like_hubs()[column] + np.sqrt(0.1) * rng.normal(size=n_tfs)[row]
    layers = np.stack([one_layer(common + pair_noise) for _ in range(n_layers)])
    level = np.exp(like_hubs())
    features = pd.DataFrame(
        {
            "mean": level,
            "variance": level * np.exp(0.5 * rng.normal(size=n_genes)),
            "detection": level / (1 + level),
        },
        index=pd.Index(genes, name="gene"),
    )
    scores = {"attention": layers.mean(axis=0)}
    for name, values in features.items():
        scores[f"{name} product"] = values.to_numpy()[row] * values.to_numpy()[column]
    both = np.log(scores["detection product"])
    scores["attention sum"] = scores["attention"] + both
    scores["co-expression"] = np.abs(
        like_hubs()[row] * like_hubs()[column] + rng.normal(size=row.size)
    )
    scores["attention marginals"] = common + 0.1 * rng.normal(size=row.size)
    pairs = EvaluationSet(
        "pareto", genes[row], genes[column], label, "synthetic", regulators=genes[:n_tfs]
    )
    name = "pareto" if shared == 0 else "pareto, shared hubs"
    return PairScores(name, pairs, pd.DataFrame(scores), layers, layers, features)


def planted(world: PairScores, shift: float) -> PairScores:
    """Return the world with `shift` added to the positives' attention, in SDs of its normal ranks.

    See :func:`shift_for` for the shift that gives an AUROC; every pair needs a score.
    """
    attention = world.score("attention")
    normal = stats.norm.ppf((stats.rankdata(attention) - 0.5) / attention.size)
    return replace(world, scores=world.scores.assign(attention=normal + shift * world.pairs.label))


def shift_for(
    world: PairScores, auroc: float, rng: np.random.Generator, n_draws: int = 20
) -> float:
    """Return the shift that brings the mean AUROC over relabelled worlds to `auroc`.

    Raises
    ------
    ParameterError
        If the mean is as large without a shift.
    """
    drawn = [relabelled(world, rng) for _ in range(n_draws)]

    def mean(shift: float) -> float:
        moved = (planted(one, shift) for one in drawn)
        return float(np.mean([auroc_many(m.score("attention"), m.pairs.label)[0] for m in moved]))

    if mean(0.0) >= auroc:
        raise ParameterError(f"{world.name}: the mean AUROC is {auroc} or more without a shift")
    return float(optimize.brentq(lambda shift: mean(shift) - auroc, 0.0, 10.0, xtol=1e-3))


def numbered(world: PairScores) -> PairScores:
    """Return the world with numbers for gene names, which sort many times faster than text."""
    pairs = world.pairs
    names = pd.Index(world.features.index)
    known = None if pairs.regulators is None else names.get_indexer(pairs.regulators)
    codes = {"source": names.get_indexer(pairs.source), "target": names.get_indexer(pairs.target)}
    features = world.features.set_axis(np.arange(len(names)))
    return replace(world, pairs=replace(pairs, **codes, regulators=known), features=features)


def _probability(weight: np.ndarray, expected: float) -> np.ndarray:
    """Return c w / (1 + c w) with the c that makes the sum `expected`."""

    def excess(log_c: float) -> float:
        return float((1 / (1 + np.exp(-log_c) / weight)).sum() - expected)

    return 1 / (1 + np.exp(-optimize.brentq(excess, -40, 40)) / weight)


def _pareto(normal: np.ndarray) -> np.ndarray:
    """Turn normal values into Pareto ones of the same order."""
    return stats.norm.sf(normal) ** (-1 / TAIL)
