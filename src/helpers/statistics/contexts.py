"""Agreement of scores of the same pairs in several contexts, and where they differ."""

from __future__ import annotations

from dataclasses import replace
from math import factorial, prod

import numpy as np
from numba import njit
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.crossed import smallest_effect
from helpers.statistics.multiplicity import adjust
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome

RELABELLED = {"sides": "one", "null": "gene labels permuted", "unit": "gene"}
LEAST_ARRANGEMENTS = 20
MOVED = {"sides": "one", "null": "contexts of cells permuted within groups", "unit": "cell"}


def context_agreement(
    halves: np.ndarray, rng: np.random.Generator, n_perm: int = 199, share: float = 0.05
) -> dict[str, Outcome | NotEstimable]:
    """Test whether contexts agree, over all pairs of contexts, by permuting genes in each context.

    TFs change places among TFs and other genes among others, rows and columns together, on its own
    in every context but the first; what genes are prominent in a context stays.

    Parameters
    ----------
    halves
        (c, 2, m, G) scores of two halves of the cells of each context, the gene of row i being that
        of column i; finite off that diagonal.
    rng, n_perm
        Source and number of permutations, the same for all statistics.
    share
        Share of the pairs that are strongest (large in size).

    Returns
    -------
    dict
        Means over pairs of contexts: ``rho`` (rank correlation), ``top`` (share of the strongest
        pairs of one that are among those of the other), ``signs`` (share of pairs that are among
        the strongest of both in the first halves and have one sign in the second halves).
    """
    halves = np.asarray(halves, dtype=np.float64)
    c, _, m, g = halves.shape
    used = ~np.eye(m, g, dtype=bool)
    if c < 2 or m < 5:
        reason = NotEstimable(f"{c} contexts and {m} row genes; two and five are needed")
        return dict.fromkeys(("rho", "top", "signs"), reason)
    if not np.isfinite(halves[:, :, used]).all():
        raise ParameterError("every pair needs a score in every context")
    unit, top, signed = (np.zeros((c, m, g)) for _ in range(3))
    for k, (first, second) in enumerate(halves):
        ranks = stats.rankdata((first + second)[used])
        unit[k][used] = (ranks - ranks.mean()) / max(np.linalg.norm(ranks - ranks.mean()), 1e-12)
        for out, values in ((top, first + second), (signed, first)):
            size = np.abs(values[used])
            out[k][used] = size >= np.quantile(size, 1 - share)
        signed[k] *= np.where(second > 0, 1.0, -1.0)
    orders = [[np.arange(g)] * c]
    orders += [[np.arange(g), *(_order(rng, m, g) for _ in range(c - 1))] for _ in range(n_perm)]
    every, found = _statistics(unit, top, signed, orders), {}
    values, draws = every[:1], every[1:]
    for k, name in enumerate(("rho", "top", "signs")):
        seen = draws[np.isfinite(draws[:, k]), k]
        if not np.isfinite(values[0, k]) or not seen.size:
            found[name] = NotEstimable("no pair is among the strongest of two contexts")
            continue
        about = {"test": "gene-label permutation", "n_units": g, "detail": {"contexts": c}}
        one = null_outcome(float(values[0, k]), seen, **RELABELLED, **about)
        mde = smallest_effect(one.detail["null_sd"], sides="one")
        found[name] = replace(one, detail=one.detail | {"mde": mde})
    return found


def invariance_test(
    products: np.ndarray,
    context: np.ndarray,
    group: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 199,
) -> Outcome | NotEstimable:
    r"""Test whether scores differ between contexts by more than the noise of their cells.

    .. math:: \bar F = \frac1k \sum_e \frac{1}{c-1}
              \sum_c n_c \frac{(\bar x_{ec} - \bar x_e)^2}{s_e^2}

    Parameters
    ----------
    products
        (cells, k) value of each pair in each cell, such as the product of two standardised genes.
    context, group
        (cells,) labels; contexts change places among the cells of a group only.
    rng, n_perm
        Source and number of permutations.

    Returns
    -------
    Outcome or NotEstimable
        Mean of F over the pairs, 1 without differences. ``detail["share"]``: pairs with a
        chi-square q below 0.05; ``detail["contexts"]``.
    """
    x = np.asarray(products, dtype=np.float64)
    x = x[:, x.std(axis=0) > 0]
    labels = np.unique(np.asarray(context).astype(str), return_inverse=True)[1]
    groups = np.unique(np.asarray(group).astype(str), return_inverse=True)[1]
    c = int(labels.max()) + 1
    if c < 2 or not x.shape[1]:
        return NotEstimable(f"{c} contexts and {x.shape[1]} pairs that vary; two and one needed")
    z = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    sizes = np.bincount(labels).astype(np.float64)

    def spread(which: np.ndarray) -> np.ndarray:
        sums = np.eye(c)[which].T @ z
        return (sums**2 / sizes[:, None]).sum(axis=0)

    members = [np.flatnonzero(groups == one) for one in np.unique(groups)]
    draws = np.empty(n_perm)
    for b in range(n_perm):
        moved = labels.copy()
        for rows in members:
            moved[rows] = rng.permutation(labels[rows])
        draws[b] = spread(moved).mean() / (c - 1)
    observed = spread(labels)
    share = float((adjust(stats.chi2.sf(observed, c - 1)) < 0.05).mean())
    detail = {"share": share, "contexts": c, "pairs": x.shape[1]}
    about = {"test": "permutation", "n_units": len(x), "detail": detail}
    return null_outcome(float(observed.mean() / (c - 1)), draws, **MOVED, **about)


def kinds_over_donors(
    rho: np.ndarray,
    donor: np.ndarray,
    kind: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 999,
    level: float = 0.95,
) -> Outcome | NotEstimable:
    """Test whether one kind of cells in two donors agrees more than two kinds in two donors.

    Parameters
    ----------
    rho
        (n, n) agreement of blocks of cells, each of one donor and one kind.
    donor, kind
        (n,) labels. Only blocks of different donors are compared; kinds change places among the
        blocks of a donor.
    rng, n_perm
        Source and number of permutations.
    level
        Coverage.

    Returns
    -------
    Outcome or NotEstimable
        Mean within kinds less mean between kinds. The interval is about the size of the difference
        in the next donor: t from leaving out one donor at a time, with one degree of freedom less
        than donors. Not estimable with fewer than three donors or 20 arrangements of kinds.

    Notes
    -----
    The p is that of the permutation: with four donors whose kinds of cells are labelled at random,
    a t of the same jackknife rejects in 12 % of draws at a level of 5 %.
    """
    donor, kind = np.asarray(donor).astype(str), np.asarray(kind).astype(str)
    names = np.unique(donor)
    if names.size < 3:
        return NotEstimable(f"{names.size} donors; three are needed")

    def gap(keep: np.ndarray, kind: np.ndarray = kind) -> float:
        d, k, r = donor[keep], kind[keep], rho[np.ix_(keep, keep)]
        apart, same = d[:, None] != d, k[:, None] == k
        if not (apart & same).any() or not (apart & ~same).any():
            return np.nan
        return float(r[apart & same].mean() - r[apart & ~same].mean())

    every = np.ones(donor.size, dtype=bool)
    value = gap(every)
    left = np.array([gap(donor != one) for one in names])
    if not np.isfinite([value, *left]).all():
        return NotEstimable("without one donor no kind is held by two donors, or there is one kind")
    n, draws = names.size, []
    sizes = [factorial(int((donor == one).sum())) for one in names]
    ways = prod(sizes) // factorial(np.unique(kind).size)
    if ways < LEAST_ARRANGEMENTS:
        return NotEstimable(f"{ways} arrangements of kinds in donors; {LEAST_ARRANGEMENTS} needed")
    for _ in range(n_perm):
        moved = kind.copy()
        for one in names:
            moved[donor == one] = rng.permutation(kind[donor == one])
        draws.append(gap(every, moved))
    draws = np.array([x for x in draws if np.isfinite(x)])
    if not draws.size or np.ptp(draws) <= 1e-12:
        return NotEstimable("moving kinds within donors changes nothing")
    se = float(np.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum()))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * se
    about = {"sides": "two", "null": "kinds permuted within donors", "unit": "donor"}
    found = null_outcome(value, draws, test="permutation", n_units=n, detail={"se": se}, **about)
    detail = found.detail | {"mde": smallest_effect(found.detail["null_sd"])}
    floor = max(found.p_floor, 2 / ways)
    limits = {"low": value - half, "high": value + half, "level": level}
    return replace(found, **limits, p=max(found.p, floor), p_floor=floor, detail=detail)


def _order(rng: np.random.Generator, m: int, g: int) -> np.ndarray:
    return np.concatenate([rng.permutation(m), m + rng.permutation(g - m)])


@njit(cache=True, nogil=True)
def _squares(values, orders):  # pragma: no cover - compiled
    """Return (B, 4): sums over pairs of the squared sum over contexts of unit, top, signed, size.

    Context k of `values` (c, m, G, 3) is read in the order `orders[b, k]` of its genes.
    """
    draws, c, g = orders.shape
    out = np.zeros((draws, 4))
    for b in range(draws):
        for i in range(values.shape[1]):
            for j in range(g):
                unit, top, signed, size = 0.0, 0.0, 0.0, 0.0
                for k in range(c):
                    one = values[k, orders[b, k, i], orders[b, k, j]]
                    unit += one[0]
                    top += one[1]
                    signed += one[2]
                    size += abs(one[2])
                out[b, 0] += unit * unit
                out[b, 1] += top * top
                out[b, 2] += signed * signed
                out[b, 3] += size * size
    return out


def _statistics(unit: np.ndarray, top: np.ndarray, signed: np.ndarray, orders: list) -> np.ndarray:
    """Return (B, 3) means over ordered pairs of different contexts, one row per order of genes."""
    c, every = len(unit), np.stack([unit, top, signed], axis=-1)
    own = np.array([(x**2).sum() for x in (unit, top, signed, signed)])
    rho, shared, signs, both = (_squares(every, np.array(orders)) - own).T
    signs = np.divide(signs, both, np.full(len(orders), np.nan), where=both > 0)
    means = rho / (c * (c - 1)), shared / (c - 1) / max(top.sum(), 1.0), (1 + signs) / 2
    return np.stack(means, axis=1)
