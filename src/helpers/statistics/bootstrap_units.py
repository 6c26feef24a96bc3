"""Bootstrap of an AUROC over single pairs, to compare with the one over clusters."""

from __future__ import annotations

import numpy as np

from helpers.statistics.auroc import DRAWS_AT_ONCE, presort


def pair_draws(
    scores: np.ndarray, labels: np.ndarray, rng: np.random.Generator, n_boot: int = 2000
) -> np.ndarray:
    """Return AUROC draws (n_boot, k) from resampling single pairs, common to all k scores."""
    sorted_once = presort(scores, labels)
    n = sorted_once.labels.size
    sizes = [min(DRAWS_AT_ONCE, n_boot - start) for start in range(0, n_boot, DRAWS_AT_ONCE)]
    return np.concatenate([sorted_once.weighted(pair_counts(n, rng, size)) for size in sizes])


def pair_counts(n: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return (draws, n) counts of resamples of n pairs with replacement."""
    counts = np.empty((draws, n), dtype=np.uint16)
    for row in counts:
        row[:] = np.bincount(rng.integers(0, n, size=n, dtype=np.uint32), minlength=n)
    return counts
