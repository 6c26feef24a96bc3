"""A perturbation screen, ready for the question which genes respond.

Controls are cut in thirds, so that scores, the reference of the effects, and the cells that are
thinned have no cell in common; otherwise a gene that happens to be high in the controls scores high
and seems to fall in every perturbation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import anndata as ad
import numpy as np
import pandas as pd

from helpers.datasets import load
from helpers.datasets.own import open_own
from helpers.edges.expression import counts_of
from helpers.errors import DataError
from helpers.evaluation.pseudobulk import bulk_effects
from helpers.evaluation.responders import Effects, effects, log_normalised

FEWEST_CELLS = 30
"""Fewest cells of a perturbation (published protocol)."""


@dataclass(frozen=True)
class Screen:
    """Control cells in three parts, and effects of perturbations.

    Parameters
    ----------
    scored
        Controls from which scores are made.
    reference, rest
        (cells, genes) counts: controls that effects refer to, and controls that may be thinned.
    sizes
        Perturbation -> number of cells.
    effects
        Perturbation -> effects on all genes.
    bulk
        Perturbation -> log fold changes of summed counts.
    """

    scored: ad.AnnData = field(repr=False)
    reference: np.ndarray = field(repr=False)
    rest: np.ndarray = field(repr=False)
    sizes: Mapping[str, int]
    effects: Mapping[str, Effects] = field(repr=False)
    bulk: Mapping[str, Effects] = field(repr=False)

    @property
    def genes(self) -> np.ndarray:
        """Symbols."""
        return self.scored.var_names.to_numpy().astype(str)


def open_screen(name: str, symbols: str = "") -> ad.AnnData:
    """Return all cells of a registered screen, or of a file with counts."""
    cells = open_own(name, symbols=symbols) if "/" in name or "." in name else load(name)
    return cells if isinstance(cells, ad.AnnData) else cells.take(np.arange(cells.n_obs))


def read_screen(
    name: str,
    seed: int,
    perturbation: str = "perturbation",
    control: str = "control",
    batch: str = "batch",
) -> Screen:
    """Read a screen and measure its effects, inside batches where they are known.

    Parameters
    ----------
    name
        Registered screen, or a file with counts (`helpers.datasets.own.open_own`).
    seed
        Seed of the thirds of the controls.
    perturbation, control
        Column of ``obs`` with the perturbed gene, and its value for control cells.
    batch
        Column with days or replicates; without it all cells are compared at once.

    Raises
    ------
    DataError
        If the column or the controls are missing, counts are no counts, or no perturbation has 30
        cells.
    """
    cells = open_screen(name)
    if perturbation not in cells.obs:
        raise DataError(f"{name}: obs has no column {perturbation!r}; it has {list(cells.obs)}")
    counts = counts_of(cells).toarray()
    whole = counts.sum(axis=1) > 0
    who = cells.obs[perturbation].astype(str).to_numpy()
    strata = np.zeros(len(who), str)
    if batch in cells.obs:
        strata = cells.obs[batch].astype(str).to_numpy()
    free = np.random.default_rng(seed).permutation(np.flatnonzero(whole & (who == control)))
    if len(free) < 3 * FEWEST_CELLS:
        most = cells.obs[perturbation].value_counts().index[:3].tolist()
        raise DataError(
            f"{name}: {len(free)} control cells ({perturbation} = {control!r}), at least "
            f"{3 * FEWEST_CELLS} needed; the most frequent values are {most}"
        )
    scored, reference, rest = np.array_split(free, 3)
    base, found, bulk, sizes = log_normalised(counts[reference]), {}, {}, {}
    for one in sorted(set(who[whole]) - {control}):
        at = np.flatnonzero(whole & (who == one))
        if len(at) >= FEWEST_CELLS:
            values = log_normalised(counts[at])
            found[one] = effects(values, base, strata[at], strata[reference])
            bulk[one] = bulk_effects(counts[at], counts[reference], strata[at], strata[reference])
            sizes[one] = len(at)
    if not found:
        raise DataError(f"{name}: no perturbation has {FEWEST_CELLS} cells")
    return Screen(cells[scored].copy(), counts[reference], counts[rest], sizes, found, bulk)


def pair_table(
    labels: Mapping[str, np.ndarray],
    genes: np.ndarray,
    gene_scores: Mapping[str, np.ndarray],
    edges: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Return one row per perturbation and gene, without the perturbed gene itself.

    Parameters
    ----------
    labels
        Perturbation -> (genes,) responders. What follows a ``#`` in a name numbers draws of one
        perturbation and is no part of the gene's name.
    genes
        Symbols.
    gene_scores
        Name -> (genes,) scores of genes.
    edges
        Name -> scores, index = perturbed genes, columns = genes; pairs that it lacks are NaN.
    """
    names, n, genes = np.array([*labels], dtype=object), len(labels), np.asarray(genes)
    own = np.array([name.partition("#")[0] for name in names], dtype=object)
    columns = {"perturbation": np.repeat(names, len(genes)), "gene": np.tile(genes, n)}
    columns["label"] = np.concatenate([*labels.values()])
    columns |= {name: np.tile(values, n) for name, values in gene_scores.items()}
    for name, matrix in (edges or {}).items():
        columns[name] = matrix.reindex(index=own, columns=genes).to_numpy().ravel()
    others = (genes != own[:, None]).ravel()
    return pd.DataFrame(columns)[others].reset_index(drop=True)
