"""AUROC of edge scores in a candidate universe, with TF-cluster intervals and paired tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.sets import EvaluationSet, drop_missing
from helpers.statistics import bootstrap
from helpers.statistics.delong import delong_test
from helpers.statistics.ranking import ranking_metrics
from helpers.statistics.results import Outcome


def auroc_with_interval(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
) -> Estimate | NotEstimable:
    """Return the AUROC of one score with its TF-cluster bootstrap interval.

    Parameters
    ----------
    evaluation
        Universe and labels.
    scores
        (n,) scores from ``evaluation.scores_from``; NaN pairs are dropped and counted.
    rng, n_boot, level, method
        As in :func:`helpers.statistics.bootstrap.cluster_interval`.

    Returns
    -------
    Estimate or NotEstimable
        ``detail`` has n_pairs, n_positive, n_tfs, n_tfs_with_positive and n_missing.
        With fewer than 5 TFs with positives the limits are None and ``detail["interval"]`` says
        why.
    """
    many = auroc_profile(evaluation, np.asarray(scores)[None], rng, n_boot, level, method)
    return many if isinstance(many, NotEstimable) else many[0]


def auroc_profile(
    evaluation: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
) -> list[Estimate] | NotEstimable:
    """Return AUROCs of k scores (k, n), such as layers or heads, under common TF resamples."""
    kept, values = drop_missing(evaluation, scores)
    many = bootstrap.cluster_intervals(
        values, kept.label, kept.source, rng, n_boot, level, method, unit="TF"
    )
    if isinstance(many, NotEstimable):
        return NotEstimable(f"{evaluation.name}: {many.reason}")
    counts = kept.counts() | {"n_missing": evaluation.n_pairs - kept.n_pairs}
    return [replace(one, detail=one.detail | counts) for one in many]


def compare_scores(
    evaluation: EvaluationSet,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
    level: float = 0.95,
) -> Outcome | NotEstimable:
    """Test AUROC(a) - AUROC(b) on the same pairs, two-sided, TFs as units.

    The decision is the paired TF-cluster bootstrap; ``detail`` has DeLong's p
    (``delong_p``, ``delong_se``), which takes pairs as independent, for comparison.
    """
    kept, both = drop_missing(evaluation, np.stack([scores_a, scores_b]))
    outcome = bootstrap.paired_cluster_test(
        both[0], both[1], kept.label, kept.source, rng, n_boot, level, unit="TF"
    )
    if isinstance(outcome, NotEstimable):
        return NotEstimable(f"{evaluation.name}: {outcome.reason}")
    extra = kept.counts() | {"n_missing": evaluation.n_pairs - kept.n_pairs}
    pairs = delong_test(both[0], both[1], kept.label)
    if not isinstance(pairs, NotEstimable):
        extra |= {"delong_p": pairs.p, "delong_se": pairs.detail["se"]}
    return replace(outcome, detail=outcome.detail | extra)


def metrics(evaluation: EvaluationSet, scores: np.ndarray) -> dict | NotEstimable:
    """Return AUPRC, early precision and their ratios to the base rate, ties exact."""
    kept, values = drop_missing(evaluation, scores)
    return ranking_metrics(values, kept.label)
