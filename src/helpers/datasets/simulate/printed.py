"""The simulated validation of paper A's section 3.14, as far as it is printed.

A three-tier signed network, cells at the steady state of a linear system with dropout, and an
"attention" map ``tanh(W + noise)`` whose noise grows with the number of cells. What the paper does
not print (numbers of genes, tiers, weights) has a stated default here. Source: paper A, sections
2.14 and 3.14.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable

TIERS = (0.2, 0.4)
"""Share of genes that are TFs, and regulators; the rest are targets (5-10-5 in the text)."""


STATES = (1, 2, 3, 4, 6, 8, 10)
"""Numbers of pooled states whose correlation with recovery stands for heterogeneity."""


def tiered_network(
    rng: np.random.Generator, n_genes: int = 50, density: float = 0.15
) -> np.ndarray:
    """Draw a hierarchical signed network: TFs act on regulators, both act on targets.

    Parameters
    ----------
    rng
        Source of randomness.
    n_genes
        Number of genes.
    density
        Share of the pairs down the hierarchy that are edges.

    Returns
    -------
    ndarray
        Genes x genes, row = source; weights uniform in (-2, 2), 0 = no edge.

    Raises
    ------
    ParameterError
        If there are too few genes for three tiers, or `density` is no share.
    """
    if n_genes < 5 or not 0 < density <= 1:
        raise ParameterError(f"no tiers of {n_genes} genes at density {density}; use 5 or more")
    tier = np.digitize(np.arange(n_genes) / n_genes, np.cumsum(TIERS))
    down = tier[:, None] < tier[None, :]
    edges = down & (rng.random(down.shape) < density)
    return np.where(edges, rng.uniform(-2, 2, down.shape), 0.0)


def steady_cells(
    weight: np.ndarray, n_cells: int, rng: np.random.Generator, dropout: float = 0.1
) -> np.ndarray:
    """Draw cells at the steady state of ``A X + b = 0`` with ``A = W' - I`` and normal ``b``.

    Returns
    -------
    ndarray
        Cells x genes; a share `dropout` of the values is set to 0.

    Raises
    ------
    ParameterError
        If an eigenvalue of the network is 1 or larger in size, so that no state is steady.
    """
    if (radius := float(np.abs(np.linalg.eigvals(weight)).max())) >= 1:
        raise ParameterError(f"spectral radius {radius:.2f}: no steady state; below 1 needed")
    drive = rng.standard_normal((n_cells, len(weight)))
    cells = np.linalg.solve(np.eye(len(weight)) - weight.T, drive.T).T
    return np.where(rng.random(cells.shape) < dropout, 0.0, cells)


def growing_noise_map(weight: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return the map ``tanh(W + e + b)`` of the paper, genes x genes.

    ``e ~ N(0, s)``, ``b ~ 0.5 s Exp(mean 0.5)``, ``s = 0.05 + 0.002 n`` for n cells: that recovery
    falls with n is put in.
    """
    sigma = 0.05 + 0.002 * n_cells
    noise = sigma * rng.standard_normal(weight.shape)
    return np.tanh(weight + noise + 0.5 * sigma * rng.exponential(0.5, weight.shape))


def recovery(scores: np.ndarray, weight: np.ndarray) -> float | NotEstimable:
    """Return Pearson's r of a map with the network over the ordered pairs of different genes."""
    pairs = ~np.eye(len(weight), dtype=bool)
    for name, values in (("the map", scores[pairs]), ("the network", weight[pairs])):
        if np.ptp(values) == 0:
            return NotEstimable(f"{name} is the same for every pair; nothing to recover")
    return float(np.corrcoef(scores[pairs], weight[pairs])[0, 1])


def recovery_by_states(
    n_states: tuple[int, ...], n_cells: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the recovery of one state's network from a map that pools several states.

    Every state has a network of its own; the pooled map is the mean of the states' maps, each with
    its share of the cells.
    """
    found = []
    for count in n_states:
        networks = [tiered_network(rng) for _ in range(count)]
        maps = [growing_noise_map(w, n_cells // count, rng) for w in networks]
        found.append(recovery(np.mean(maps, axis=0), networks[0]))
    return np.array(found)


def single_and_partial(cells: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return Spearman's rho of |marginal| and of |partial| correlation with the truth.

    The paper calls the second one Shapley; it is no Shapley value. The truth of an unordered pair
    is the larger weight of its two directions. A gene that no cell shows is left out.
    """
    if not (seen := np.ptp(cells, axis=0) > 0).all():
        cells, weight = cells[:, seen], weight[np.ix_(seen, seen)]
    upper = np.triu_indices(len(weight), 1)
    truth = np.maximum(np.abs(weight), np.abs(weight.T))[upper]
    marginal = np.corrcoef(cells, rowvar=False)
    precision = np.linalg.inv(marginal)
    scale = np.sqrt(np.diag(precision))
    partial = precision / np.outer(scale, scale)
    rhos = [spearmanr(np.abs(m[upper]), truth).statistic for m in (marginal, partial)]
    return float(rhos[0]), float(rhos[1])


def results(seeds: int, seed: int) -> pd.DataFrame:
    """Run the generator and take its six printed results, one row a seed.

    Parameters
    ----------
    seeds
        Number of seeds.
    seed
        Base seed.

    Returns
    -------
    pandas.DataFrame
        Columns are named as the claims ``synthetic/...``.
    """
    rows = []
    for one in range(seeds):
        rng = np.random.default_rng([seed, one])
        network = tiered_network(rng)
        maps = [growing_noise_map(network, n, rng) for n in (200, 2000)]
        pooled = recovery_by_states(STATES, 200, rng)
        cells = steady_cells(network, 500, rng)
        single, partial = single_and_partial(cells, network)
        found = [recovery(made, network) for made in maps]
        found += [np.corrcoef(STATES, pooled)[0, 1], single, partial]
        rows.append([*found, 100 * (partial - single) / single])
    names = ("recovery-200", "recovery-2000", "heterogeneity-r", "single-rho", "shapley-rho")
    return pd.DataFrame(rows, columns=[*names, "shapley-gain"])
