"""CSSI on attention: per-layer gains, and choices made where they are not scored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges import aggregate, blend, edge_scores, pool
from helpers.edges.cssi import BLENDS, METHODS
from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.scoring import compare_scores
from helpers.evaluation.sets import EvaluationSet, drop_missing, evaluation_set
from helpers.statistics.auroc import auroc_many
from helpers.statistics.permutation import null_outcome, permutation_null
from helpers.statistics.results import Outcome

MIN_POSITIVES, MIN_TFS = 10, 3
VARIANTS = (*METHODS, *(f"max-blend{alpha:g}" for alpha in BLENDS))


@dataclass(frozen=True)
class Stratified:
    """Pooled and stratified attention on the pairs of a universe.

    Parameters
    ----------
    name
        Label.
    evaluation
        Pairs that have every score.
    pooled
        (L, n) pooled over all cells, heads averaged.
    variants
        Variant -> (L, n).
    halves
        Two arrays (L, n): pooled over each half of the cells.
    strata
        Number of strata.
    """

    name: str
    evaluation: EvaluationSet
    pooled: np.ndarray
    variants: dict[str, np.ndarray]
    halves: tuple[np.ndarray, np.ndarray]
    strata: int


def stratified(
    name: str,
    sums: xr.Dataset,
    sizes: dict[str, int],
    reference: pd.DataFrame,
    min_count: int = 20,
) -> Stratified:
    """Score pairs in each stratum and over all, with every CSSI variant.

    Parameters
    ----------
    name
        Label.
    sums
        Attention sums with strata ``"NAME|A"`` and ``"NAME|B"``, or plain names, of which every
        other one then makes a half.
    sizes
        Cells per stratum name: the weights of the means.
    reference
        Curated edges.
    min_count
        Fewest cells that hold both genes, in a stratum and in a half.

    Raises
    ------
    DataError
        If there is no positive or no negative among the scored pairs.
    """
    names = sums["stratum"].values.astype(str)
    bare = np.array([n.rpartition("|")[0] or n for n in names])
    if all("|" in n for n in names):
        half_a = np.array([n.endswith("|A") for n in names])
    else:
        half_a = np.arange(len(names)) % 2 == 0
    base = sums[["sum", "count"]]

    def score(rows: np.ndarray) -> xr.DataArray:
        return pool(
            edge_scores(base.isel(stratum=rows).sum("stratum"), min_count=min_count), ("head",)
        )

    found, kinds = [], list(dict.fromkeys(bare))
    for kind in kinds:
        try:
            found.append(score(np.flatnonzero(bare == kind)))
        except DataError:  # no pair has enough cells in this stratum
            found.append(None)
    pooled = score(np.arange(len(names))).drop_vars("count")
    kept_kinds = [kind for kind, part in zip(kinds, found, strict=True) if part is not None]
    if not kept_kinds:
        raise DataError(f"{name}: no stratum has {min_count} cells for any pair")
    strata = xr.concat(
        [part.drop_vars("count") for part in found if part is not None], dim="stratum"
    )
    weights = np.array([sizes[kind] for kind in kept_kinds])
    variants = {m: aggregate(strata, pooled, weights, m) for m in METHODS}
    variants |= {f"max-blend{a:g}": blend(pooled, variants["max"], a) for a in BLENDS}
    halves = [score(np.flatnonzero(half_a)), score(np.flatnonzero(~half_a))]
    universe = evaluation_set(
        reference,
        [str(g) for g in pooled["target"].values],
        tfs=[str(g) for g in pooled["source"].values],
        name=name,
    )
    every = [pooled, *variants.values(), *halves]
    stacked = np.stack([universe.scores_from(scores) for scores in every])
    kept, _ = drop_missing(universe, stacked.reshape(-1, universe.n_pairs))
    if kept.n_positive in (0, kept.n_pairs):
        raise DataError(f"{name}: {kept.n_positive} positives among {kept.n_pairs} scored pairs")
    values = [kept.scores_from(scores) for scores in every]
    return Stratified(
        name,
        kept,
        values[0],
        dict(zip(variants, values[1 : 1 + len(variants)], strict=True)),
        (values[-2], values[-1]),
        len(kept_kinds),
    )


def layer_table(data: Stratified) -> pd.DataFrame:
    """Return pooled AUROC, best variant on the same data (published choice), and its gain."""
    label = data.evaluation.label
    pooled = auroc_many(data.pooled, label)
    each = pd.DataFrame({v: auroc_many(s, label) for v, s in data.variants.items()})
    table = pd.DataFrame(
        {"pooled": pooled, "best_variant": each.idxmax(axis=1), "cssi": each.max(axis=1)},
        index=pd.Index(range(len(pooled)), name="layer"),
    )
    table["gain"] = table["cssi"] - table["pooled"]
    table["max"] = each["max"]
    return table.assign(positives=data.evaluation.n_positive)


def _few(evaluation: EvaluationSet) -> NotEstimable | None:
    if evaluation.n_tfs_with_positive < MIN_TFS or evaluation.n_positive < MIN_POSITIVES:
        return NotEstimable(
            f"{evaluation.n_positive} positives of {evaluation.n_tfs_with_positive} TFs; at least "
            f"{MIN_POSITIVES} of {MIN_TFS} needed to choose a layer"
        )
    return None


def nested_gain(
    data: Stratified, rng: np.random.Generator, n_boot: int = 1000, n_splits: int = 15
) -> Outcome | NotEstimable:
    """Test the gain of CSSI with layer and variant chosen on other TFs, two-sided (11.13).

    In each of `n_splits` random halvings of the TFs, one half chooses the layer with the best
    pooled AUROC, and the layer and variant with the best CSSI AUROC; the difference of the two
    AUROCs on the other half is tested by a paired TF-cluster bootstrap. The p of the test is twice
    the median over splits, which holds its level however the splits depend on each other; estimate
    and limits are medians over splits (limits of 97.5 % intervals, which belong to that p).

    Parameters
    ----------
    data
        Scores and labels.
    rng, n_boot
        Generator, and resamples per split.
    n_splits
        Odd number of halvings; 1 = a single split, whose p is not doubled.

    Returns
    -------
    Outcome or NotEstimable
        ``detail["chosen"]`` has the choices of each split.

    Notes
    -----
    Not folds: with five folds, each of which chooses on TFs that other folds score, one bootstrap
    over all TFs rejected a true null in 13.5 % of 200 draws.

    References
    ----------
    Meinshausen N, Meier L, Buehlmann P (2009), J Am Stat Assoc 104:1671-1681 (twice the median).
    """
    e = data.evaluation
    if n_splits < 1 or n_splits % 2 == 0:
        raise ParameterError(f"{n_splits} splits; an odd number is needed, so that a median exists")
    if data.strata < 2:
        return NotEstimable("one stratum: CSSI equals pooled, so there is no gain to test")
    if (reason := _few(e)) is not None:
        return reason
    found, chosen = [], []
    for _ in range(n_splits):
        one = _one_split(data, rng, n_boot, 0.95 if n_splits == 1 else 0.975)
        if isinstance(one, NotEstimable):
            return one
        found.append(one)
        chosen.append(one.detail["chosen"])
    p, estimate, low, high = np.median([(o.p, o.estimate, o.low, o.high) for o in found], axis=0)
    doubled = 1 if n_splits == 1 else 2
    return replace(
        found[0],
        estimate=float(estimate),
        p=min(1.0, doubled * float(p)),
        p_floor=min(1.0, doubled * found[0].p_floor),
        low=float(low),
        high=float(high),
        level=0.95,
        test="paired TF-cluster bootstrap, twice the median p over halvings of the TFs",
        draws=None,
        detail={"chosen": chosen, "splits": n_splits} | e.counts(),
    )


def _one_split(
    data: Stratified, rng: np.random.Generator, n_boot: int, level: float
) -> Outcome | NotEstimable:
    """Choose on a random half of the TFs and compare on the other."""
    e = data.evaluation
    with_positive = np.unique(e.source[e.label])
    others = np.setdiff1d(e.tfs, with_positive)
    # each kind of TF is halved, so that both halves have positives
    chooses = [rng.permutation(part)[: len(part) // 2] for part in (with_positive, others)]
    train = np.isin(e.source, np.concatenate(chooses))
    names, n_layers = list(data.variants), len(data.pooled)
    candidates = np.concatenate([data.variants[v] for v in names])
    if e.label[train].all():
        return NotEstimable("the TFs that choose have no negative pair")
    best = int(np.argmax(auroc_many(candidates[:, train], e.label[train])))
    layer = int(np.argmax(auroc_many(data.pooled[:, train], e.label[train])))
    held_out = e.subset(~train, "chose_layer_and_variant")
    found = compare_scores(
        held_out, candidates[best, ~train], data.pooled[layer, ~train], rng, n_boot, level
    )
    if isinstance(found, NotEstimable):
        return found
    chosen = {"layer": layer, "variant": names[best // n_layers], "cssi_layer": best % n_layers}
    return replace(found, detail=found.detail | {"chosen": chosen})


def selection_optimism(data: Stratified, rng: np.random.Generator, n_draws: int = 200) -> dict:
    """Return the gain of the best variant of a layer when labels are permuted within TF.

    Returns
    -------
    dict
        ``mean`` and ``sd`` of the best-of-variants gain over draws and layers: what choosing on
        the scored data adds without any signal. Empty if nothing can be permuted.
    """
    names = list(data.variants)
    stack = np.concatenate([data.pooled, *(data.variants[v] for v in names)])
    null = permutation_null(stack, data.evaluation.label, rng, n_draws, data.evaluation.source)
    if isinstance(null, NotEstimable):
        return {}
    n_layers = len(data.pooled)
    draws = null.draws.reshape(n_draws, 1 + len(names), n_layers)
    gain = draws[:, 1:].max(axis=1) - draws[:, 0]
    return {"mean": float(gain.mean()), "sd": float(gain.std(ddof=1))}


def held_out_layers(
    data: Stratified, rng: np.random.Generator, n_perm: int = 1000
) -> tuple[Outcome | NotEstimable, Outcome | NotEstimable]:
    """Test the AUROC, on one half of the cells, of layers chosen on the other (11.14).

    Returns
    -------
    (corrected, published)
        Corrected: targets permuted within TF, with the choice repeated in each draw. Published:
        against all sets of as many layers, which varies layers only; not estimable with fewer than
        5 layers. Both one-sided. Three layers are chosen, or half of them if there are fewer
        than 6.
    """
    e = data.evaluation
    if (reason := _few(e)) is not None:
        return reason, reason
    n_layers = len(data.pooled)
    pick = min(3, max(1, n_layers // 2))
    if n_layers < 2:
        reason = NotEstimable("one layer: nothing to choose")
        return reason, reason
    null = permutation_null(np.concatenate(data.halves), e.label, rng, n_perm, e.source)
    if isinstance(null, NotEstimable):
        return null, null

    def chosen_mean(values: np.ndarray) -> np.ndarray:
        first, second = values[:, :n_layers], values[:, n_layers:]
        best = np.argsort(-first, axis=1, kind="stable")[:, :pick]
        return np.take_along_axis(second, best, axis=1).mean(axis=1)

    observed = float(chosen_mean(null.observed[None])[0])
    detail = {"layers_chosen": pick, "n_positive": e.n_positive}
    corrected = null_outcome(
        observed,
        chosen_mean(null.draws),
        sides="one",
        test="permutation with the choice repeated",
        null="targets permuted within TF",
        unit="TF",
        n_units=e.n_tfs_with_positive,
        detail=detail,
    )
    if n_layers < 5:
        return corrected, NotEstimable(
            f"{n_layers} layers make too few sets of {pick} to compare with"
        )
    second = null.observed[n_layers:]
    every = np.array([second[list(s)].mean() for s in combinations(range(n_layers), pick)])
    published = null_outcome(
        observed,
        every,
        sides="one",
        test="random sets of layers",
        null="layers chosen at random",
        unit="layer",
        n_units=n_layers,
        detail=detail,
    )
    return corrected, published
