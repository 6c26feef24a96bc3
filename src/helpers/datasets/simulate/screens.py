"""Perturbation screens in which it is known why a gene responds.

Each world answers one question about scores of responders: is it the pair, the gene, or what can be
seen of the gene?
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from helpers.errors import ParameterError

SCREENS = {
    "random-targets": "responders are drawn at random; every score of a gene should have 0.5",
    "abundant-targets": "responders are drawn with the square root of the mean",
    "edge-only": "responders are those that the edge score names, in equally expressed genes",
    "redundant": "the edge score is a function of the target's mean and nothing else",
    "pleiotropic": "some genes respond to everything; the edge score knows only those",
}


@dataclass(frozen=True)
class Screen:
    """Counts of control and perturbed cells.

    Parameters
    ----------
    controls
        (cells, genes) counts.
    perturbed
        One (cells, genes) array per perturbation; perturbation k is that of gene k.
    targets
        One array of columns per perturbation: the genes that were changed.
    edges
        (perturbations, genes) an edge score.
    """

    controls: np.ndarray = field(repr=False)
    perturbed: tuple[np.ndarray, ...] = field(repr=False)
    targets: tuple[np.ndarray, ...] = field(repr=False)
    edges: np.ndarray = field(repr=False)


def screen_world(
    name: str,
    seed: int,
    n_genes: int = 1200,
    n_controls: int = 2000,
    n_perturbations: int = 20,
    n_cells: int = 150,
    n_targets: int = 50,
    kept: float = 0.5,
) -> Screen:
    """Draw a screen.

    Negative binomial counts (dispersion 2) with log means N(-1.5, 1.5), the same for all genes in
    ``edge-only``, and cells of log size N(0, 0.3). A perturbation keeps the share `kept` of its
    targets' means.

    Parameters
    ----------
    name
        One of `SCREENS`.
    seed
        Seed of everything.
    n_genes, n_controls, n_perturbations, n_cells, n_targets
        Sizes; `n_cells` and `n_targets` per perturbation.
    kept
        Share of a target's mean that is left.

    Raises
    ------
    ParameterError
        If there is no world of this name, or more targets than other genes.
    """
    if name not in SCREENS:
        raise ParameterError(f"no screen {name!r}; there are {', '.join(SCREENS)}")
    if n_targets >= n_genes or n_perturbations > n_genes:
        raise ParameterError(f"{n_targets} targets, {n_perturbations} perturbations: too few genes")
    rng = np.random.default_rng(seed)
    spread = 0.0 if name == "edge-only" else 1.5
    means = np.exp(rng.normal(-1.5, spread, n_genes)) * (4.0 if name == "edge-only" else 1.0)
    everywhere = rng.choice(n_genes, 2 * n_targets, replace=False)
    edges = rng.normal(size=(n_perturbations, n_genes))
    perturbed, targets = [], []
    for k in range(n_perturbations):
        weight = np.sqrt(means) if name == "abundant-targets" else np.ones(n_genes)
        if name == "pleiotropic":
            weight = np.isin(np.arange(n_genes), everywhere).astype(float)
        weight = np.where(np.arange(n_genes) == k, 0.0, weight)
        chosen = rng.choice(n_genes, n_targets, replace=False, p=weight / weight.sum())
        changed = means.copy()
        changed[chosen] *= kept
        perturbed.append(_counts(changed, n_cells, rng))
        targets.append(chosen)
        if name == "edge-only":
            edges[k, chosen] += 3.0
    if name == "redundant":
        edges = np.tile(np.log(means), (n_perturbations, 1))
    if name == "pleiotropic":
        edges = np.tile(np.isin(np.arange(n_genes), everywhere) * 2.0, (n_perturbations, 1))
        edges += 0.5 * rng.normal(size=n_genes)
    return Screen(_counts(means, n_controls, rng), tuple(perturbed), tuple(targets), edges)


def _counts(means: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
    size = np.exp(rng.normal(0.0, 0.3, n_cells))[:, None]
    counts = rng.poisson(size * means * rng.gamma(2.0, 0.5, (n_cells, means.size)))
    return counts[counts.sum(axis=1) > 0]
