"""Co-expression of TFs and genes as sums over disjoint folds of cells."""

from __future__ import annotations

from dataclasses import dataclass, field

import anndata as ad
import numpy as np
from scipy.stats import rankdata

from helpers.edges.expression import counts_of, expression
from helpers.errors import DataError
from helpers.statistics.two_states import standardised

LEAST_CELLS = 10
"""Fewest cells of a group whose ranks are taken."""


@dataclass(frozen=True)
class FoldScores:
    """Scores of TF x gene pairs, kept apart by folds of cells.

    Parameters
    ----------
    sums
        (K, m, G) sum over the cells of a fold of the product of standardised ranks; row i is the
        gene of column i.
    cells
        (K,) cells of each fold.
    genes
        (G,) names, the m regulators first.
    """

    sums: np.ndarray = field(repr=False)
    cells: np.ndarray
    genes: np.ndarray = field(repr=False)

    @property
    def all(self) -> np.ndarray:
        """Scores (m, G) over all cells."""
        return self.sums.sum(axis=0) / self.cells.sum()

    @property
    def halves(self) -> np.ndarray:
        """Scores (2, m, G) over the even and over the odd folds."""
        return np.stack([self.sums[k::2].sum(axis=0) / self.cells[k::2].sum() for k in (0, 1)])


def fold_scores(
    adata: ad.AnnData,
    genes: list[str],
    n_rows: int,
    group: np.ndarray,
    rng: np.random.Generator,
    n_folds: int = 10,
    given_depth: bool = False,
) -> FoldScores:
    r"""Score pairs by the mean product of ranks that are standardised within groups of cells.

    .. math:: R_{ij} = \frac1N \sum_c z_{ci} z_{cj}

    with z the ranks of log-normalised expression among the cells of a group, less their mean and
    over their SD. With one group this is Spearman's correlation; with groups of cell types (and
    donors) it is the mean correlation within them, weighted by cells, so that neither composition
    nor a shift of a donor's mean enters. A gene that is constant in a group adds 0 there.

    Parameters
    ----------
    adata
        Counts.
    genes, n_rows
        Genes to score, the first `n_rows` of them as regulators.
    group
        (cells,) labels; cells without counts are left out, and groups with fewer than 10 others.
    rng, n_folds
        Source and number of folds; each holds its share of every group.
    given_depth
        Whether the ranks of library size within the group are taken out of z first (one slope for
        each gene): normalised values still follow depth, in every species alike.

    Raises
    ------
    DataError
        If no group has 10 cells, or a gene varies in no cell.
    """
    group = np.unique(np.asarray(group).astype(str), return_inverse=True)[1]
    held = np.asarray(counts_of(adata).sum(axis=1)).ravel() > 0
    rows = np.flatnonzero(held & (np.bincount(group, held)[group] >= LEAST_CELLS))
    if not rows.size:
        raise DataError(f"no group of cells has {LEAST_CELLS} cells")
    found, group = expression(adata[rows], genes), group[rows]
    if found.constant:
        raise DataError(f"{len(found.constant)} genes do not vary, first {found.constant[:3]}")
    values = np.column_stack([found.values, found.log_library])
    ranks, fold = np.empty(values.shape), np.empty(rows.size, dtype=int)
    for one in np.unique(group):
        members = rng.permutation(np.flatnonzero(group == one))
        ranks[members] = rankdata(values[members], axis=0)
        fold[members] = (np.arange(members.size) + rng.integers(n_folds)) % n_folds
    z = standardised(ranks, group)
    if given_depth:
        depth = z[:, -1:]
        z = standardised(z - depth * (depth.T @ z) / max(float((depth**2).sum()), 1.0), group)
    parts = [z[fold == k, :-1].astype(np.float32) for k in range(n_folds)]
    sums = np.stack([(part[:, :n_rows].T @ part).astype(np.float64) for part in parts])
    return FoldScores(sums, np.bincount(fold, minlength=n_folds), np.asarray(found.genes, str))
