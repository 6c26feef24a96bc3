"""Tests and intervals of AUROCs of (TF, target) pairs that hold for TFs and for targets.

Size, differences and equivalence use the two-way standard error; "any signal", the best of many
and held-out choices permute gene labels. See `statistics.crossed` and `statistics.relabel`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.sets import EvaluationSet, drop_missing
from helpers.statistics.crossed import UNIT, Contrast, CrossedAuroc, crossed_auroc, smallest_effect
from helpers.statistics.held_out import held_out_choice as _held_out
from helpers.statistics.maxstat import MaxStatistic, max_statistic
from helpers.statistics.permutation import MIN_UNITS, null_outcome
from helpers.statistics.relabel import RelabelNull, relabel_null
from helpers.statistics.results import Outcome

NULL = "gene labels permuted"


def auroc_with_interval(
    pairs: EvaluationSet, scores: np.ndarray, level: float = 0.95
) -> Estimate | NotEstimable:
    """Return the AUROC of one score (n,) with its two-way interval; see :func:`auroc_profile`."""
    many = auroc_profile(pairs, np.asarray(scores)[None], level)
    return many if isinstance(many, NotEstimable) else many[0]


def auroc_profile(
    pairs: EvaluationSet, scores: np.ndarray, level: float = 0.95
) -> list[Estimate] | NotEstimable:
    """Return AUROCs of k scores (k, n), such as layers, with t intervals from TFs and targets.

    Returns
    -------
    list of Estimate or NotEstimable
        ``detail`` has the counts, ``se`` and ``df``. With fewer than 5 TFs, or targets, with a
        positive the limits are None and ``detail["interval"]`` says why.
    """
    found = _crossed(pairs, scores)
    if isinstance(found, NotEstimable):
        return found
    counts = found.counts() | {"n_missing": pairs.n_pairs - found.n_pairs}
    if (reason := found.too_few()) is not None:
        detail = counts | {"interval": reason.reason}
        return [Estimate(float(value), unit=UNIT, detail=detail) for value in found.auroc]
    return [_estimate(one, counts, found.n_units, level) for one in found.contrasts]


def compare_scores(
    pairs: EvaluationSet, first: np.ndarray, second: np.ndarray, level: float = 0.95
) -> Outcome | NotEstimable:
    """Test AUROC(first) - AUROC(second) = 0 on the same pairs, two-sided, TFs and targets as units.

    ``detail`` has both AUROCs, se, the counts, and mde, the smallest difference that would be
    found with power 0.8.
    """
    found = _crossed(pairs, np.stack([first, second]))
    if isinstance(found, NotEstimable):
        return found
    outcome = found.difference(np.array([1.0, -1.0]), level)
    if isinstance(outcome, NotEstimable):
        return NotEstimable(f"{pairs.name}: {outcome.reason}")
    both = {"auroc_first": float(found.auroc[0]), "auroc_second": float(found.auroc[1])}
    return replace(outcome, detail=outcome.detail | both)


def equivalent(
    pairs: EvaluationSet, scores: np.ndarray, to: float, margin: float, alpha: float = 0.05
) -> Outcome | NotEstimable:
    """Test that an AUROC lies within `margin` of `to`, such as the mean under relabelling.

    Two one-sided t tests with the two-way standard error; ``detail["power_at_centre"]`` is the
    probability of this verdict if the AUROC were `to`, ``detail["mde"]`` the margin for which that
    probability would be 0.8.
    """
    found = _crossed(pairs, np.asarray(scores)[None])
    if isinstance(found, NotEstimable):
        return found
    outcome = found.equivalent(to, margin, alpha)
    return _named(pairs, outcome) if isinstance(outcome, NotEstimable) else outcome


def signal_test(
    pairs: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 10_000,
    sides: str = "two",
    level: float = 0.95,
) -> Outcome | NotEstimable:
    """Test whether the score of these pairs has anything to do with which genes the network names.

    The null permutes gene labels, TFs among TFs and other genes among other genes, so its mean is
    what prominence of the same genes gives, not 0.5.

    Parameters
    ----------
    pairs, scores
        Universe and (n,) scores. NaN marks a pair without a score; leave such pairs in, so that
        the null knows the whole network.
    rng, n_perm, sides
        Source and number of relabellings; ``"one"`` (large AUROCs) or ``"two"``.
    level
        Of the test that ``detail["mde"]`` speaks of: the distance from the null mean that would be
        found with power 0.8 if the AUROC spread as it does under the null.
    """
    null = _relabelled(pairs, np.asarray(scores)[None], rng, n_perm)
    if isinstance(null, NotEstimable):
        return null
    observed, draws = float(null.observed[0]), null.draws[:, 0]
    kept = _kept(pairs, scores)
    return _outcome(kept, observed, draws, sides, level, "gene-label permutation")


def best_of(
    pairs: EvaluationSet, scores: np.ndarray, rng: np.random.Generator, n_perm: int = 1000
) -> MaxStatistic | NotEstimable:
    """Test the best of k scores (k, n), such as heads, corrected for having picked it.

    Maximum of the standardised AUROCs under relabelling, one-sided, common draws for all scores.
    """
    null = _relabelled(pairs, scores, rng, n_perm)
    if isinstance(null, NotEstimable):
        return null
    return max_statistic(null.observed, null.draws)


def flatness(
    pairs: EvaluationSet, scores: np.ndarray, rng: np.random.Generator, n_perm: int = 1000
) -> Outcome | NotEstimable:
    """Test whether k scores (k, n), such as layers, differ in AUROC, one-sided.

    Statistic: largest minus smallest AUROC, each taken from its own mean under relabelling.
    Null: the same range in every relabelling, that is, how far k related scores come apart by
    which genes the network happens to name.
    """
    if len(np.atleast_2d(scores)) < 2:
        return NotEstimable("a profile needs at least two scores")
    null = _relabelled(pairs, scores, rng, n_perm)
    if isinstance(null, NotEstimable):
        return null
    centre = null.draws.mean(axis=0)
    observed, draws = float(np.ptp(null.observed - centre)), np.ptp(null.draws - centre, axis=1)
    kept = _kept(pairs, scores)
    found = _outcome(kept, observed, draws, "one", 0.95, "range under relabelling")
    return replace(found, detail=found.detail | {"n_scores": len(scores)})


@dataclass(frozen=True)
class HeldOut:
    """A choice among scores, tested where no TF and no target was seen.

    Parameters
    ----------
    signal
        Is the AUROC of the chosen score more than relabelled genes give? (any signal)
    choice
        Does the chosen score lie above the mean of the others? (anything learnt by choosing)
    picked
        (k,) share of the choices that fell on each score.
    """

    signal: Outcome
    choice: Outcome
    picked: np.ndarray


def held_out_choice(
    pairs: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 1000,
    n_splits: int = 10,
) -> HeldOut | NotEstimable:
    """Choose one of k scores (k, n) in a block of TFs and targets, test it in the opposite block.

    Both tests are one-sided against relabelled genes, the choice made anew in every draw.
    """
    kept, values = drop_missing(pairs, scores)
    if (reason := _too_few(kept)) is not None:
        return reason
    about = kept.label, kept.source, kept.target
    found = _held_out(values, *about, rng, n_perm, n_splits, kept.regulators)
    if isinstance(found, NotEstimable):
        return _named(pairs, found)
    test = "held-out TF x target blocks"
    return HeldOut(
        _outcome(kept, found.chosen, found.chosen_draws, "one", 0.95, test),
        _outcome(kept, found.advantage, found.advantage_draws, "one", 0.95, test),
        found.picked,
    )


def _estimate(found: Contrast, counts: dict, n_units: int, level: float) -> Estimate:
    low, high = found.interval(level)
    return Estimate(
        float(np.clip(found.value, 0.0, 1.0)),
        max(0.0, low),
        min(1.0, high),
        "t, TF x target standard error",
        UNIT,
        n_units,
        level=level,
        detail=counts | {"se": found.se, "df": found.df},
    )


def _crossed(pairs: EvaluationSet, scores: np.ndarray) -> CrossedAuroc | NotEstimable:
    kept, values = drop_missing(pairs, scores)
    found = crossed_auroc(values, kept.label, kept.source, kept.target)
    return _named(pairs, found) if isinstance(found, NotEstimable) else found


def _named(pairs: EvaluationSet, reason: NotEstimable) -> NotEstimable:
    return NotEstimable(f"{pairs.name}: {reason.reason}")


def _kept(pairs: EvaluationSet, scores: np.ndarray) -> EvaluationSet:
    return drop_missing(pairs, scores)[0]


def _too_few(kept: EvaluationSet) -> NotEstimable | None:
    tfs, targets = kept.n_tfs_with_positive, kept.n_targets_with_positive
    if min(tfs, targets) >= MIN_UNITS:
        return None
    return NotEstimable(
        f"{kept.name}: {tfs} TFs and {targets} targets with a positive; "
        f"at least {MIN_UNITS} of each needed"
    )


def _relabelled(
    pairs: EvaluationSet, scores: np.ndarray, rng: np.random.Generator, n_perm: int
) -> RelabelNull | NotEstimable:
    if (reason := _too_few(_kept(pairs, scores))) is not None:
        return reason
    null = relabel_null(
        scores, pairs.label, pairs.source, pairs.target, rng, n_perm, pairs.regulators
    )
    return _named(pairs, null) if isinstance(null, NotEstimable) else null


def _outcome(
    kept: EvaluationSet, observed: float, draws: np.ndarray, sides: str, level: float, test: str
) -> Outcome:
    """Return the Outcome of a relabelling test of the pairs that have a score."""
    found = null_outcome(
        observed,
        draws,
        sides=sides,
        test=test,
        null=NULL,
        unit="gene",
        n_units=np.union1d(kept.source, kept.target).size,
        detail=kept.counts(),
    )
    mde = smallest_effect(found.detail["null_sd"], level=level, sides=sides)
    return replace(found, detail=found.detail | {"mde": mde})
