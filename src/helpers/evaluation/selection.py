"""A gain over pooling whose layer and variant are chosen where it is not measured."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.crossed import compare_scores
from helpers.evaluation.stratified import Stratified
from helpers.statistics.auroc import auroc_many
from helpers.statistics.crossed import smallest_effect
from helpers.statistics.permutation import null_outcome
from helpers.statistics.relabel import relabel_null
from helpers.statistics.results import Outcome

MIN_POSITIVES = 10


def nested_gain(
    data: Stratified, rng: np.random.Generator, n_splits: int = 15, level: float = 0.95
) -> Outcome | NotEstimable:
    """Test the gain of CSSI with layer and variant chosen on other TFs and targets, two-sided.

    TFs and targets are cut in halves at random, `n_splits` times. The pairs of one half of both
    choose the layer with the best pooled AUROC, and the layer and variant with the best CSSI
    AUROC; the difference of the two is tested on the pairs of the two other halves with the
    TF x target standard error. The p is twice the median over splits, which holds its level however
    the splits depend on each other; estimate and limits are medians (limits of level
    (1 + level) / 2, which belong to that p).

    Parameters
    ----------
    data
        Scores and labels.
    rng
        Source of the halves.
    n_splits
        Odd number of cuts; with 1 the p is not doubled.
    level
        Coverage of the limits.

    Returns
    -------
    Outcome or NotEstimable
        ``detail["chosen"]`` has the choices of each cut. Cuts in which a block holds no positive,
        or the test block fewer than 5 TFs or targets with one, are drawn again, at most as often
        as there are cuts; if they are still too few, the gain is not estimable.

    Notes
    -----
    Halves of the TFs alone are not enough: a target that many TFs share stands in both.

    References
    ----------
    Meinshausen N, Meier L, Buehlmann P (2009), J Am Stat Assoc 104:1671-1681 (twice the median).
    """
    e = data.evaluation
    if n_splits < 1 or n_splits % 2 == 0:
        raise ParameterError(f"{n_splits} splits; an odd number is needed, so that a median exists")
    if data.strata < 2:
        return NotEstimable("one stratum: CSSI equals pooled, so there is no gain to test")
    if e.n_positive < MIN_POSITIVES:
        return NotEstimable(f"{e.n_positive} positives; at least {MIN_POSITIVES} needed to choose")
    wide = level if n_splits == 1 else (1 + level) / 2
    found, reason = [], NotEstimable("")
    for _ in range(2 * n_splits):
        one = _one_cut(data, rng, wide)
        if isinstance(one, NotEstimable):
            reason = one
        else:
            found.append(one)
        if len(found) == n_splits:
            break
    else:
        return NotEstimable(f"{len(found)} of {2 * n_splits} cuts can be tested: {reason.reason}")
    parts = [(o.p, o.estimate, o.low, o.high, o.detail["se"], o.detail["df"]) for o in found]
    p, estimate, low, high, se, df = np.median(parts, axis=0)
    detail = e.counts() | {"splits": n_splits, "chosen": [o.detail["chosen"] for o in found]}
    detail |= {"n_targets_with_positive": int(np.unique(e.target[e.label]).size)}
    return replace(
        found[0],
        estimate=float(estimate),
        p=min(1.0, (1 if n_splits == 1 else 2) * float(p)),
        low=float(low),
        high=float(high),
        level=level,
        n_units=int(df) + 1,
        test="t, TF x target standard error; twice the median p over cuts into blocks",
        detail=detail | {"se": float(se), "mde": smallest_effect(float(se), float(df), wide)},
    )


def _one_cut(data: Stratified, rng: np.random.Generator, level: float) -> Outcome | NotEstimable:
    """Choose on a random block of TFs and targets and compare on the opposite one."""
    e = data.evaluation
    top, left = (_half(names, e.label, rng) for names in (e.source, e.target))
    train, test = top & left, ~top & ~left
    for name, block in (("chooses", train), ("is tested", test)):
        if e.label[block].all() or not e.label[block].any():
            return NotEstimable(f"the block that {name} lacks positives or negatives")
    names, n_layers = list(data.variants), len(data.pooled)
    candidates = np.concatenate([data.variants[v] for v in names])
    best = int(np.argmax(auroc_many(candidates[:, train], e.label[train])))
    layer = int(np.argmax(auroc_many(data.pooled[:, train], e.label[train])))
    held_out = e.subset(test, "outside_the_test_block")
    found = compare_scores(held_out, candidates[best, test], data.pooled[layer, test], level)
    if isinstance(found, NotEstimable):
        return found
    chosen = {"layer": layer, "variant": names[best // n_layers], "cssi_layer": best % n_layers}
    return replace(found, detail=found.detail | {"chosen": chosen})


def _half(names: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return booleans (n,): whether the gene is in the first half."""
    positive = np.unique(names[label])  # halved apart, so that both halves have some
    parts = (positive, np.setdiff1d(names, positive))
    first = [rng.permutation(part)[: len(part) // 2] for part in parts]
    return np.isin(names, np.concatenate(first))


def selection_optimism(
    data: Stratified, rng: np.random.Generator, n_draws: int = 200
) -> dict[str, float] | NotEstimable:
    """Return the gain of the best variant of a layer when gene labels are permuted.

    Returns
    -------
    dict or NotEstimable
        ``mean`` and ``sd`` of the best-of-variants gain over draws and layers: what choosing on
        the scored data adds without any signal.
    """
    e, names = data.evaluation, list(data.variants)
    stack = np.concatenate([data.pooled, *(data.variants[v] for v in names)])
    null = relabel_null(stack, e.label, e.source, e.target, rng, n_draws)
    if isinstance(null, NotEstimable):
        return null
    draws = null.draws.reshape(len(null.draws), 1 + len(names), len(data.pooled))
    gain = draws[:, 1:].max(axis=1) - draws[:, 0]
    return {"mean": float(gain.mean()), "sd": float(gain.std(ddof=1))}


def random_layer_sets(data: Stratified) -> Outcome | NotEstimable:
    """Test layers chosen on one half of the cells against all sets of as many layers (published).

    Both halves share genes and positives, so this speaks to the noise between cells only. Three
    layers are chosen, or half of them if there are fewer than 6; one-sided. Not estimable with
    fewer than 5 layers.
    """
    n_layers, label = len(data.pooled), data.evaluation.label
    pick = min(3, max(1, n_layers // 2))
    if n_layers < 5:
        return NotEstimable(f"{n_layers} layers make too few sets of {pick} to compare with")
    first, second = (auroc_many(half, label) for half in data.halves)
    best = np.argsort(-first, kind="stable")[:pick]
    every = np.array([second[list(s)].mean() for s in combinations(range(n_layers), pick)])
    return null_outcome(
        float(second[best].mean()),
        every,
        sides="one",
        test="random sets of layers",
        null="layers chosen at random",
        unit="layer",
        n_units=n_layers,
        detail={"layers_chosen": pick, "n_positive": data.evaluation.n_positive},
    )
