"""Agreement of two TF x gene matrices on their strongest pairs, with genes as units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from helpers.estimates import NotEstimable
from helpers.statistics.crossed import smallest_effect
from helpers.statistics.gene_matrices import GeneMatrices, align
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome

NULL = "gene labels permuted"


def top_overlap(
    first: np.ndarray,
    second: np.ndarray,
    ks: Sequence[int],
    rng: np.random.Generator,
    n_perm: int = 499,
) -> dict[int, Outcome | NotEstimable]:
    """Test whether the k strongest pairs of two matrices are the same more often than by names.

    Parameters
    ----------
    first, second
        (m, G) scores, the gene of row i being that of column i; strong is a large size. Ties at the
        border go to the earlier pair.
    ks
        Sizes of the top sets.
    rng, n_perm
        Source and number of permutations of the gene labels of `second`, the same for every k.

    Returns
    -------
    dict
        k -> Outcome with the number of shared pairs, one-sided. ``detail``: ``random``, the k^2 / n
        expected of random sets among n pairs, ``fold`` over it, ``fold_null`` over the permuted
        mean, ``p_random`` (hypergeometric) and ``n_pairs``.
    """
    data = align(first, second, np.arange(len(first)))
    if isinstance(data, NotEstimable):
        return dict.fromkeys(ks, data)
    n = int(data.used.sum())
    tops = [np.where(data.used, np.abs(x), -np.inf).ravel() for x in (data.a, data.r)]
    best = [np.argsort(-top, kind="stable") for top in tops]
    orders = data.orders(rng, n_perm)
    found: dict[int, Outcome | NotEstimable] = {}
    for k in ks:
        if k >= n:
            found[k] = NotEstimable(f"{n} pairs; the strongest {k} are all")
            continue
        marked = np.zeros(data.a.size, dtype=bool)
        marked[best[1][:k]] = True
        shared = _landed(marked, best[0][:k], orders, data.shape[1]).sum(axis=1)
        about = {"random": k * k / n, "fold": float(shared[0] * n / k**2), "n_pairs": n}
        about["p_random"] = float(stats.hypergeom.sf(shared[0] - 1, n, k, k))
        mean = float(shared[1:].mean())
        about["fold_null"] = float(shared[0] / mean) if mean > 0 else None
        found[k] = _outcome(float(shared[0]), shared[1:], data, "gene-label permutation", about)
    return found


def sign_agreement(
    first: np.ndarray,
    second: np.ndarray,
    rng: np.random.Generator,
    share: float = 0.1,
    n_perm: int = 499,
) -> Outcome | NotEstimable:
    """Test whether pairs chosen on one half of the cells have the same sign in the other halves.

    Parameters
    ----------
    first, second
        (2, m, G) scores of two halves of each set. Pairs among the strongest `share` of both first
        halves are chosen, their signs compared in the second halves: a choice on the data that are
        compared would agree by itself.
    rng, share, n_perm
        Source, share of the pairs, permutations of the gene labels of the second set.

    Returns
    -------
    Outcome or NotEstimable
        Share of the chosen pairs whose signs agree. ``detail``: ``n_chosen``, ``overall`` (the
        share over all pairs).
    """
    aligned = [align(a, b, np.arange(len(a))) for a, b in zip(first, second, strict=True)]
    if bad := [one for one in aligned if isinstance(one, NotEstimable)]:
        return bad[0]
    one, other = aligned
    strong, sign = [], []
    for chosen_on, judged_on in ((one.a, other.a), (one.r, other.r)):
        size = np.where(one.used, np.abs(chosen_on), -np.inf)
        strong.append(size >= np.quantile(size[one.used], 1 - share))
        sign.append(judged_on > 0)
    pairs = np.flatnonzero(strong[0])
    orders = one.orders(rng, n_perm)
    both = _landed(strong[1].ravel(), pairs, orders, one.shape[1])
    same = _landed(sign[1].ravel(), pairs, orders, one.shape[1]) == sign[0].ravel()[pairs]
    chosen = both.sum(axis=1)
    if chosen[0] == 0:
        return NotEstimable("no pair is among the strongest of both sets")
    kept = chosen > 0
    value = (same & both).sum(axis=1)[kept] / chosen[kept]
    overall = float((sign[0] == sign[1])[one.used].mean())
    about = {"n_chosen": int(chosen[0]), "overall": overall}
    return _outcome(float(value[0]), value[1:], one, "gene-label permutation", about)


def _landed(marked: np.ndarray, pairs: np.ndarray, orders: np.ndarray, g: int) -> np.ndarray:
    """Return (1 + B, pairs): what stands at the pairs after each permutation of the genes."""
    row, column = np.divmod(pairs, g)
    return np.stack([marked[order[row] * g + order[column]] for order in orders.astype(np.int64)])


def _outcome(
    value: float, draws: np.ndarray, data: GeneMatrices, test: str, about: dict
) -> Outcome:
    unit = {"unit": "gene", "n_units": data.shape[1]}
    found = null_outcome(value, draws, sides="one", test=test, null=NULL, **unit, detail=about)
    mde = smallest_effect(found.detail["null_sd"], sides="one")
    return replace(found, detail=found.detail | {"mde": mde})
