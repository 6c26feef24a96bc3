"""Tests of shared top sets: beyond random sets, beyond depth, and specific to an object."""

from __future__ import annotations

import numpy as np

from helpers.statistics.power import ALPHA, POWER, smallest_detected
from helpers.statistics.results import Outcome
from helpers.statistics.shared_sets import (
    TOLERANCE,
    Discrete,
    label_draws,
    label_null,
    mean_same,
    specificity,
    triple_draws,
    triple_null,
)

AGREEMENTS = tuple(round(0.05 * i, 2) for i in range(1, 21))
"""Agreements between conditions among which the smallest detected one is looked for."""


def overlap_test(
    sets: np.ndarray,
    rng: np.random.Generator,
    draws: int = 5000,
    bands: np.ndarray | None = None,
) -> Outcome:
    """Test whether the top sets of three conditions overlap more than random ones.

    The p is counted exactly with `triple_null`: the three sets of an object are kept together,
    although each enters two of the three indices.

    Parameters
    ----------
    sets
        Booleans, shape (objects, 3, components), components that are zero by construction left
        out.
    rng, draws
        Draws beside the exact count.
    bands
        Band of equal depth of each component; random sets then keep their size in each band.

    Returns
    -------
    Outcome
        One-sided, unit: component. ``detail``: ``expected`` (exact mean under the null),
        ``mean_drawn``, ``p_drawn``, and ``mde``, the mean Jaccard index at the smallest
        ``mde_agreement`` (see `triple_draws`) that is found with power 0.8; both ``None`` where
        no agreement gives a p of 0.05.
    """
    law = triple_null(sets, bands)
    observed = mean_same(sets)
    drawn = triple_draws(sets, bands, draws, rng)
    hits = int((drawn >= observed - TOLERANCE).sum())
    rejected = _rejected(law)

    def power(agreement: float) -> float:
        found = triple_draws(sets, bands, 1000, rng, agreement)
        return float((found >= rejected[0] - TOLERANCE).mean())

    agreement = smallest_detected(power, AGREEMENTS) if rejected.size else None
    detail = {
        "expected": law.mean,
        "mean_drawn": float(drawn.mean()),
        "p_drawn": (1 + hits) / (1 + draws),
        "mde": None,
        "mde_agreement": agreement,
    }
    if agreement is not None:
        detail["mde"] = float(triple_draws(sets, bands, 1000, rng, agreement).mean())
    within = "" if bands is None else " within bands of equal depth"
    return Outcome(
        estimate=observed,
        p=law.upper_tail(observed),
        sides="one",
        test="exact count of arrangements",
        null=f"random sets{within}; the three sets of an object kept together",
        unit="component",
        n_units=int(sets.shape[-1]),
        p_floor=law.floor,
        detail=detail,
    )


def specificity_test(table: np.ndarray, rng: np.random.Generator, draws: int = 5000) -> Outcome:
    """Test whether an object agrees with itself in another condition more than with others.

    Parameters
    ----------
    table
        As for `helpers.statistics.shared_sets.specificity`; objects are TF-target pairs, each
        with a TF of its own.
    rng, draws
        Draws beside the exact count.

    Returns
    -------
    Outcome
        One-sided, unit: TF, p by exact permutation of labels within each condition.
        ``detail``: ``p_drawn``, and ``mde``, the mean difference that exceeds the critical value
        with power 0.8 if specificity shifts the permutation law; ``None`` where so few objects
        allow no p of 0.05, so that no specificity could have been found.
    """
    law, observed = label_null(table), specificity(table)
    drawn = label_draws(table, draws, rng)
    hits = int((drawn >= observed - TOLERANCE).sum())
    return Outcome(
        estimate=observed,
        p=law.upper_tail(observed),
        sides="one",
        test="exact permutation of pair labels",
        null="pair labels exchangeable within a tissue",
        unit="TF",
        n_units=len(table),
        p_floor=law.floor,
        detail={
            "p_drawn": (1 + hits) / (1 + draws),
            "mde": _shift_detected(law),
        },
    )


def _rejected(law: Discrete) -> np.ndarray:
    """Return the values of the statistic whose p is at most ALPHA, ascending."""
    tails = np.cumsum(law.probabilities[::-1])[::-1]
    return law.values[tails <= ALPHA]


def _shift_detected(law: Discrete) -> float | None:
    rejected = _rejected(law)
    if not rejected.size:
        return None
    low = law.values[np.searchsorted(np.cumsum(law.probabilities), 1 - POWER)]
    return float(rejected[0] - low + law.mean)
