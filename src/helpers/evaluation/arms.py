"""Many scores of one model under one null: each arm's best, and the best of all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from helpers.estimates import NotEstimable
from helpers.evaluation.crossed import NULL, auroc_profile
from helpers.evaluation.sets import EvaluationSet, drop_missing
from helpers.statistics.crossed import POWER
from helpers.statistics.permutation import null_outcome
from helpers.statistics.relabel import relabel_null
from helpers.statistics.results import Outcome

ALL = "all arms"


def arm_tests(
    pairs: EvaluationSet,
    scores: np.ndarray,
    names: Sequence[str],
    arms: Sequence[str],
    rng: np.random.Generator,
    n_perm: int = 1000,
    level: float = 0.95,
) -> dict[str, Outcome] | NotEstimable:
    """Test whether the best score of an arm, and the best of all, ranks edges above its null.

    Statistic: the largest AUROC in SDs of its own null (max-T; Westfall, Young 1993). Null: the
    same maximum in every relabelling of the genes, so that having looked at many scores is
    corrected for; common draws for all scores.

    Parameters
    ----------
    pairs, scores
        Universe and (k, n) scores; NaN marks a pair without a score and leaves it out for all.
    names, arms
        (k,) name of each score, and the arm that it belongs to.
    rng, n_perm
        Source and number of relabellings.
    level
        Of the test that ``detail["mde"]`` speaks of.

    Returns
    -------
    dict or NotEstimable
        Arm, and `ALL`, -> outcome, one-sided. ``detail`` has the counts, ``best`` (a name),
        ``auroc`` and ``chance`` of it, ``n_scores``, and ``mde``: how far the AUROC of a score of
        the largest spread in the arm has to lie above its null mean to be found with power 0.8.
    """
    kept, values = drop_missing(pairs, scores)
    levels = auroc_profile(kept, values[:1])  # refuses labels that are too few for any statement
    if isinstance(levels, NotEstimable):
        return levels
    if "interval" in levels[0].detail:
        return NotEstimable(f"{pairs.name}: {levels[0].detail['interval']}")
    about = pairs.label, pairs.source, pairs.target
    null = relabel_null(scores, *about, rng, n_perm, pairs.regulators)
    if isinstance(null, NotEstimable):
        return NotEstimable(f"{pairs.name}: {null.reason}")
    centre, spread = null.draws.mean(axis=0), null.draws.std(axis=0, ddof=1)
    scale = np.where(spread > 0, spread, np.inf)  # z = 0 where a score does not vary
    z, draws = (null.observed - centre) / scale, (null.draws - centre) / scale
    arms, found = np.asarray(arms), {}
    for arm in (ALL, *dict.fromkeys(arms.tolist())):
        inside = np.flatnonzero((arms == arm) | (arm == ALL))
        best = inside[np.argmax(z[inside])]
        maxima = draws[:, inside].max(axis=1)
        far = np.quantile(maxima, level) + stats.norm.ppf(POWER)
        detail = {
            "best": names[best],
            "auroc": float(null.observed[best]),
            "chance": float(centre[best]),
            "n_scores": inside.size,
            "mde": float(far * spread[inside].max()),
        }
        found[arm] = null_outcome(
            float(z[best]),
            maxima,
            sides="one",
            test="gene-label permutation, largest of many scores",
            null=NULL,
            unit="gene",
            n_units=np.union1d(kept.source, kept.target).size,
            detail=kept.counts() | detail,
        )
    return found
