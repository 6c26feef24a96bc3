"""How much more often the strongest pairs of a universe are curated than others."""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet, drop_missing
from helpers.statistics.crossed import smallest_effect
from helpers.statistics.permutation import null_outcome
from helpers.statistics.relabel import relabelling
from helpers.statistics.results import Outcome

MIN_UNITS = 5


def fold_enrichment(
    pairs: EvaluationSet,
    scores: np.ndarray,
    rng: np.random.Generator,
    share: float = 0.01,
    n_perm: int = 499,
) -> Outcome | NotEstimable:
    """Test whether curated pairs are enriched among the strongest of their universe, one-sided.

    Parameters
    ----------
    pairs, scores
        Universe and (n,) scores; NaN marks a pair without one, which is in no count.
    rng, n_perm
        Source and number of relabellings of the genes of the network (TFs among TFs).
    share
        Share of the scored pairs that are strongest.

    Returns
    -------
    Outcome or NotEstimable
        Share of curated pairs that are among the strongest over that of all pairs; the value under
        the null is the mean over relabellings, not 1.
    """
    if not 0 < share < 1:
        raise ParameterError(f"share is {share}; it must lie in (0, 1)")
    kept, values = drop_missing(pairs, scores)
    tfs, targets = kept.n_tfs_with_positive, kept.n_targets_with_positive
    if min(tfs, targets) < MIN_UNITS:
        return NotEstimable(f"{tfs} TFs and {targets} targets with a positive; 5 of each needed")
    top = values >= np.quantile(values, 1 - share)
    how = relabelling(kept.label, kept.source, kept.target, tfs=kept.regulators)
    drawn = np.array([top[at].mean() for at in how.draws(rng, n_perm) if at.size])
    value = float(top[kept.label].mean() / top.mean())
    draws = drawn / top.mean()
    return null_outcome(
        value,
        draws,
        sides="one",
        test="gene-label permutation",
        null="gene labels permuted",
        unit="gene",
        n_units=np.union1d(kept.source, kept.target).size,
        detail=kept.counts() | {"mde": smallest_effect(float(draws.std(ddof=1)), sides="one")},
    )
