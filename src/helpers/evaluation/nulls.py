"""Permutation nulls of an AUROC in a candidate universe, from the freest to the strictest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet, drop_missing
from helpers.statistics import bootstrap, permutation
from helpers.statistics.auroc import auroc_many
from helpers.statistics.curveball import curveball_tests
from helpers.statistics.draw_estimates import MIN_CLUSTERS
from helpers.statistics.jackknife import LeaveOneOut, leave_one_cluster_out
from helpers.statistics.maxstat import MaxStatistic, max_statistic
from helpers.statistics.results import Outcome


def permute_edges(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 10_000,
    sides: str = "one",
) -> Outcome | NotEstimable:
    """Test against random edge sets of the same size from the universe (published null)."""
    kept, values = drop_missing(evaluation, scores)
    return permutation.permutation_test(
        values, kept.label, rng, n_perm, sides=sides, null="random edge sets"
    )


def permute_within_tf(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 10_000,
    sides: str = "one",
) -> Outcome | NotEstimable:
    """Test against targets permuted within each TF, which keeps every TF's number of targets."""
    kept, values = drop_missing(evaluation, scores)
    return permutation.permutation_test(
        values, kept.label, rng, n_perm, kept.source, sides, "TF", "targets permuted within TF"
    )


def permute_matched(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    covariates: pd.DataFrame,
    rng: np.random.Generator,
    n_perm: int = 10_000,
    bins: int = 10,
    sides: str = "one",
) -> Outcome | NotEstimable:
    """Test against targets swapped, within each TF, for targets of like mean and detection.

    Parameters
    ----------
    covariates
        Gene-level columns (mean, detection), indexed by gene; targets are exchanged inside the
        joint quantile stratum of all columns.
    bins
        Quantile bins per covariate.

    Returns
    -------
    Outcome or NotEstimable
        ``detail["movable_positives"]`` says how many positives had anything to swap with.
        Fewer than 3 TFs with a movable positive: not estimable.
    """
    kept, values = drop_missing(evaluation, scores)
    genes = np.unique(kept.target)
    strata = permutation.quantile_strata(covariates.loc[genes].to_numpy(dtype=float).T, bins)
    stratum = strata[np.searchsorted(genes, kept.target)]
    tf_names, tf = np.unique(kept.source, return_inverse=True)
    groups = tf * (strata.max() + 1) + stratum
    mixed = np.intersect1d(groups[kept.label], groups[~kept.label])
    n_tfs = np.unique(mixed // (strata.max() + 1)).size
    if n_tfs < permutation.MIN_UNITS:
        return NotEstimable(
            f"{n_tfs} of {tf_names.size} TFs have a target with a matched gene; at least 3 needed"
        )
    result = permutation.permutation_null(values[None], kept.label, rng, n_perm, groups)
    if isinstance(result, NotEstimable):
        return result
    return permutation.null_outcome(
        float(result.observed[0]),
        result.draws[:, 0],
        sides=sides,
        test="covariate-matched permutation",
        null="targets swapped within TF and covariate stratum",
        unit="TF",
        n_units=n_tfs,
        detail={
            "n_positive": result.n_positive,
            "movable_positives": result.movable_positives,
            "strata": int(strata.max() + 1),
        },
    )


def rewire(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 1000,
    trades: int | None = None,
) -> Outcome | NotEstimable:
    """Test against networks with every TF's and every target's degree kept (curveball)."""
    many = rewire_many(evaluation, np.asarray(scores)[None], rng, n_draws, trades)
    return many if isinstance(many, NotEstimable) else many[0]


def rewire_many(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 1000,
    trades: int | None = None,
) -> list[Outcome] | NotEstimable:
    """Run :func:`rewire` for k scores (k, n) on the same networks.

    Pairs outside the universe (self pairs, pairs without a score) are forbidden cells.
    """
    kept, values = drop_missing(evaluation, scores)
    tfs, row = np.unique(kept.source, return_inverse=True)
    genes, column = np.unique(kept.target, return_inverse=True)
    network = np.zeros((tfs.size, genes.size), dtype=bool)
    forbidden = np.ones(network.shape, dtype=bool)
    matrices = np.zeros((len(values), *network.shape))
    network[row, column] = kept.label
    forbidden[row, column] = False
    matrices[:, row, column] = values
    return curveball_tests(matrices, network, rng, n_draws, forbidden, trades)


def decompose(outcome: Outcome) -> dict[str, float]:
    """Return chance, null part and rest of an AUROC: 0.5 + (null mean - 0.5) + (AUROC - mean)."""
    mean = outcome.detail["null_mean"]
    return {"chance": 0.5, "null": mean - 0.5, "beyond": outcome.estimate - mean}


def leave_one_tf_out(evaluation: EvaluationSet, scores: np.ndarray) -> LeaveOneOut | NotEstimable:
    """Return the AUROC without each TF, its jackknife standard error and the largest influence."""
    kept, values = drop_missing(evaluation, scores)
    return leave_one_cluster_out(values, kept.label, kept.source)


def best_of(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 1000,
) -> MaxStatistic | NotEstimable:
    """Test the best of k scores (k, n), such as heads, corrected for having picked it.

    Targets are permuted within TF, the same permutation for all scores.
    """
    kept, values = drop_missing(evaluation, scores)
    result = permutation.permutation_null(values, kept.label, rng, n_perm, kept.source)
    if isinstance(result, NotEstimable):
        return result
    return max_statistic(result.observed, result.draws)


def flatness(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
) -> Outcome | NotEstimable:
    """Test whether k scores (k, n), such as layers, have different AUROCs, one-sided.

    Statistic: largest minus smallest AUROC. Null: the range of the bootstrap deviations
    AUROC_b - AUROC under common TF resamples, that is, what the range would be if all true values
    were equal.
    """
    kept, values = drop_missing(evaluation, scores)
    if len(values) < 2:
        return NotEstimable("a profile needs at least two scores")
    if kept.n_tfs_with_positive < MIN_CLUSTERS:
        return NotEstimable(f"{kept.n_tfs_with_positive} TFs with a positive; at least 5 needed")
    draws = bootstrap.cluster_draws(values, kept.label, kept.source, rng, n_boot)
    if isinstance(draws, NotEstimable):
        return draws
    draws = draws[np.isfinite(draws).all(axis=1)]
    observed = auroc_many(values, kept.label)
    return permutation.null_outcome(
        float(np.ptp(observed)),
        np.ptp(draws - observed, axis=1),
        sides="one",
        test="range under the common TF-cluster bootstrap",
        null="equal AUROCs",
        unit="TF",
        n_units=kept.n_tfs,
        detail=kept.counts() | {"n_scores": len(values)},
    )
