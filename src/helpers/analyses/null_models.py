"""Is attention's AUROC explained by gene prominence? Scores, tests and nulls of one attention."""

from __future__ import annotations

from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges import correlation_edges, edge_scores, expression, pool
from helpers.errors import DataError
from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation import nulls
from helpers.evaluation.gene_level import gene_features, gene_level_scores
from helpers.evaluation.matched import (
    MatchedSets,
    compare_matched,
    matched_auroc,
    matched_negatives,
    matched_test,
    within_set_auroc,
)
from helpers.evaluation.matched_window import window_negatives
from helpers.evaluation.scoring import auroc_profile, compare_scores
from helpers.evaluation.sets import EvaluationSet, drop_missing, evaluation_set, random_pair_set
from helpers.statistics.auroc import auroc
from helpers.statistics.jackknife import LeaveOneOut
from helpers.statistics.maxstat import MaxStatistic
from helpers.statistics.results import Outcome

TESTS = tuple(f"12.{i}" for i in range(1, 11))
PRODUCTS = ("detection product", "mean product", "variance product")
MARGINALS = "attention marginals"


@dataclass(frozen=True)
class Scored:
    """Attention of one model or world, and what else could rank the same pairs.

    Parameters
    ----------
    name
        Label: ``"scgpt/baron/trrust"``.
    evaluation
        Candidate pairs that have every score.
    scores
        (n, k) table of scores: ``attention``, ``attention sum``, products, targets, ``count``,
        ``attention marginals``, ``co-expression``, ``likeness`` (minus the difference of means).
    layers
        (L, n) averaged attention per layer, heads pooled.
    heads
        (L * H, n) per head, and their names.
    head_names
        ``"L0H0"`` and so on.
    features
        Mean, variance and detection rate per gene.
    notes
        Counts of pairs left out.
    """

    name: str
    evaluation: EvaluationSet
    scores: pd.DataFrame
    layers: np.ndarray
    heads: np.ndarray
    head_names: tuple[str, ...]
    features: pd.DataFrame
    notes: dict


def scored(
    name: str,
    sums: xr.Dataset,
    adata: ad.AnnData,
    reference: pd.DataFrame,
    min_count: int = 20,
) -> Scored:
    """Score every candidate pair in every way, leaving out pairs that lack a score.

    Parameters
    ----------
    name
        Label.
    sums
        Attention sums; strata are added up. Row = source = query.
    adata
        The cells that produced them.
    reference
        Curated edges.
    min_count
        Fewest cells that must hold both genes; pairs below are excluded, never scored 0.

    Raises
    ------
    DataError
        If no positive or no negative is left.
    """
    sums = sums[["sum", "count"]]
    sums = sums.sum("stratum") if "stratum" in sums.dims else sums
    lognorm = expression(adata, None, "lognorm")
    features = gene_features(lognorm.values, [str(g) for g in lognorm.genes])
    genes = [str(g) for g in sums["target"].values if g in features.index]
    rows = [str(g) for g in sums["source"].values if g in features.index]
    sums = sums.sel(source=rows, target=genes)
    mean = edge_scores(sums, min_count=min_count)
    total = pool(edge_scores(sums, normalisation="sum", min_count=min_count))
    universe = evaluation_set(reference, genes, tfs=rows, name=name)
    kept, _ = drop_missing(universe, universe.scores_from(pool(mean)))
    if kept.n_positive in (0, kept.n_pairs):
        raise DataError(f"{name}: {kept.n_positive} positives among {kept.n_pairs} scored pairs")
    scores = gene_level_scores(kept, features, pool(mean), sums["count"])
    scores.insert(0, "attention", kept.scores_from(pool(mean)))
    scores.insert(1, "attention sum", kept.scores_from(total))
    level = features["mean"]
    scores["co-expression"] = kept.scores_from(abs(correlation_edges(adata, "spearman")))
    scores["likeness"] = -np.abs(
        kept.gene_scores(level, "source") - kept.gene_scores(level, "target")
    )
    # a gene that two ends share no cell with has no marginal
    kept, values = drop_missing(kept, scores.to_numpy().T)
    heads = kept.scores_from(mean)
    names = tuple(f"L{i}H{j}" for i in range(heads.shape[0]) for j in range(heads.shape[1]))
    return Scored(
        name,
        kept,
        pd.DataFrame(values.T, columns=scores.columns),
        kept.scores_from(pool(mean, ("head",))),
        heads.reshape(-1, kept.n_pairs),
        names,
        features,
        universe.counts() | {"scored_pairs": kept.n_pairs},
    )


def matched_sets(data: Scored) -> MatchedSets | NotEstimable:
    """Return the expression-matched negatives of a universe."""
    return matched_negatives(data.evaluation, data.features)


def battery(
    data: Scored,
    rng: np.random.Generator,
    *,
    n_perm: int = 1000,
    n_boot: int = 1000,
    n_rewire: int = 500,
) -> dict[str, Outcome | NotEstimable]:
    """Make the ten confirmatory tests of the page.

    Parameters
    ----------
    data
        Scores and labels.
    rng
        Generator; the same state gives the same outcomes.
    n_perm, n_boot, n_rewire
        Permutations and sign flips; TF-cluster resamples; rewired networks.

    Returns
    -------
    dict
        ``"12.1"`` to ``"12.10"``; see the specification of the page in its registry rows.
    """
    e, s = data.evaluation, data.scores
    attention = s["attention"].to_numpy()
    found: dict[str, Outcome | NotEstimable] = {
        "12.1": nulls.permute_within_tf(e, attention, rng, n_perm)
    }
    for number, product in zip(("12.2", "12.3", "12.4"), PRODUCTS, strict=True):
        found[number] = compare_scores(e, attention, s[product].to_numpy(), rng, n_boot)
    found["12.5"] = nulls.rewire(e, attention, rng, n_rewire)
    matched = matched_sets(data)
    if isinstance(matched, NotEstimable):
        found |= dict.fromkeys(("12.6", "12.7", "12.8"), matched)
    else:
        found["12.6"] = matched_test(matched, attention)
        for number, other in (("12.7", "mean product"), ("12.8", MARGINALS)):
            found[number] = compare_matched(matched, attention, s[other].to_numpy())
    found["12.9"] = nulls.flatness(e, data.layers, rng, n_boot)
    found["12.10"] = compare_scores(e, s["attention sum"].to_numpy(), attention, rng, n_boot)
    return found


def one_tf(data: Scored) -> LeaveOneOut | NotEstimable:
    """Return the AUROC of attention without each TF in turn (12.11)."""
    return nulls.leave_one_tf_out(data.evaluation, data.scores["attention"].to_numpy())


def levels(data: Scored, rng: np.random.Generator, n_boot: int = 1000) -> pd.DataFrame:
    """Return the AUROC of every score with common TF-cluster intervals and DeLong half-widths.

    Returns
    -------
    DataFrame
        Indexed by score: ``auroc, low, high, positives, tfs``; limits are missing with fewer than
        5 TFs that have a positive.
    """
    estimates = auroc_profile(data.evaluation, data.scores.to_numpy().T, rng, n_boot)
    if isinstance(estimates, NotEstimable):
        raise DataError(f"{data.name}: {estimates}")
    return _table(estimates, data.scores.columns, "score")


def layer_profile(data: Scored, rng: np.random.Generator, n_boot: int = 1000) -> pd.DataFrame:
    """Return the AUROC of averaged attention per layer with common TF-cluster intervals."""
    estimates = auroc_profile(data.evaluation, data.layers, rng, n_boot)
    if isinstance(estimates, NotEstimable):
        raise DataError(f"{data.name}: {estimates}")
    return _table(estimates, [f"L{i}" for i in range(len(data.layers))], "layer")


def _table(estimates: list[Estimate], names, title: str) -> pd.DataFrame:
    rows = [
        (e.value, e.low, e.high, e.detail["n_positive"], e.detail["n_tfs_with_positive"])
        for e in estimates
    ]
    table = pd.DataFrame(rows, columns=["auroc", "low", "high", "positives", "tfs"], index=names)
    return table.rename_axis(title)


def null_table(
    data: Scored, rng: np.random.Generator, n_perm: int = 1000, n_rewire: int = 500
) -> pd.DataFrame:
    """Test attention and its rivals against every permutation null.

    Returns
    -------
    DataFrame
        ``score, null, auroc, null_mean, z, p, p_floor, beyond, unchanged, distance, reason``;
        ``beyond`` = AUROC - null mean; ``unchanged`` and ``distance`` (share of rewired networks
        that equal the observed one, mean Jaccard distance) prove that the rewiring mixed.
    """
    e, rows = data.evaluation, []
    names = ["attention", "attention sum", "co-expression", "likeness"]
    rewired = nulls.rewire_many(e, data.scores[names].to_numpy().T, rng, n_rewire)
    covariates = data.features[["mean", "detection"]]
    for k, name in enumerate(names):
        values = data.scores[name].to_numpy()
        outcomes = {
            "random edge sets": nulls.permute_edges(e, values, rng, n_perm),
            "within TF": nulls.permute_within_tf(e, values, rng, n_perm),
            "same degrees": rewired if isinstance(rewired, NotEstimable) else rewired[k],
            "matched genes": nulls.permute_matched(e, values, covariates, rng, n_perm),
        }
        rows += [_null_row(name, null, outcome) for null, outcome in outcomes.items()]
    return pd.DataFrame(rows)


def _null_row(score: str, null: str, outcome: Outcome | NotEstimable) -> dict:
    row: dict = {"score": score, "null": null}
    if isinstance(outcome, NotEstimable):
        return row | {"reason": outcome.reason}
    parts = nulls.decompose(outcome)
    return row | {
        "auroc": outcome.estimate,
        "null_mean": outcome.detail["null_mean"],
        "z": outcome.detail.get("z"),
        "p": outcome.p,
        "p_floor": outcome.p_floor,
        "beyond": parts["beyond"],
        "unchanged": outcome.detail.get("share_unchanged"),
        "distance": outcome.detail.get("mean_jaccard_distance"),
        "reason": "",
    }


def best_head(
    data: Scored, rng: np.random.Generator, n_perm: int = 1000
) -> tuple[MaxStatistic, str, float] | NotEstimable:
    """Return the max-statistic test of the heads, the name of the best, and its AUROC."""
    result = nulls.best_of(data.evaluation, data.heads, rng, n_perm)
    if isinstance(result, NotEstimable):
        return result
    value = auroc(data.heads[result.best], data.evaluation.label)
    return result, data.head_names[result.best], value.value


def matched_table(data: Scored) -> pd.DataFrame | NotEstimable:
    """Return the within-set AUROC of attention and its rivals, with TF x target intervals."""
    matched = matched_sets(data)
    if isinstance(matched, NotEstimable):
        return matched
    rows = {}
    for name in ("attention", "attention sum", *PRODUCTS, MARGINALS, "co-expression"):
        found = matched_auroc(matched, data.scores[name].to_numpy())
        rows[name] = {"auroc": found.value, "low": found.low, "high": found.high}
        rows[name] |= {k: v for k, v in matched.counts().items() if k != "n_tfs_with_positive"}
    return pd.DataFrame(rows).T.rename_axis("score")


def windows(data: Scored, seed: int) -> pd.DataFrame:
    """Return within-set AUROCs of the nearest negatives and of the published window.

    Returns
    -------
    DataFrame
        Rows ``nearest`` (Mahalanobis, the default) and ``published window`` (plus and minus 20 %);
        columns ``attention``, the products, and ``negatives``.
    """
    rng = np.random.default_rng(seed)
    sets = {
        "nearest": matched_sets(data),
        "published window": window_negatives(data.evaluation, data.features, rng),
    }
    rows = {}
    for name, matched in sets.items():
        if isinstance(matched, NotEstimable):
            raise DataError(f"{data.name}: {matched.reason}")
        values = {
            score: float(within_set_auroc(matched, data.scores[score].to_numpy()).mean())
            for score in ("attention", *PRODUCTS)
        }
        rows[name] = values | {"negatives": matched.counts()["n_negative"]}
    return pd.DataFrame(rows).T.rename_axis("window")


def sum_against_mean(
    sums: xr.Dataset, adata: ad.AnnData, reference: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Return AUROCs of summed and averaged attention against two kinds of negatives.

    Returns
    -------
    DataFrame
        ``score, negatives, auroc, positives``; negatives ``all pairs`` (10 random ordered gene
        pairs per positive, published) and ``TF x gene`` (every other pair of the universe).
    """
    sums = sums.sum("stratum") if "stratum" in sums.dims else sums
    genes = [str(g) for g in sums["source"].values]
    scores = {
        "averaged": pool(edge_scores(sums)),
        "summed": pool(edge_scores(sums, normalisation="sum", min_count=0)),
    }
    sets = {
        "all pairs": random_pair_set(reference, genes, np.random.default_rng(seed)),
        "TF x gene": evaluation_set(reference, genes),
    }
    rows = []
    for negatives, universe in sets.items():
        for score, edges in scores.items():
            kept, values = drop_missing(universe, universe.scores_from(edges))
            found = auroc(values, kept.label)
            rows.append((score, negatives, found.value, kept.n_positive))
    return pd.DataFrame(rows, columns=["score", "negatives", "auroc", "positives"])
