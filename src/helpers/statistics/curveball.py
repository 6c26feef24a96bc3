"""Random networks with the same degrees: curveball trades between rows, with forbidden cells.

One trade takes two rows, pools the columns that only one of them holds, and deals them out again
at random, each row keeping its number (Strona et al. 2014, Nat Commun 5:4114). Cells that must
stay empty (self pairs, pairs that were never measured) are left out of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numba import njit
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import midranks, rank_sum_auroc
from helpers.statistics.checks import score_matrix
from helpers.statistics.crossed_means import crossed_df, crossed_variance
from helpers.statistics.permutation import (
    MIN_UNITS,
    null_outcome,
    random_below,
    stream_seeds,
)
from helpers.statistics.results import Outcome


@njit(cache=True, nogil=True)
def _trade(columns, start, a, b, allowed, mark, token, pool, places):
    """Trade between rows a and b; return how many cells changed."""
    for p in range(start[a], start[a + 1]):
        mark[columns[p]] = token
    size = 0
    for p in range(start[b], start[b + 1]):
        c = columns[p]
        if mark[c] == token:
            mark[c] = -token  # held by both
        elif allowed[a, c]:
            pool[size] = c
            places[size] = p
            size += 1
    from_b = size
    for p in range(start[a], start[a + 1]):
        c = columns[p]
        if mark[c] == token and allowed[b, c]:
            pool[size] = c
            places[size] = p
            size += 1
    return from_b, size


@njit(cache=True, nogil=True)
def _shuffle_rows(columns, start, rows, allowed, trades, seed, mark, pool, places, state, first):
    """Run `trades` trades in place; `first` is the first unused token. Return the next one."""
    state[0] = seed
    token = first
    for _ in range(trades):
        i = random_below(state, rows.size)
        j = random_below(state, rows.size - 1)
        if j >= i:
            j += 1
        from_b, size = _trade(columns, start, rows[i], rows[j], allowed, mark, token, pool, places)
        token += 1
        if from_b == 0 or from_b == size:
            continue
        # A partial Fisher-Yates shuffle: the first `from_b` places belong to row b.
        few = min(from_b, size - from_b)
        for k in range(few):
            if few == from_b:
                other = k + random_below(state, size - k)
                pool[k], pool[other] = pool[other], pool[k]
            else:
                last = size - 1 - k
                other = random_below(state, last + 1)
                pool[last], pool[other] = pool[other], pool[last]
        for k in range(size):
            columns[places[k]] = pool[k]
    return token


@njit(cache=True, nogil=True)
def _draws(hub, start, rows, allowed, trades, seeds, observed):
    """Return (B, E) columns of independent chains from `hub`, and their overlap with observed."""
    n_columns = allowed.shape[1]
    out = np.empty((seeds.size, hub.size), np.int32)
    overlap = np.zeros(seeds.size, np.int64)
    mark = np.zeros(n_columns, np.int64)
    pool = np.empty(hub.size, np.int32)
    places = np.empty(hub.size, np.int64)
    state = np.empty(1, np.uint64)
    token = np.int64(1)
    for b in range(seeds.size):
        columns = out[b]
        columns[:] = hub
        token = _shuffle_rows(
            columns, start, rows, allowed, trades, seeds[b], mark, pool, places, state, token
        )
        for row in range(start.size - 1):
            for p in range(start[row], start[row + 1]):
                if observed[row, columns[p]]:
                    overlap[b] += 1
    return out, overlap


@dataclass(frozen=True)
class RewiredNetworks:
    """Networks with the degrees of the observed one.

    Parameters
    ----------
    rows
        (E,) row of every edge; the same in all draws.
    columns
        (B, E) column of every edge in each draw.
    shape
        Rows and columns of the network.
    trades
        Trades per draw.
    share_unchanged
        Share of draws identical to the observed network.
    jaccard_distance
        (B,) 1 - shared edges / joined edges, draw against observed.
    """

    rows: np.ndarray
    columns: np.ndarray
    shape: tuple[int, int]
    trades: int
    share_unchanged: float
    jaccard_distance: np.ndarray

    def mean(self) -> np.ndarray:
        """Return how often each cell holds an edge, as a share of the draws."""
        cells = self.rows * self.shape[1] + self.columns
        counts = np.bincount(cells.ravel(), minlength=self.shape[0] * self.shape[1])
        return counts.reshape(self.shape) / len(self.columns)

    def network(self, draw: int) -> np.ndarray:
        """Return one draw as a boolean matrix."""
        matrix = np.zeros(self.shape, dtype=bool)
        matrix[self.rows, self.columns[draw]] = True
        return matrix


def curveball(
    network: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 1000,
    forbidden: np.ndarray | None = None,
    trades: int | None = None,
) -> RewiredNetworks | NotEstimable:
    """Draw networks with the observed row and column sums.

    Parameters
    ----------
    network
        (rows, columns) booleans, for example TF x gene.
    rng, n_draws
        Source and number of networks.
    forbidden
        (rows, columns) booleans: cells that stay empty, such as self pairs.
    trades
        Trades per network. By default ten per edge, or, in networks of more than 1,000 edges,
        20 per row if that is less (a trade moves many edges at once; on 500 x 5,000 networks the
        distance from the observed network no longer grows after 20 per row).

    Returns
    -------
    RewiredNetworks or NotEstimable
        Not estimable when no trade can change the network (one row, a complete network).

    Notes
    -----
    The observed network is first walked to a hub, from which every draw walks independently.
    Trades are reversible, so observed and drawn networks are exchangeable under the null and the
    Monte Carlo p is valid even where the chain mixes slowly (Besag, Clifford 1989, Biometrika
    76:633-642). Whether it mixed is told by `share_unchanged` and `jaccard_distance`.
    With forbidden cells some networks of the same degrees may be out of reach of pairwise trades.
    """
    network = np.asarray(network, dtype=bool)
    if network.ndim != 2:
        raise ParameterError(f"the network has shape {network.shape}; a matrix is expected")
    allowed = np.ones(network.shape, bool) if forbidden is None else ~np.asarray(forbidden, bool)
    if allowed.shape != network.shape:
        raise ParameterError(f"forbidden {allowed.shape} and network {network.shape} differ")
    if (network & ~allowed).any():
        raise ParameterError("the network has an edge in a forbidden cell")
    row_of, columns = np.nonzero(network)
    columns = columns.astype(np.int32)
    degrees = network.sum(axis=1)
    rows = np.flatnonzero(degrees)
    if not _can_trade(network, allowed, rows):
        return NotEstimable("no trade can change the network; a degree-preserving null is empty")
    start = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)
    if trades is None:
        trades = min(10 * columns.size, max(20 * rows.size, 10_000))
    to_hub, _ = _draws(columns, start, rows, allowed, trades, stream_seeds(rng, 1), network)
    seeds = stream_seeds(rng, n_draws)
    # The compiled loops let go of the interpreter's lock; each draw has its own seed.
    parts = Parallel(n_jobs=-1, require="sharedmem")(
        delayed(_draws)(to_hub[0], start, rows, allowed, trades, some, network)
        for some in np.array_split(seeds, max(1, min(4 * cpu_count(), n_draws)))
    )
    drawn, overlap = (np.concatenate(part) for part in zip(*parts, strict=True))
    union = 2 * columns.size - overlap
    return RewiredNetworks(
        row_of,
        drawn,
        network.shape,
        trades,
        float((overlap == columns.size).mean()),
        1.0 - overlap / union,
    )


def curveball_tests(
    scores: np.ndarray,
    network: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 1000,
    forbidden: np.ndarray | None = None,
    trades: int | None = None,
    unit: str = "edge",
) -> list[Outcome] | NotEstimable:
    r"""Test the AUROC of each of k scores against the same networks of equal degrees, one-sided.

    Real networks have more structure than their degrees: some TFs share their targets. Then the
    AUROC varies more than in rewired networks, and their p alone is too small (9 % instead of 5 %
    for Geneformer's attention and relabelled DoRothEA). So p is the larger of two: the share of
    rewired networks with an AUROC as large, and t of

    .. math:: A - A_0 = \sum_{ij} (y_{ij} - p_{ij})\, r_{ij} / (n_1 n_0)

    with :math:`A_0` the mean AUROC, y the network, p the mean of the rewired ones and r the ranks
    of the scores, whose standard error takes TFs and targets as units (`crossed_variance`). Rows
    and columns of :math:`y - p` sum to zero, so that what a TF or a target has in common drops out.

    Parameters
    ----------
    scores
        (k, rows, columns) scores; ignored in forbidden cells.
    network, rng, n_draws, forbidden, trades
        As in :func:`curveball`. Every cell that is not forbidden belongs to the universe.

    Returns
    -------
    list of Outcome or NotEstimable
        ``detail`` has share_unchanged, mean_jaccard_distance and n_positive, and both p:
        ``p_rewired``, ``p_crossed``.
    """
    network = np.asarray(network, dtype=bool)
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape[1:] != network.shape:
        raise ParameterError(f"scores {scores.shape} do not fit the network {network.shape}")
    universe = np.ones(network.shape, bool) if forbidden is None else ~np.asarray(forbidden, bool)
    n_positive, n_pairs = int(network.sum()), int(universe.sum())
    n_rows, n_columns = int(network.any(axis=1).sum()), int(network.any(axis=0).sum())
    if n_positive in (0, n_pairs):
        return NotEstimable(f"{n_positive} positives among {n_pairs} pairs")
    if n_rows < MIN_UNITS:
        return NotEstimable(f"{n_rows} TFs with a positive; at least {MIN_UNITS} needed")
    rewired = curveball(network, rng, n_draws, forbidden, trades)
    if isinstance(rewired, NotEstimable):
        return rewired
    detail = {
        "n_positive": n_positive,
        "n_tfs_with_positive": n_rows,
        "n_targets_with_positive": n_columns,
        "share_unchanged": rewired.share_unchanged,
        "mean_jaccard_distance": float(rewired.jaccard_distance.mean()),
        "trades": rewired.trades,
    }
    surplus = network - rewired.mean()
    outcomes = []
    for matrix in scores:
        ranks = np.zeros(network.shape)
        ranks[universe] = midranks(score_matrix(matrix[universe])[0])
        sums = np.array([ranks[rewired.rows, columns].sum() for columns in rewired.columns])
        found = null_outcome(
            float(rank_sum_auroc(ranks[network].sum(), n_positive, n_pairs)),
            rank_sum_auroc(sums, n_positive, n_pairs),
            sides="one",
            test="curveball",
            null="networks of the same degrees",
            unit=unit,
            n_units=n_positive,
            detail=detail,
        )
        more = {"p_rewired": found.p, "p_crossed": _crossed_p(surplus, ranks, universe)}
        outcomes.append(replace(found, p=max(more.values()), detail=found.detail | more))
    return outcomes


def _crossed_p(surplus: np.ndarray, ranks: np.ndarray, universe: np.ndarray) -> float:
    """Return the one-sided p of sum(surplus * ranks) = 0 with rows and columns as units."""
    pairs = np.nonzero(universe & (surplus != 0))
    if pairs[0].size == 0:
        return 1.0
    # What a row or a column adds to all its ranks changes no sum; without it pairs vary least.
    weight = np.maximum(universe.sum(axis=1, keepdims=True), 1)
    ranks = np.where(universe, ranks - ranks.sum(axis=1, keepdims=True) / weight, 0.0)
    ranks = ranks - ranks.sum(axis=0) / np.maximum(universe.sum(axis=0), 1)
    influence = surplus[pairs] * ranks[pairs]
    variance = crossed_variance(influence, *pairs)[0, 0]
    if variance <= 0:
        return 1.0
    df = crossed_df(influence, *pairs)
    return float(stats.t.sf(influence.sum() / np.sqrt(variance), df))


def _can_trade(network: np.ndarray, allowed: np.ndarray, rows: np.ndarray) -> bool:
    """Return whether some pair of rows can exchange an edge."""
    give = (network[rows].astype(np.float32)) @ (allowed & ~network)[rows].T.astype(np.float32)
    return bool(((give > 0) & (give.T > 0)).any())
