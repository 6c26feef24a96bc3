"""What the score of a pair adds to what its TF, its target and their expression explain.

One model in place of many marginal questions. Whatever a TF does to all its pairs, and a target to
all of its own, is taken out as an effect of that gene, so prominence of single genes needs no
covariate; what is left are properties of the pair, such as co-expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import rankdata

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.auroc import auroc
from helpers.statistics.crossed import MIN_UNITS, UNIT, smallest_effect
from helpers.statistics.crossed_means import crossed_variance
from helpers.statistics.intervals import hanley_mcneil
from helpers.statistics.partialling import partial_fit
from helpers.statistics.random_effects import RandomEffects, random_effects
from helpers.statistics.results import Outcome
from helpers.statistics.splines import natural_cubic, unit_ranks

NULL = "no contribution of the score"


@dataclass(frozen=True)
class CrossedModel:
    """What the crossed model found.

    Parameters
    ----------
    outcome
        Test of the score's coefficient.
    per_tf
        One row per TF with a positive: ``auroc`` of its own pairs, ``positives``, ``targets``,
        ``se``, and ``pooled`` with ``low`` and ``high``, drawn towards the common mean; None where
        ``heterogeneity`` is not estimable.
    heterogeneity
        Mean, tau, Q and I2 of the per-TF AUROCs, or why there are none.
    prediction
        AUROC to expect of a new TF with the same candidate targets.
    """

    outcome: Outcome | NotEstimable
    per_tf: pd.DataFrame | None
    heterogeneity: RandomEffects | NotEstimable
    prediction: Estimate | NotEstimable


def crossed_model(
    pairs: EvaluationSet,
    score: np.ndarray,
    coexpression: np.ndarray,
    terms: Mapping[str, np.ndarray] | pd.DataFrame,
    rng: np.random.Generator,
    *,
    reverse: np.ndarray | None = None,
    level: float = 0.95,
    n_splits: int = 5,
) -> CrossedModel:
    r"""Fit label ~ score + co-expression + prominence terms + TF effect + target effect.

    .. math:: y_{ij} = \theta\, r(s_{ij}) + f(r(c_{ij})) + \sum_k f_k(r(x_{k,ij}))
              + \alpha_i + \beta_j + \varepsilon_{ij}

    with r the rank over pairs, scaled to mean 0 and SD 1, and f natural cubic splines (4 knots).
    The slopes of the splines come from the complementary block of TFs and targets, the standard
    error is clustered by TF and by target, and t has min(TFs, targets with a positive) - 1 degrees
    of freedom.

    Parameters
    ----------
    pairs
        Universe and labels.
    score
        (n,) score of every pair; pairs where it or a covariate is NaN are left out.
    coexpression
        (n,) co-expression of every pair; give its size or the signed value, as the question asks.
    terms
        Name -> (n,) further properties of the pair that must not pass for the score: products of
        mean, detection and variance, number of cells. Values of one gene alone are held by the
        effects already.
    rng
        Source of the halves of TFs and targets.
    reverse
        (n,) score of the pair target -> TF, to ask what the direction adds (reciprocity).
    level, n_splits
        Coverage of the intervals; splits into blocks, averaged.

    Returns
    -------
    CrossedModel
        The estimate of ``outcome`` is the change of the probability of an edge for one SD of the
        score's rank. ``detail`` has se, df, the counts, mde (smallest coefficient found with power
        0.8), ``per_rate`` (the estimate over the share of positives) and ``adjusted_auroc``: 0.5
        plus the difference of the mean rank (0 to 1) of positives and negatives given everything
        else, which without covariates and effects is the AUROC, with its two-sided p
        (``adjusted_p``).

    References
    ----------
    Cameron AC, Gelbach JB, Miller DL (2011), J Bus Econ Stat 29:238-249; Chernozhukov V et al.
    (2018), Econom J 21:C1-C68.
    """
    columns = {"score": score, "co-expression": coexpression} | dict(terms)
    if reverse is not None:
        columns["reverse score"] = reverse
    if len(columns) != 2 + len(dict(terms)) + (reverse is not None):
        raise ParameterError("a term has the name of another covariate")
    table = pd.DataFrame(columns)
    if len(table) != pairs.n_pairs:
        raise ParameterError(f"{len(table)} values for {pairs.n_pairs} pairs; align with the set")
    known = table.notna().all(axis=1).to_numpy()
    kept, table = pairs.subset(known, "missing_scores"), table[known]
    outcome = _coefficient(kept, table, rng, level, n_splits)
    per_tf, pooled = _per_tf(kept, table["score"].to_numpy(), level)
    if isinstance(pooled, NotEstimable):
        return CrossedModel(outcome, per_tf, pooled, pooled)
    centre = float(np.clip(pooled.mean, 0, 1))
    low, high = np.clip(pooled.prediction, 0, 1)
    expected = Estimate(
        centre,
        float(low),
        float(high),
        "random effects, prediction of a new TF",
        "TF",
        len(per_tf),
        level=level,
        detail={"tau": pooled.tau, "i2": pooled.i2},
    )
    return CrossedModel(outcome, per_tf, pooled, expected)


def _coefficient(
    kept: EvaluationSet, table: pd.DataFrame, rng: np.random.Generator, level: float, splits: int
) -> Outcome | NotEstimable:
    tfs, targets = (np.unique(side[kept.label]).size for side in (kept.source, kept.target))
    if min(tfs, targets) < MIN_UNITS:
        return NotEstimable(
            f"{kept.name}: {tfs} TFs and {targets} targets with a positive; "
            f"at least {MIN_UNITS} of each needed"
        )
    score = unit_ranks(table["score"])
    others = [natural_cubic(unit_ranks(table[name])) for name in table if name != "score"]
    found = partial_fit(
        kept.label, score, np.column_stack(others), kept.source, kept.target, rng, splits
    )
    if isinstance(found, NotEstimable):
        return NotEstimable(f"{kept.name}: {found.reason}")
    influence = np.column_stack([found.influence, found.influence_of_score])
    se = np.sqrt(np.diag(crossed_variance(influence, kept.source, kept.target)))
    df = min(tfs, targets) - 1
    half = float(stats.t.ppf((1 + level) / 2, df) * se[0])
    values = np.array([found.coefficient, found.slope_of_score])
    p = 2 * stats.t.sf(np.abs(values) / se, df)
    # ranks of SD 1 have a range of sqrt(12): one unit of the slope is 1 / sqrt(12) of the range
    adjusted = 0.5 + found.slope_of_score * float(rankdata(table["score"]).std() / len(table))
    return Outcome(
        estimate=float(values[0]),
        p=float(p[0]),
        sides="two",
        test="crossed model, TF x target standard error",
        null=NULL,
        unit=UNIT,
        n_units=df + 1,
        low=float(values[0]) - half,
        high=float(values[0]) + half,
        level=level,
        detail=kept.counts()
        | {
            "n_targets_with_positive": targets,
            "se": float(se[0]),
            "df": df,
            "mde": smallest_effect(float(se[0]), df, level),
            "per_rate": float(values[0] / kept.positive_rate),
            "adjusted_auroc": adjusted,
            "adjusted_p": float(p[1]),
        },
    )


def _per_tf(
    kept: EvaluationSet, score: np.ndarray, level: float
) -> tuple[pd.DataFrame | None, RandomEffects | NotEstimable]:
    """Return the AUROC of each TF's own pairs, pooled in part, and what they have in common."""
    rows = {}
    for tf in np.unique(kept.source[kept.label]):
        own = kept.source == tf
        found = auroc(score[own], kept.label[own])
        if isinstance(found, Estimate):
            positives = int(kept.label[own].sum())
            rows[tf] = (found.value, positives, int(own.sum()))
    if not rows:
        return None, NotEstimable(f"{kept.name}: no TF has both positives and negatives")
    table = pd.DataFrame.from_dict(rows, "index", columns=["auroc", "positives", "targets"])
    # The error comes from the common mean: an own AUROC of 0 or 1 would have none.
    mean = float(np.average(table["auroc"], weights=table["positives"]))
    errors = [
        hanley_mcneil(float(np.clip(mean, 0.05, 0.95)), n, total - n).detail["se"]
        for n, total in zip(table["positives"], table["targets"], strict=True)
    ]
    table["se"] = errors
    pooled = random_effects(table["auroc"].to_numpy(), np.square(errors), level)
    if isinstance(pooled, NotEstimable):
        return None, NotEstimable(f"{kept.name}: {pooled.reason}")
    half = stats.norm.ppf((1 + level) / 2) * pooled.shrunk_se
    table["pooled"] = np.clip(pooled.shrunk, 0, 1)
    table["low"], table["high"] = (np.clip(pooled.shrunk + s * half, 0, 1) for s in (-1, 1))
    return table.rename_axis("tf").sort_values("pooled", ascending=False, kind="stable"), pooled
