"""How much three sets of one object overlap by chance when each set is compared twice.

Three tissues give three sets of top components and three Jaccard indices, but each set enters
two of them: the three are dependent. The exact distribution of their mean is obtained here by
counting, for sets drawn uniformly within bands of components (one band: no structure at all;
one band per layer: depth is kept), and by drawing as a check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from math import comb, prod

import numpy as np

from helpers.errors import ParameterError

TOLERANCE = 1e-9
"""Two means of Jaccard indices closer than this are the same value."""

MOST_ARRANGEMENTS = 50_000
"""Arrangements of labels that are counted; beyond them they are drawn."""


@dataclass(frozen=True)
class Discrete:
    """An exact distribution on finitely many values.

    Parameters
    ----------
    values
        Distinct values, ascending.
    probabilities
        Their probabilities, summing to 1.
    """

    values: np.ndarray
    probabilities: np.ndarray

    @property
    def mean(self) -> float:
        """Expectation."""
        return float(self.values @ self.probabilities)

    @property
    def floor(self) -> float:
        """Smallest upper-tail probability this distribution can give."""
        return float(self.probabilities[-1])

    def upper_tail(self, observed: float) -> float:
        """Return P(X >= observed)."""
        return float(min(1.0, self.probabilities[self.values >= observed - TOLERANCE].sum()))


def membership(scores: np.ndarray, k: int) -> np.ndarray:
    """Mark the `k` largest absolute scores of each row.

    Parameters
    ----------
    scores
        Shape (..., components).
    k
        Size of the top set; ties at the border go to the earlier component.

    Returns
    -------
    numpy.ndarray
        Booleans of the same shape with `k` marks along the last axis.
    """
    if not 1 <= k <= scores.shape[-1]:
        raise ParameterError(f"k = {k} is not between 1 and {scores.shape[-1]} components.")
    order = np.argsort(-np.abs(scores), axis=-1, kind="stable")
    marks = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(marks, order[..., :k], True, axis=-1)
    return marks


def jaccard(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |A and B| / |A or B| along the last axis of two boolean arrays; 0 / 0 is an error."""
    union = (a | b).sum(-1)
    if np.any(union == 0):
        raise ParameterError("The Jaccard index of two empty sets does not exist.")
    return (a & b).sum(-1) / union


def mean_same(sets: np.ndarray) -> float:
    """Return the mean Jaccard index over objects and pairs of conditions.

    Parameters
    ----------
    sets
        Booleans, shape (objects, conditions, components).
    """
    first, second = np.triu_indices(sets.shape[1], 1)
    return float(jaccard(sets[:, first], sets[:, second]).mean())


def triple_null(sets: np.ndarray, bands: np.ndarray | None = None) -> Discrete:
    r"""Exact null distribution of `mean_same` for three conditions.

    Within each band every set is replaced by a uniform one of the same size; bands, sets and
    objects are independent. Within a band of size s, with a, b and c members chosen,
    :math:`|A \cap B|` is hypergeometric, and given A and B the part of C that falls in the four
    cells of the A-B table is multivariate hypergeometric.

    Parameters
    ----------
    sets
        Booleans, shape (objects, 3, components), structurally empty components left out.
    bands
        Band label of each component; ``None`` for a single band.

    Returns
    -------
    Discrete
    """
    bands = _bands(sets, bands)
    inside = [bands == band for band in np.unique(bands)]
    of_bands = ([(x.sum(), *triple[:, x].sum(-1)) for x in inside] for triple in sets)
    # the order of bands does not matter, so that few laws are different
    return _law(tuple(tuple(sorted(tuple(map(int, n)) for n in one)) for one in of_bands))


@lru_cache(maxsize=1024)
def _law(objects: tuple[tuple[tuple[int, int, int, int], ...], ...]) -> Discrete:
    total = {0.0: 1.0}
    for one in objects:
        total = _convolve(total, _triple_law(one))
    return _discrete(total, 3 * len(objects))


@lru_cache(maxsize=1024)
def _triple_law(bands: tuple[tuple[int, int, int, int], ...]) -> dict[float, float]:
    """Return the law of the sum of three indices from the size and the members of each band."""
    counts, joint = np.array(bands)[:, 1:].sum(axis=0).tolist(), {(0, 0, 0): 1.0}
    for band in bands:
        joint = _add(joint, _band_overlaps(*band))
    one: dict[float, float] = {}
    for overlaps, chance in joint.items():
        value = sum(
            o / (counts[i] + counts[j] - o)
            for o, (i, j) in zip(overlaps, ((0, 1), (0, 2), (1, 2)), strict=True)
        )
        key = round(value, 12)
        one[key] = one.get(key, 0.0) + chance
    return one


def independent_null(k: int, n: int, comparisons: int) -> Discrete:
    """Exact distribution of the mean of independent Jaccard indices of random k-subsets of n.

    This ignores that a set is compared twice; it is what a permutation that draws two new sets
    for every comparison converges to.
    """
    one: dict[float, float] = {}
    for i in range(max(0, 2 * k - n), k + 1):
        one[round(i / (2 * k - i), 12)] = comb(k, i) * comb(n - k, k - i) / comb(n, k)
    total = {0.0: 1.0}
    for _ in range(comparisons):
        total = _convolve(total, one)
    return _discrete(total, comparisons)


def triple_draws(
    sets: np.ndarray,
    bands: np.ndarray | None,
    draws: int,
    rng: np.random.Generator,
    agreement: float = 0.0,
) -> np.ndarray:
    """Draw `mean_same` of random sets: the Monte-Carlo counterpart of `triple_null`.

    Parameters
    ----------
    sets, bands
        As for `triple_null`; every drawn set keeps its size in each band.
    draws, rng
        Number of draws and source of randomness.
    agreement
        Correlation, between the conditions of an object, of the normal scores whose largest form
        the sets. 0 is the null, 1 makes the sets of an object as equal as their sizes allow.
    """
    bands = _bands(sets, bands)
    drawn = np.zeros((draws, *sets.shape), dtype=bool)
    for band in np.unique(bands):
        inside = np.flatnonzero(bands == band)
        scores = rng.normal(size=(draws, *sets.shape[:2], inside.size))
        if agreement:
            common = rng.normal(size=(draws, len(sets), 1, inside.size))
            scores = np.sqrt(agreement) * common + np.sqrt(1 - agreement) * scores
        size = np.broadcast_to(sets[:, :, inside].sum(-1, keepdims=True), (*scores.shape[:3], 1))
        least = np.append(np.sort(scores, axis=-1), np.full(size.shape, np.inf), axis=-1)
        drawn[..., inside] = scores < np.take_along_axis(least, size, axis=-1)
    first, second = np.triu_indices(sets.shape[1], 1)
    return jaccard(drawn[:, :, first], drawn[:, :, second]).mean((1, 2))


def cross_table(sets: np.ndarray) -> np.ndarray:
    """Return all Jaccard indices, shape (objects, conditions, objects, conditions)."""
    return jaccard(sets[:, :, None, None], sets[None, None])


def specificity(table: np.ndarray) -> float:
    """Return the mean agreement of the same object minus that of different objects.

    Only comparisons between different conditions enter, and only those of two conditions that
    hold an object in common; each comparison counts once.

    Parameters
    ----------
    table
        Agreement of every object in every condition with every other, shape (objects,
        conditions, objects, conditions), as from `cross_table`; NaN where an object was not
        observed in a condition.

    Raises
    ------
    ParameterError
        If there are fewer than two objects, or no object was seen in two conditions.
    """
    objects, conditions = table.shape[:2]
    if objects < 2:
        raise ParameterError("Specificity needs the sets of at least two objects.")
    across = table.transpose(0, 2, 1, 3)[:, :, ~np.eye(conditions, dtype=bool)]
    same = np.eye(objects, dtype=bool)
    shared = np.isfinite(across[same]).any(0)
    if not shared.any():
        raise ParameterError("No object was observed in two conditions; there is no same object.")
    across = across[:, :, shared]
    return float(np.nanmean(across[same]) - np.nanmean(across[~same]))


def label_null(table: np.ndarray) -> Discrete:
    """Exact distribution of `specificity` when object labels are permuted in each condition.

    A condition permutes the labels of the objects that it holds, once for all comparisons that it
    enters. All arrangements are counted; where every condition holds every object the first keeps
    its labels, because a common relabelling changes nothing.
    """
    held = _held(table)
    start = 1 if held.all() else 0
    options = [_orders(one, free=number >= start) for number, one in enumerate(held.T)]
    total = prod(map(len, options))
    if total > MOST_ARRANGEMENTS:
        raise ParameterError(
            f"{total} arrangements of labels are too many to count; draw them with label_draws."
        )
    places = np.indices([len(one) for one in options]).reshape(len(options), total)
    values = _specificities(table, [one[k] for one, k in zip(options, places, strict=True)])
    found, counts = np.unique(np.round(values, 12), return_counts=True)
    return Discrete(found, counts / total)


def label_draws(table: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Monte-Carlo counterpart of `label_null`."""
    options = [_orders(one, free=True) for one in _held(table).T]
    places = [[rng.integers(len(one)) for one in options] for _ in range(draws)]
    return _specificities(
        table, [one[k] for one, k in zip(options, np.transpose(places), strict=True)]
    )


def _specificities(table: np.ndarray, orders: Sequence[np.ndarray]) -> np.ndarray:
    """Return `specificity` of n arrangements; `orders`: per condition its labels, (n, objects).

    What is missing, and the sum of all comparisons, are the same in every arrangement.
    """
    own = np.arange(len(table))
    ends = [(c, d) for c, d in permutations(range(len(orders)), 2)]
    ends = [(c, d) for c, d in ends if np.isfinite(table[own, c, own, d]).any()]
    every = np.concatenate([table[:, c, :, d].ravel() for c, d in ends])
    count = sum(int(np.isfinite(table[own, c, own, d]).sum()) for c, d in ends)
    same = sum(np.nansum(table[orders[c], c, orders[d], d], axis=1) for c, d in ends)
    return same / count - (np.nansum(every) - same) / (np.isfinite(every).sum() - count)


def _held(table: np.ndarray) -> np.ndarray:
    """Return which objects were observed in which condition, shape (objects, conditions)."""
    return np.isfinite(table).any((2, 3))


def _orders(held: np.ndarray, *, free: bool) -> np.ndarray:
    """Return all orders (n, objects) of a condition's objects, the absent ones left in place."""
    found = []
    for order in permutations(np.flatnonzero(held)) if free else [np.flatnonzero(held)]:
        index = np.arange(held.size)
        index[held] = order
        found.append(index)
    return np.array(found)


def _bands(sets: np.ndarray, bands: np.ndarray | None) -> np.ndarray:
    if sets.ndim != 3 or sets.shape[1] != 3:
        raise ParameterError(f"Expected sets of shape (objects, 3, components), got {sets.shape}.")
    return np.zeros(sets.shape[2], dtype=int) if bands is None else np.asarray(bands)


@lru_cache(maxsize=1024)
def _band_overlaps(size: int, a: int, b: int, c: int) -> dict[tuple[int, int, int], float]:
    result: dict[tuple[int, int, int], float] = {}
    for both in range(max(0, a + b - size), min(a, b) + 1):
        chance = comb(a, both) * comb(size - a, b - both) / comb(size, b)
        outside = size - a - b + both
        for x, y, z in product(range(both + 1), range(a - both + 1), range(b - both + 1)):
            rest = c - x - y - z
            if not 0 <= rest <= outside:
                continue
            ways = comb(both, x) * comb(a - both, y) * comb(b - both, z) * comb(outside, rest)
            key = (both, x + y, x + z)
            result[key] = result.get(key, 0.0) + chance * ways / comb(size, c)
    return result


def _add(first: dict, second: dict) -> dict:
    result: dict[tuple[int, int, int], float] = {}
    for (a, p), (b, q) in product(first.items(), second.items()):
        key = (a[0] + b[0], a[1] + b[1], a[2] + b[2])
        result[key] = result.get(key, 0.0) + p * q
    return result


def _convolve(first: dict[float, float], second: dict[float, float]) -> dict[float, float]:
    result: dict[float, float] = {}
    for (a, p), (b, q) in product(first.items(), second.items()):
        key = round(a + b, 11)
        result[key] = result.get(key, 0.0) + p * q
    return result


def _discrete(chances: dict[float, float], divisor: int) -> Discrete:
    values = np.array(sorted(chances))
    return Discrete(values / divisor, np.array([chances[v] for v in values]))
