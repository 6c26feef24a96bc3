"""Negatives matched to each positive in expression, and the AUROC within the matched sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.auroc import auroc
from helpers.statistics.cluster_means import cluster_mean_test
from helpers.statistics.draw_estimates import MIN_CLUSTERS
from helpers.statistics.permutation import sign_flip_test
from helpers.statistics.results import Outcome

DETECTION_FLOOR = 0.05
FEW = 5


@dataclass(frozen=True)
class MatchedSets:
    """For each kept positive, its matched negatives, as positions in the evaluation set.

    Parameters
    ----------
    positives
        (P,) positions of the positives that found a match.
    negatives
        P arrays of positions.
    tf
        (P,) source of each positive.
    widened
        (P,) True where the wider tolerance was needed.
    dropped
        ``(source, target)`` of positives without any match.
    """

    positives: np.ndarray
    negatives: tuple[np.ndarray, ...]
    tf: np.ndarray
    widened: np.ndarray
    dropped: tuple[tuple[str, str], ...]

    def counts(self) -> dict:
        """Return the numbers that stand beside a matched AUROC."""
        return {
            "n_positive": int(self.positives.size),
            "n_negative": int(sum(part.size for part in self.negatives)),
            "n_tfs_with_positive": int(np.unique(self.tf).size),
            "widened": int(self.widened.sum()),
            "dropped_positives": len(self.dropped),
        }


def matched_negatives(
    evaluation: EvaluationSet,
    features: pd.DataFrame,
    rng: np.random.Generator,
    tolerance: float = 0.2,
    fallback: float = 0.4,
    max_negatives: int = 50,
    symmetric: bool = True,
) -> MatchedSets | NotEstimable:
    """Draw up to `max_negatives` pairs like each positive in mean and detection of both genes.

    Parameters
    ----------
    evaluation
        Universe without missing pairs (:func:`helpers.evaluation.sets.drop_missing` first);
        substitutes come from it, so that the substitute source is a TF too.
    features
        Columns ``mean`` and ``detection``, indexed by gene.
    rng
        Source of the draws.
    tolerance, fallback
        A gene matches if both its mean and its detection differ by at most `tolerance` times the
        positive's own value (detection: times the larger of the rate and 0.05); `fallback` is
        used, and flagged, where fewer than 5 pairs match.
    max_negatives
        Negatives per positive, drawn without replacement.
    symmetric
        True = the window reaches from own / (1 + tolerance) to own * (1 + tolerance), so it is
        symmetric in ratios. False = from own * (1 - tolerance), as published.

    Returns
    -------
    MatchedSets or NotEstimable
        A positive without a match is dropped and listed.

    Notes
    -----
    Expression varies by factors, so a window of plus and minus 20 % holds more genes below a gene
    than above it: where regulation follows prominence, the product of both means, which knows
    nothing of the pair, then reaches about 0.6, and comparisons with it reject without any signal.
    The window that is symmetric in ratios lies inside the other and brings the product near 0.5.
    """
    if not 0 < tolerance <= fallback:
        raise ParameterError(f"tolerances {tolerance} and {fallback}: 0 < first <= second needed")
    tfs, source = np.unique(evaluation.source, return_inverse=True)
    genes, target = np.unique(evaluation.target, return_inverse=True)
    position = np.full((tfs.size, genes.size), -1)
    position[source, target] = np.arange(evaluation.n_pairs)
    position[source[evaluation.label], target[evaluation.label]] = -1  # negatives only
    row_features = features.loc[tfs, ["mean", "detection"]].to_numpy(dtype=np.float64)
    column_features = features.loc[genes, ["mean", "detection"]].to_numpy(dtype=np.float64)

    def alike(table: np.ndarray, own: np.ndarray, width: float) -> np.ndarray:
        scale = np.array([abs(own[0]), max(own[1], DETECTION_FLOOR)])
        away = (table - own) / np.maximum(scale, 1e-300)
        below = width / (1 + width) if symmetric else width
        inside = (away <= width + 1e-12) & (away >= -below - 1e-12)
        return np.flatnonzero(inside.all(axis=1))

    positives, negatives, widened, dropped = [], [], [], []
    for pair in np.flatnonzero(evaluation.label):
        own = row_features[source[pair]], column_features[target[pair]]
        for width in (tolerance, fallback):
            block = position[
                np.ix_(alike(row_features, own[0], width), alike(column_features, own[1], width))
            ]
            candidates = block[block >= 0]
            if candidates.size >= FEW:
                break
        if candidates.size == 0:
            dropped.append((str(evaluation.source[pair]), str(evaluation.target[pair])))
            continue
        if candidates.size > max_negatives:
            candidates = rng.choice(candidates, max_negatives, replace=False)
        positives.append(pair)
        negatives.append(np.sort(candidates))
        widened.append(width != tolerance)
    if not positives:
        return NotEstimable(f"{evaluation.name}: no positive has a matched negative")
    positives = np.array(positives)
    return MatchedSets(
        positives,
        tuple(negatives),
        evaluation.source[positives],
        np.array(widened),
        tuple(dropped),
    )


def within_set_auroc(matched: MatchedSets, scores: np.ndarray) -> np.ndarray:
    """Return, for each positive, the share of its own negatives that it beats (ties half), (P,)."""
    scores = np.asarray(scores, dtype=np.float64)
    out = np.empty(matched.positives.size)
    for k, (positive, negatives) in enumerate(
        zip(matched.positives, matched.negatives, strict=True)
    ):
        own, others = scores[positive], scores[negatives]
        if not (np.isfinite(own) and np.isfinite(others).all()):
            raise ParameterError("a matched pair has no score; drop missing pairs before matching")
        out[k] = (others < own).mean() + 0.5 * (others == own).mean()
    return out


def matched_auroc(
    matched: MatchedSets, scores: np.ndarray, rng: np.random.Generator, n_boot: int = 2000
) -> Estimate:
    """Return the within-set AUROC, positives weighted equally, with a TF-cluster interval.

    The interval is the percentile interval of the TF-cluster bootstrap; with fewer than 5 TFs
    the limits are None and ``detail["interval"]`` says why.
    """
    values = within_set_auroc(matched, scores)
    detail = matched.counts()
    result = cluster_mean_test(values, matched.tf, rng, null=0.5, n_boot=n_boot)
    if isinstance(result, NotEstimable):
        detail["interval"] = str(result)
        n_tfs = detail["n_tfs_with_positive"]
        return Estimate(float(values.mean()), unit="TF", n_units=n_tfs, detail=detail)
    return Estimate(
        result.estimate,
        result.detail["percentile_low"],
        result.detail["percentile_high"],
        "TF-cluster bootstrap, percentile",
        "TF",
        result.n_units,
        result.resamples,
        detail=detail | {"se": result.detail["se"]},
    )


def matched_test(
    matched: MatchedSets, scores: np.ndarray, rng: np.random.Generator, n_perm: int = 10_000
) -> Outcome | NotEstimable:
    """Test within-set AUROC > 0.5 by flipping the sign of each TF's excess, one-sided."""
    values = within_set_auroc(matched, scores)
    names, codes = np.unique(matched.tf, return_inverse=True)
    # Scaled sums: their mean over TFs is the mean over positives, so positives weigh equally.
    sums = np.bincount(codes, weights=values - 0.5) * names.size / values.size
    return sign_flip_test(sums + 0.5, rng, n_perm, sides="one", unit="TF", null_value=0.5)


def compare_matched(
    matched: MatchedSets,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    rng: np.random.Generator,
    n_boot: int = 2000,
) -> Outcome | NotEstimable:
    """Test the difference of two within-set AUROCs by a paired TF-cluster bootstrap, two-sided."""
    difference = within_set_auroc(matched, scores_a) - within_set_auroc(matched, scores_b)
    if np.unique(matched.tf).size < MIN_CLUSTERS:
        n_tfs = np.unique(matched.tf).size
        return NotEstimable(f"{n_tfs} TFs with a matched positive; at least 5 needed")
    return cluster_mean_test(difference, matched.tf, rng, null=0.0, n_boot=n_boot, unit="TF")


def pooled_auroc(matched: MatchedSets, scores: np.ndarray) -> Estimate | NotEstimable:
    """Return the AUROC of all positives against all matched negatives at once (published)."""
    scores = np.asarray(scores, dtype=np.float64)
    negatives = np.concatenate(matched.negatives)
    values = np.concatenate([scores[matched.positives], scores[negatives]])
    return auroc(values, np.arange(values.size) < matched.positives.size)
