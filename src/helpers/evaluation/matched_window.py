"""The published window of expression matching: kept to show what it leaves unlike."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.matched import MatchedSets, matching_variables, targets_tf
from helpers.evaluation.sets import EvaluationSet

DETECTION_FLOOR = 0.05
FEW = 5


def window_negatives(
    evaluation: EvaluationSet,
    features: pd.DataFrame,
    rng: np.random.Generator,
    tolerance: float = 0.2,
    fallback: float = 0.4,
    max_negatives: int = 50,
) -> MatchedSets | NotEstimable:
    """Draw up to `max_negatives` pairs like each positive in mean and detection of both genes.

    Parameters
    ----------
    evaluation
        Universe without missing pairs (:func:`helpers.evaluation.sets.drop_missing` first);
        substitutes come from it, so that the substitute source is a TF too.
    features
        Columns ``mean``, ``detection`` and ``variance``, indexed by gene; the window looks at the
        first two.
    rng
        Source of the draws.
    tolerance, fallback
        A gene matches if both its mean and its detection differ by at most `tolerance` times the
        positive's own value (detection: times the larger of the rate and 0.05); `fallback` is
        used where fewer than 5 pairs match.
    max_negatives
        Negatives per positive, drawn without replacement.

    Returns
    -------
    MatchedSets or NotEstimable
        A positive without a match is dropped and listed.

    Notes
    -----
    For comparison only; conclusions use :func:`helpers.evaluation.matched.matched_negatives`.
    Expression varies by factors, so a window of plus and minus 20 % holds more genes below a gene
    than above it: where regulation follows prominence, the product of both means, which knows
    nothing of the pair, then reaches about 0.6, and comparisons with it reject without any signal.
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
        return np.flatnonzero((abs(away) <= width + 1e-12).all(axis=1))

    positives, negatives, dropped = [], [], []
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
    if not positives:
        return NotEstimable(f"{evaluation.name}: no positive has a matched negative")
    positives = np.array(positives)
    return MatchedSets(
        positives,
        tuple(negatives),
        evaluation.source[positives],
        evaluation.target[positives],
        matching_variables(evaluation, features),
        targets_tf(evaluation),
        tuple(dropped),
    )
