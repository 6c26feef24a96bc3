"""Worlds in which scores and network are unrelated, but as uneven as real ones.

A world without preferred targets cannot show what preferred targets do to a test. Here prominent
genes stay prominent and hubs stay hubs: real scores with relabelled networks, and synthetic worlds
whose degrees are Pareto distributed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from helpers.errors import ParameterError
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.auroc import auroc_many
from helpers.statistics.relabel import relabelling

TAIL = 1.5
"""Shape of the Pareto distribution of degrees: the variance of the degrees is infinite."""


@dataclass(frozen=True)
class PairWorld:
    """Scores of (TF, target) pairs in every way a page scores them, and a network.

    Parameters
    ----------
    name
        Label.
    pairs
        Candidate pairs with labels; all have every score.
    scores
        (n, k) table; the column ``attention`` is the one that claims are about.
    layers
        (L, n) attention by layer.
    features
        Mean, variance and detection of every gene, indexed by gene.
    """

    name: str
    pairs: EvaluationSet
    scores: pd.DataFrame
    layers: np.ndarray
    features: pd.DataFrame


def relabelled(world: PairWorld, rng: np.random.Generator, n_tfs: int | None = None) -> PairWorld:
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
    landed = next(relabelling(pairs.label, pairs.source, pairs.target).draws(rng, 1))
    label = np.zeros(pairs.n_pairs, dtype=bool)
    label[landed] = True
    drawn = replace(world, pairs=replace(pairs, label=label))
    return drawn if n_tfs is None else _some_tfs(drawn, rng, n_tfs)


def _some_tfs(world: PairWorld, rng: np.random.Generator, n_tfs: int) -> PairWorld:
    known = np.unique(world.pairs.source[world.pairs.label])
    if known.size < n_tfs:
        raise ParameterError(f"{world.name}: {known.size} TFs have a positive, not {n_tfs}")
    keep = np.isin(world.pairs.source, rng.choice(known, n_tfs, replace=False))
    return PairWorld(
        world.name,
        world.pairs.subset(keep, "other_tfs"),
        world.scores[keep].reset_index(drop=True),
        world.layers[:, keep],
        world.features,
    )


def pareto_world(
    rng: np.random.Generator,
    shared: float = 0.0,
    n_tfs: int = 80,
    n_genes: int = 300,
    n_positive: int = 400,
    n_layers: int = 4,
) -> PairWorld:
    """Draw a synthetic world: Pareto in- and out-degrees, and attention with target main effects.

    Six tenths of the variance of attention are the target's, a tenth the TF's, as measured on
    pooled attention of the shipped scGPT.

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
        Sizes; TFs are the first genes and may be targets.
    """
    genes = np.array([f"G{i:04d}" for i in range(n_genes)])
    row, column = np.nonzero(~np.eye(n_genes, dtype=bool)[:n_tfs])
    hub = rng.normal(size=n_genes)
    weight = _pareto(hub)[column] * _pareto(rng.normal(size=n_tfs))[row]
    label = np.zeros(row.size, dtype=bool)
    label[rng.choice(row.size, n_positive, replace=False, p=weight / weight.sum())] = True

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
    pairs = EvaluationSet("pareto", genes[row], genes[column], label, "synthetic")
    name = "pareto" if shared == 0 else "pareto, shared hubs"
    return PairWorld(name, pairs, pd.DataFrame(scores), layers, features)


def planted(world: PairWorld, auroc: float) -> PairWorld:
    """Return the world with a shift of the positives' attention that gives it this AUROC.

    Attention is put on the scale of normal ranks before.

    Raises
    ------
    ParameterError
        If attention ranks the positives at least as high without a shift.
    """
    attention = world.scores["attention"].to_numpy()
    normal = stats.norm.ppf((stats.rankdata(attention) - 0.5) / attention.size)
    return replace(world, scores=world.scores.assign(attention=_shifted(normal, world, auroc)))


def _shifted(normal: np.ndarray, world: PairWorld, auroc: float) -> np.ndarray:
    label = world.pairs.label
    low, high = 0.0, 10.0
    if auroc_many(normal, label)[0] >= auroc:
        raise ParameterError(f"{world.name}: attention has an AUROC of {auroc} or more already")
    for _ in range(30):
        middle = (low + high) / 2
        below = auroc_many(normal + middle * label, label)[0] < auroc
        low, high = (middle, high) if below else (low, middle)
    return normal + high * label


def _pareto(normal: np.ndarray) -> np.ndarray:
    """Turn normal values into Pareto ones of the same order."""
    return stats.norm.sf(normal) ** (-1 / TAIL)
