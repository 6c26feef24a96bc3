"""Negatives like each positive in the expression of both genes, and the AUROC against them.

Matching is an attempt, and the table of what it left unlike decides whether the comparison says
anything: where a matched variable still tells positives from their negatives, so may the score.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.crossed_means import crossed_mean_test
from helpers.statistics.matching import nearest_controls
from helpers.statistics.results import Outcome
from helpers.statistics.splines import natural_cubic, unit_ranks

NEGATIVES = 10
TOLERANCE = 0.03
"""Largest distance from 0.5 of the within-set AUROC of a matched variable."""
FEATURES = ("mean", "detection", "variance")
PRODUCT = "mean product"
LEAST_OWN_SHARE = 1e-6
"""Share of a score's variance, below which nothing is left of it beside the matched variables."""


@dataclass(frozen=True)
class MatchedSets:
    """For each positive, its matched negatives, as positions in the evaluation set.

    Parameters
    ----------
    positives
        (P,) positions of the positives that found a match.
    negatives
        P arrays of positions.
    tf, target
        (P,) genes of each positive.
    variables
        (n, 7) matched variables of every pair of the set, and the product of the means.
    to_tf
        (n,) whether the target of a pair is itself a TF of the reference.
    dropped
        ``(source, target)`` of positives without any match.
    """

    positives: np.ndarray
    negatives: tuple[np.ndarray, ...]
    tf: np.ndarray
    target: np.ndarray
    variables: pd.DataFrame = field(repr=False)
    to_tf: np.ndarray = field(repr=False)
    dropped: tuple[tuple[str, str], ...] = ()

    def counts(self) -> dict:
        """Return the numbers that stand beside a matched AUROC."""
        return {
            "n_positive": int(self.positives.size),
            "n_negative": int(sum(part.size for part in self.negatives)),
            "n_tfs_with_positive": int(np.unique(self.tf).size),
            "n_targets_with_positive": int(np.unique(self.target).size),
            "dropped_positives": len(self.dropped),
        }

    def balance(self) -> pd.DataFrame:
        """Return how alike positives and their negatives are in every matched variable.

        Returns
        -------
        DataFrame
            Indexed by variable: ``before`` and ``after``, the mean of the positives minus that of
            all negatives, and of their own negatives (sets weighted equally), over the SD of the
            positives; ``auroc``, the within-set AUROC of the variable; ``balanced``, whether that
            lies within 0.03 of 0.5.
        """
        rows = {}
        others = np.ones(len(self.variables), dtype=bool)
        others[self.positives] = False
        for name, values in self.variables.items():
            values = values.to_numpy()
            own = values[self.positives]
            matched = np.array([values[part].mean() for part in self.negatives])
            spread = max(own.std(ddof=1) if own.size > 1 else 0.0, 1e-12)
            within = float(within_set_auroc(self, values).mean())
            rows[name] = {
                "before": (own.mean() - values[others].mean()) / spread,
                "after": (own - matched).mean() / spread,
                "auroc": within,
                "balanced": abs(within - 0.5) <= TOLERANCE,
            }
        return pd.DataFrame(rows).T.rename_axis("variable").astype({"balanced": bool})

    def imbalance(self) -> NotEstimable | None:
        """Return what matching left unlike, or None where every variable is balanced."""
        table = self.balance()
        left = table[~table["balanced"]]
        if left.empty:
            return None
        words = ", ".join(f"{name} {row['auroc']:.3f}" for name, row in left.iterrows())
        return NotEstimable(f"matching left an imbalance: within-set AUROC of {words}")


def matching_variables(evaluation: EvaluationSet, features: pd.DataFrame) -> pd.DataFrame:
    """Return log mean, detection and variance of source and target, and the product of the means.

    Parameters
    ----------
    evaluation
        Universe.
    features
        Columns ``mean`` (positive), ``detection`` and ``variance``, indexed by gene; see
        :func:`helpers.evaluation.gene_level.gene_features`.
    """
    columns = {}
    for side in ("source", "target"):
        mean = evaluation.gene_scores(features["mean"], side)
        if (mean <= 0).any():
            raise ParameterError("a gene is never expressed; choose genes that the cells express")
        columns[f"log mean, {side}"] = np.log(mean)
        columns[f"detection, {side}"] = evaluation.gene_scores(features["detection"], side)
        columns[f"variance, {side}"] = evaluation.gene_scores(features["variance"], side)
    product = np.exp(columns["log mean, source"] + columns["log mean, target"])
    return pd.DataFrame(columns | {PRODUCT: product})


def targets_tf(evaluation: EvaluationSet) -> np.ndarray:
    """Return whether the target of each pair is itself a TF of the reference, (n,)."""
    known = evaluation.source if evaluation.regulators is None else evaluation.regulators
    return np.isin(evaluation.target, known)


def matched_negatives(
    evaluation: EvaluationSet, features: pd.DataFrame, n_negatives: int = NEGATIVES
) -> MatchedSets | NotEstimable:
    """Return the nearest negatives of each positive, by Mahalanobis distance in six coordinates.

    The coordinates are log mean, detection rate and variance of the source and of the target, each
    as its rank among the genes: a few genes of very large variance would otherwise set the scale
    of the distance, and balance is judged by ranks, too (rank-based distance: Rosenbaum 2010,
    Design of Observational Studies, section 8.3). Negatives come from the same universe, so that
    the source of each is a TF too; a negative can serve several positives.

    Parameters
    ----------
    evaluation
        Universe without missing pairs (:func:`helpers.evaluation.sets.drop_missing` first).
    features
        Columns ``mean``, ``detection`` and ``variance``, indexed by gene.
    n_negatives
        Negatives per positive.
    """
    variables = matching_variables(evaluation, features)
    ranks = features.loc[np.union1d(evaluation.source, evaluation.target), [*FEATURES]].rank()
    coordinates = np.column_stack(
        [
            evaluation.gene_scores(ranks[name], side)
            for side in ("source", "target")
            for name in FEATURES
        ]
    )
    found = nearest_controls(coordinates, evaluation.label, n_negatives)
    if isinstance(found, NotEstimable):
        return NotEstimable(f"{evaluation.name}: {found.reason}")
    positives = np.flatnonzero(evaluation.label)
    return MatchedSets(
        positives,
        tuple(found[0]),
        evaluation.source[positives],
        evaluation.target[positives],
        variables,
        targets_tf(evaluation),
    )


def within_set_auroc(matched: MatchedSets, scores: np.ndarray) -> np.ndarray:
    """Return, for each positive, the share of its own negatives that it beats (ties half), (P,)."""
    scores = np.asarray(scores, dtype=np.float64)
    size = np.array([part.size for part in matched.negatives])
    others = scores[np.concatenate(matched.negatives)]
    own = np.repeat(scores[matched.positives], size)
    if not (np.isfinite(own).all() and np.isfinite(others).all()):
        raise ParameterError("a matched pair has no score; drop missing pairs before matching")
    beaten = (others < own) + 0.5 * (others == own)
    return np.add.reduceat(beaten, np.cumsum(size) - size) / size


def matched_auroc(matched: MatchedSets, scores: np.ndarray, level: float = 0.95) -> Estimate:
    """Return the within-set AUROC, positives weighted equally, with a two-way interval.

    The interval is t with the TF x target standard error of the positives' shares; with fewer than
    5 TFs or targets the limits are None and ``detail["interval"]`` says why. It describes the
    sets whether or not they are balanced; the tests below ask for balance.
    """
    values = within_set_auroc(matched, scores)
    result = crossed_mean_test(values, matched.tf, matched.target, null=0.5, level=level)
    if isinstance(result, NotEstimable):
        detail = matched.counts() | {"interval": result.reason}
        return Estimate(float(values.mean()), unit="TF x target", detail=detail)
    return Estimate(
        result.estimate,
        max(0.0, result.low),
        min(1.0, result.high),
        result.test,
        result.unit,
        result.n_units,
        level=level,
        detail=result.detail | matched.counts(),
    )


def matched_test(
    matched: MatchedSets, scores: np.ndarray, level: float = 0.95
) -> Outcome | NotEstimable:
    """Test within-set AUROC > 0.5, one-sided, TFs and targets as units; refused without balance.

    What matching left unlike within the tolerance, and whether the target is a TF itself, still
    tell positives a little from their negatives (11 % instead of 5 % rejected for Geneformer's
    attention and relabelled DoRothEA), so the scores are :func:`adjusted` first; ``unadjusted`` in
    ``detail`` is the AUROC without that. A score that these variables explain altogether is not
    estimable.
    """
    if (reason := matched.imbalance()) is not None:
        return reason
    left = adjusted(matched, scores)
    if isinstance(left, NotEstimable):
        return left
    found = _tested(matched, within_set_auroc(matched, left), 0.5, "one", "AUROC 0.5", level)
    if isinstance(found, NotEstimable):
        return found
    plain = {"unadjusted": float(within_set_auroc(matched, scores).mean())}
    return replace(found, detail=found.detail | plain)


def adjusted(matched: MatchedSets, scores: np.ndarray) -> np.ndarray | NotEstimable:
    """Return the ranks of scores less what the matched variables predict from negatives.

    Bias-corrected matching (Abadie, Imbens 2011, J Bus Econ Stat 29:1-11): least squares of the
    ranks on natural cubic splines of the ranks of the matched variables and on whether the target
    is a TF, over all negatives of the universe; positives get residuals of the same fit.
    """
    ranks = unit_ranks(scores)
    variables = matched.variables.drop(columns=PRODUCT)
    design = np.column_stack(
        [
            np.ones(ranks.size),
            matched.to_tf,
            *(natural_cubic(unit_ranks(one)) for _, one in variables.items()),
        ]
    )
    negative = np.ones(ranks.size, dtype=bool)
    negative[matched.positives] = False
    left = ranks - design @ np.linalg.lstsq(design[negative], ranks[negative], rcond=None)[0]
    if left[negative].var() < LEAST_OWN_SHARE * ranks[negative].var():
        return NotEstimable("the score is a function of the matched variables")
    return left


def compare_matched(
    matched: MatchedSets, first: np.ndarray, second: np.ndarray, level: float = 0.95
) -> Outcome | NotEstimable:
    """Test the difference of two within-set AUROCs, two-sided; refused without balance."""
    if (reason := matched.imbalance()) is not None:
        return reason
    difference = within_set_auroc(matched, first) - within_set_auroc(matched, second)
    return _tested(matched, difference, 0.0, "two", "equal AUROC", level)


def _tested(
    matched: MatchedSets, values: np.ndarray, null: float, sides: str, words: str, level: float
) -> Outcome | NotEstimable:
    found = crossed_mean_test(values, matched.tf, matched.target, null, sides, level)
    if isinstance(found, NotEstimable):
        return found
    words = f"{words} within matched sets"
    return replace(found, null=words, detail=found.detail | matched.counts())
