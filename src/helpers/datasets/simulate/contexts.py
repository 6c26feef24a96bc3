"""Screens in several contexts in which it is known why attention and co-expression differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from helpers.errors import ParameterError

CONTEXTS = {
    "same-contexts": "two contexts with one truth and different numbers of cells",
    "universe-shift": "co-expression knows responders among variable genes only",
    "best-layer-noise": "all layers and co-expression are equally good; layers differ by chance",
}


@dataclass(frozen=True)
class ContextWorld:
    """Scores of one screen, and how much each gene moved in every context.

    Parameters
    ----------
    layers
        (layers, T, G) attention; the pair of a perturbed gene with itself is NaN.
    restricted
        (T, G) mean of the layers of a model that is given variable genes only.
    coexpression
        (T, G) co-expression.
    moved
        Context -> (T, G) size of the change, in standard errors.
    cells
        Context -> cells of each perturbation.
    variable
        (G,) variable genes.
    """

    layers: np.ndarray = field(repr=False)
    restricted: np.ndarray = field(repr=False)
    coexpression: np.ndarray = field(repr=False)
    moved: Mapping[str, np.ndarray] = field(repr=False)
    cells: Mapping[str, int]
    variable: np.ndarray = field(repr=False)


def context_world(
    name: str,
    seed: int,
    n_perturbations: int = 16,
    n_genes: int = 120,
    n_layers: int = 6,
    cells: tuple[int, int] = (40, 160),
    equal_cells: bool = False,
) -> ContextWorld:
    r"""Draw a screen in two contexts.

    A fifth of the genes respond to each perturbation with effects e ~ N(0, 1). The change of a gene
    is seen as :math:`|e \sqrt{n / 80} + N(0, 1)|` with n cells. Scores are noise N(0, 1), plus an
    effect of the gene N(0, 0.5) that all perturbations share, plus the strength of what they know
    for genes that respond.

    Parameters
    ----------
    name
        One of `CONTEXTS`.
    seed
        Seed of everything.
    n_perturbations, n_genes, n_layers
        Sizes; perturbation k is that of gene k.
    cells, equal_cells
        Cells per perturbation in the contexts A and B; equal ones take the smaller number in both.

    Raises
    ------
    ParameterError
        If there is no world of this name, or more perturbations than genes.
    """
    if name not in CONTEXTS:
        raise ParameterError(f"no world {name!r}; there are {', '.join(CONTEXTS)}")
    if n_perturbations > n_genes // 2:
        raise ParameterError(f"{n_perturbations} perturbations need twice as many genes")
    rng = np.random.default_rng(seed)
    shape = n_perturbations, n_genes
    responds = rng.random(shape).argsort(axis=1, kind="stable") < n_genes // 5
    effect = np.where(responds, 2.0 * rng.normal(size=shape), 0.0)
    variable = np.arange(n_genes) % 2 == 0

    def score(strength: np.ndarray | float) -> np.ndarray:
        made = rng.normal(size=shape) + 0.5 * rng.normal(size=n_genes) + strength * responds
        np.fill_diagonal(made, np.nan)
        return made

    strength = 0.4 if name == "best-layer-noise" else 0.8
    layers = np.stack([score(strength) for _ in range(n_layers)])
    known = np.where(variable, 1.6, 0.0) if name == "universe-shift" else strength
    number = dict(zip("AB", (min(cells),) * 2 if equal_cells else cells, strict=True))
    moved = {}
    for context, n in number.items():
        seen = np.abs(effect * np.sqrt(n / 80) + rng.normal(size=shape))
        np.fill_diagonal(seen, np.nan)
        moved[context] = seen
    restricted = layers.mean(axis=0) + 0.1 * rng.normal(size=shape)
    return ContextWorld(layers, restricted, score(known), moved, number, variable)
