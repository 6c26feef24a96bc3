"""Edges that differ between two states of cells, and how stable the strongest edges are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import monte_carlo_p
from helpers.statistics.detectable import POWER
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome

NULL = "states of cells permuted within groups"
DRAWS_AT_ONCE = 128


@dataclass(frozen=True)
class TwoStates:
    """Scores of k edges in two states, and which differ.

    Parameters
    ----------
    first, second
        (k,) mean score over the cells of each state.
    z
        (k,) second less first, in SDs of its permutation null.
    adjusted_p
        (k,) two-sided p of each edge, corrected for all k by the largest size of z in every draw:
        the chance of one false call or more is at most the level.
    any_edge
        The test that no edge differs: the largest size of z.
    cells
        Cells of the first and of the second state that were used.
    """

    first: np.ndarray
    second: np.ndarray
    z: np.ndarray
    adjusted_p: np.ndarray
    any_edge: Outcome
    cells: tuple[int, int]


def standardised(x: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return values (cells, genes) with mean 0 and SD 1 within every group; constant ones are 0."""
    z = np.zeros(x.shape)
    for one in np.unique(group):
        rows = group == one
        spread = x[rows].std(axis=0)
        z[rows] = (x[rows] - x[rows].mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    return z


def differential(
    products: np.ndarray,
    second: np.ndarray,
    group: np.ndarray,
    rng: np.random.Generator,
    n_perm: int = 999,
) -> TwoStates | NotEstimable:
    r"""Test which edges score differently in two states of the same groups of cells.

    The score of an edge in a state is the mean over its cells of a value per cell, such as the
    product of two standardised genes, whose mean is their correlation. States are permuted among
    the cells of each group (donor, cell type); a group with one state only is left out.

    Parameters
    ----------
    products
        (cells, k) value of each edge in each cell. If the genes were standardised within group and
        state, a shift of a gene's mean is no difference of an edge.
    second
        (cells,) True in the second state.
    group
        (cells,) labels; cells change places within them only.
    rng, n_perm
        Source and number of permutations.

    Returns
    -------
    TwoStates or NotEstimable
        The latter if no group has two cells or more of both states: then nothing tells states from
        groups. ``detail["mde"]`` of the test over all edges is the difference of one edge, in its
        standard deviations, that would be found with power 0.8 after the correction, and
        ``detail["mde_difference"]`` the same as a difference of means, for the median edge.
    """
    products, second = np.asarray(products), np.asarray(second, bool)
    group = np.unique(np.asarray(group).astype(str), return_inverse=True)[1]
    if products.ndim != 2 or not len(products) == len(second) == len(group):
        raise ParameterError(f"values {products.shape}, {len(second)} states, {len(group)} groups")
    sizes = np.array([np.bincount(group, one) for one in (second, ~second)])
    used = (sizes >= 2).all(axis=0)[group]
    if not used.any():
        return NotEstimable("no group (donor, cell type) holds two cells of both states")
    products, second, group = products[used], second[used], group[used]
    n = np.array([(~second).sum(), second.sum()])
    rows = [np.flatnonzero(group == one) for one in np.unique(group)]

    def differences(states: np.ndarray) -> np.ndarray:
        return (states / n[1] - (1 - states) / n[0]) @ products

    draws = []
    for start in range(0, n_perm, DRAWS_AT_ONCE):
        states = np.tile(second.astype(np.float64), (min(DRAWS_AT_ONCE, n_perm - start), 1))
        for cells in rows:
            states[:, cells] = rng.permuted(states[:, cells], axis=1)
        draws.append(differences(states))
    draws = np.concatenate(draws)
    share = np.empty(len(second))  # of each group in the second state: the mean of all permutations
    for cells in rows:
        share[cells] = second[cells].mean()
    centre, spread = differences(share[None])[0], draws.std(axis=0, ddof=1)
    spread = np.where(spread > 0, spread, np.inf)
    z = (differences(second[None].astype(np.float64))[0] - centre) / spread
    largest = np.abs((draws - centre) / spread).max(axis=1)
    # One edge that differs passes the 95 % point of the largest of all with power 0.8.
    smallest = float(np.quantile(largest, 0.95) + norm.ppf(POWER))
    typical = np.median(spread[np.isfinite(spread)]) if np.isfinite(spread).any() else np.nan
    about = {"groups": len(rows), "edges": products.shape[1], "mde": smallest}
    if np.isfinite(typical):
        # of a change in the second state, groups of unequal shares of it hide a part
        hidden = float((share / n[1] - (1 - share) / n[0]) @ second)
        about["mde_difference"] = smallest * float(typical) / (1 - hidden)
    exceeding = (largest[:, None] >= np.abs(z) - 1e-12).sum(axis=0)
    outcome = null_outcome(
        float(np.abs(z).max()),
        largest,
        sides="one",
        test="largest difference over edges",
        null=NULL,
        unit="cell",
        n_units=len(second),
        detail=about,
    )
    means = products[~second].mean(axis=0), products[second].mean(axis=0)
    p = monte_carlo_p(exceeding, n_perm)
    return TwoStates(*means, z, p, outcome, (int(n[0]), int(n[1])))


def stability(
    products: np.ndarray,
    top: int,
    rng: np.random.Generator,
    removed: Sequence[float] = (0.01, 0.1, 0.5),
    n_draws: int = 100,
) -> pd.DataFrame:
    """Return how many of the strongest edges stay when cells are removed at random.

    Parameters
    ----------
    products
        (cells, k) as for :func:`differential`; strong is a large size of the mean.
    top
        How many edges are strongest.
    rng, n_draws
        Source and number of draws of cells to remove.
    removed
        Shares of the cells; at least one cell is removed.

    Returns
    -------
    pandas.DataFrame
        ``removed`` (cells), ``overlap`` (mean share of the top edges that stay), ``low`` and
        ``high`` (2.5 and 97.5 % of the draws), ``chance`` (overlap of two random choices).
    """
    n, k = products.shape
    if not 0 < top <= k:
        raise ParameterError(f"top is {top}; there are {k} edges")

    def strongest(scores: np.ndarray) -> np.ndarray:
        return np.argsort(-np.abs(scores), kind="stable")[:top]

    total = products.sum(axis=0)
    whole, rows = strongest(total / n), []
    for share in removed:
        many = min(max(1, round(share * n)), n - 1)
        kept = []
        for _ in range(n_draws):
            out = rng.choice(n, many, replace=False)
            rest = (total - products[out].sum(axis=0)) / (n - many)
            kept.append(np.isin(strongest(rest), whole).mean())
        low, high = np.quantile(kept, [0.025, 0.975])
        rows.append((many, np.mean(kept), low, high, top / k))
    return pd.DataFrame(rows, columns=["removed", "overlap", "low", "high", "chance"])
