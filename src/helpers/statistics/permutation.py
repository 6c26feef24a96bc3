"""Permutation of labels for AUROCs (free or within groups), and sign flips of unit values.

A permuted AUROC needs only the rank sum of a random subset, so a draw costs the number of
positives, not the number of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import midranks, rank_sum_auroc
from helpers.statistics.checks import (
    both_classes,
    cluster_codes,
    label_vector,
    monte_carlo_p,
    one_of,
    score_matrix,
)
from helpers.statistics.results import Outcome

MIN_UNITS = 3

# A small random generator for compiled loops: SplitMix64, one stream per draw. The seeds come from
# the caller's generator, so results do not depend on threads or on the order of the draws (Steele,
# Lea, Flood 2014, OOPSLA 453-472).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@njit(cache=True, nogil=True)
def random_below(state, n):
    """Return a uniform integer in [0, n); `state` is a uint64 array of length one."""
    state[0] += _STEP
    z = state[0]
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    z = z ^ (z >> _S31)
    # 53 random bits times n: the bias of at most n / 2^53 is far below any Monte Carlo error.
    return np.int64((z >> _S11) * (1.0 / 9007199254740992.0) * n)


def stream_seeds(rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return one uint64 seed per draw."""
    return rng.integers(0, 2**64, size=draws, dtype=np.uint64)


@dataclass(frozen=True)
class PermutationNull:
    """Observed AUROCs (k,), their permutation draws (B, k), and how many labels could move."""

    observed: np.ndarray
    draws: np.ndarray
    movable_positives: int
    n_positive: int


@njit(cache=True, nogil=True)
def _rank_sums(ranks, members, start, chosen, fixed, seeds):
    """Rank sums (draws, k) when each group draws its number of positives without replacement."""
    draws, k = seeds.size, ranks.shape[1]
    out = np.empty((draws, k))
    stamp = np.full(members.size, -1, np.int32)
    state = np.empty(1, np.uint64)
    for b in range(draws):
        state[0] = seeds[b]
        for j in range(k):
            out[b, j] = fixed[j]
        for g in range(chosen.size):
            size = start[g + 1] - start[g]
            # Where positives are the majority, `chosen` counts the negatives and the group's
            # total is already in `fixed`, so the drawn ranks are taken away.
            sign = 1.0 if chosen[g] > 0 else -1.0
            for _ in range(abs(chosen[g])):
                place = start[g] + random_below(state, size)
                while stamp[place] == b:
                    place = start[g] + random_below(state, size)
                stamp[place] = b
                for j in range(k):
                    out[b, j] += sign * ranks[members[place], j]
    return out


def permutation_null(
    scores: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 10_000,
    groups: np.ndarray | None = None,
) -> PermutationNull | NotEstimable:
    """Return AUROC draws under permuted labels, the same permutations for all k scores.

    Parameters
    ----------
    scores
        (n,) or (k, n) finite scores.
    labels
        (n,) booleans.
    rng, n_perm
        Source and number of permutations.
    groups
        (n,) labels are exchanged inside a group only (TF; or TF x covariate stratum).
        Without it, over all pairs: random edge sets of the same size.

    Returns
    -------
    PermutationNull or NotEstimable
        Not estimable without positives or negatives, and when no group holds both.
    """
    scores = score_matrix(scores)
    n = scores.shape[1]
    labels = label_vector(labels, n)
    if (reason := both_classes(labels)) is not None:
        return reason
    names, codes = cluster_codes(np.zeros(n, int) if groups is None else groups, n)
    members = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes, minlength=names.size)
    positives = np.bincount(codes[labels], minlength=names.size)
    moving = (positives > 0) & (positives < sizes)
    if not moving.any():
        return NotEstimable("no group holds both a positive and a negative; nothing to permute")
    ranks = np.stack([midranks(row) for row in scores], axis=1)
    majority = positives * 2 > sizes
    fixed = ranks[majority[codes]].sum(axis=0)
    chosen = np.where(majority, positives - sizes, positives)
    start = np.concatenate([[0], np.cumsum(sizes)])
    sums = _rank_sums(ranks, members, start, chosen, fixed, stream_seeds(rng, n_perm))
    n_positive = int(labels.sum())
    return PermutationNull(
        rank_sum_auroc(ranks[labels].sum(axis=0), n_positive, n),
        rank_sum_auroc(sums, n_positive, n),
        int(positives[moving].sum()),
        n_positive,
    )


def permutation_test(
    scores: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 10_000,
    groups: np.ndarray | None = None,
    sides: str = "one",
    unit: str = "TF",
    null: str = "labels permuted",
) -> Outcome | NotEstimable:
    """Test an AUROC against permuted labels.

    One-sided: large AUROCs speak against the null. Two-sided: twice the smaller tail.
    Arguments as in :func:`permutation_null`; ``n_units`` of the outcome counts the groups that
    hold both classes (or the pairs, without groups), and fewer than 3 groups give no test.
    ``detail`` has the null mean and SD, z, and how many positives could move.
    """
    one_of("sides", sides, ("one", "two"))
    result = permutation_null(np.asarray(scores)[None], labels, rng, n_perm, groups)
    if isinstance(result, NotEstimable):
        return result
    labels = np.asarray(labels, dtype=bool)
    n_units = labels.size
    if groups is not None:
        both = np.intersect1d(np.asarray(groups)[labels], np.asarray(groups)[~labels])
        n_units = both.size
        if n_units < MIN_UNITS:
            return NotEstimable(f"{n_units} groups hold both classes; at least 3 needed")
    detail = {
        "n_positive": result.n_positive,
        "movable_positives": result.movable_positives,
    }
    return null_outcome(
        float(result.observed[0]),
        result.draws[:, 0],
        sides=sides,
        test="label permutation",
        null=null,
        unit=unit if groups is not None else "pair",
        n_units=n_units,
        detail=detail,
    )


def null_outcome(
    observed: float,
    draws: np.ndarray,
    *,
    sides: str,
    test: str,
    null: str,
    unit: str,
    n_units: int,
    detail: dict | None = None,
) -> Outcome:
    """Turn an observed statistic and its null draws into an Outcome with (1 + b) / (1 + B)."""
    one_of("sides", sides, ("one", "two"))
    tolerance = 1e-12 * max(1.0, abs(observed))
    upper = monte_carlo_p(int((draws >= observed - tolerance).sum()), draws.size)
    lower = monte_carlo_p(int((draws <= observed + tolerance).sum()), draws.size)
    spread = float(draws.std(ddof=1)) if draws.size > 1 else 0.0
    moments = {"null_mean": float(draws.mean()), "null_sd": spread}
    if spread > 0:
        moments["z"] = (observed - moments["null_mean"]) / spread
    factor = 1 if sides == "one" else 2
    return Outcome(
        estimate=observed,
        p=upper if sides == "one" else min(1.0, 2 * min(upper, lower)),
        sides=sides,
        test=test,
        null=null,
        unit=unit,
        n_units=n_units,
        resamples=draws.size,
        p_floor=factor / (1 + draws.size),
        draws=draws,
        detail=(detail or {}) | moments,
    )


def sign_flip_test(
    values: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 10_000,
    sides: str = "one",
    unit: str = "TF",
    null_value: float = 0.0,
) -> Outcome | NotEstimable:
    """Test mean = `null_value` by flipping the signs of unit values, symmetric under the null.

    All 2^n patterns are enumerated when that takes no more than `n_perm`; p is then the exact
    share (smallest 1 / 2^n, or 2 / 2^n two-sided), else (1 + b) / (1 + B).

    Parameters
    ----------
    values
        (n,) one value per unit, for example the mean within-set AUROC of each TF.
    null_value
        Centre of symmetry under the null, for example 0.5 for AUROCs.
    """
    one_of("sides", sides, ("one", "two"))
    values = np.asarray(values, dtype=np.float64) - null_value
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ParameterError("sign flips need a vector of finite values, one per unit")
    n = values.size
    if n < MIN_UNITS:
        return NotEstimable(f"{n} {unit}s; at least 3 needed for a test")
    exact = 2**n <= n_perm
    if exact:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        draws = (1.0 - 2.0 * bits) @ values / n
    else:
        draws = np.empty(n_perm)
        block = max(1, 2**22 // n)
        for start in range(0, n_perm, block):
            size = min(block, n_perm - start)
            draws[start : start + size] = rng.choice([-1.0, 1.0], size=(size, n)) @ values / n
    observed = float(values.mean())
    strength = draws if sides == "one" else np.abs(draws)
    target = observed if sides == "one" else abs(observed)
    exceeding = int((strength >= target - 1e-12 * max(1.0, abs(target))).sum())
    patterns = 2**n if exact else n_perm
    factor = 1 if sides == "one" else 2
    return Outcome(
        estimate=observed + null_value,
        p=exceeding / patterns if exact else float(monte_carlo_p(exceeding, n_perm)),
        sides=sides,
        test="sign flip, exact" if exact else "sign flip",
        null=f"symmetric about {null_value:g}",
        unit=unit,
        n_units=n,
        resamples=patterns,
        p_floor=factor / patterns if exact else 1 / (1 + n_perm),
        draws=draws + null_value,
        detail={"mean": observed + null_value},
    )
