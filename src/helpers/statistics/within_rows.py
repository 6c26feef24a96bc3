"""Mean over rows of the AUROC inside each row, with a two-way standard error.

A screen asks, perturbation by perturbation, which genes respond. The pooled AUROC of
`helpers.statistics.crossed` also rewards scores that know which perturbation has many responders;
a ranking of the genes of one perturbation cannot use that. The mean over perturbations of the AUROC
inside each of them leaves it out. Its pairs are crossed all the same: one ranking of the genes is
used for every perturbation, so genes are left out in turn as perturbations are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import rankdata

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import cluster_codes, label_vector, score_matrix
from helpers.statistics.crossed import CrossedAuroc, effective_units

LEAST = 3
"""Fewest positives, and negatives, of a row that enters the mean (published protocol)."""


@dataclass(frozen=True)
class RowChanges:
    """One row: AUROCs (k,), and what each of its pairs does to them."""

    auroc: np.ndarray
    without: np.ndarray
    influence: np.ndarray


def within_row_auroc(
    scores: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    least: int = LEAST,
) -> CrossedAuroc | NotEstimable:
    r"""Return mean AUROCs inside rows, with what leaving out each row and each column does.

    .. math:: \bar A = \tfrac1T \sum_i A_i,\qquad
              \widehat{\mathrm{var}} = \tfrac{T-1}{T}\sum_i(\bar A_{(i)}-\bar A)^2
              + \tfrac{G-1}{G}\sum_j(\bar A_{(j)}-\bar A)^2 - \sum_{ij}\psi_{ij}^2

    Rows with fewer than `least` positives or negatives do not enter.

    Parameters
    ----------
    scores
        (n,) or (k, n) finite scores; larger means more likely positive.
    labels
        (n,) booleans.
    rows, columns
        (n,) names, for example perturbation and gene; no pair twice.
    least
        At least 2, so that each row has an AUROC without any one of its columns.

    Returns
    -------
    CrossedAuroc or NotEstimable
        ``auroc`` holds the means; its methods test differences and equivalence. Not estimable where
        no row has enough positives and negatives.

    Examples
    --------
    >>> import numpy as np
    >>> rows, columns = np.divmod(np.arange(200), 20)
    >>> found = within_row_auroc(columns, columns % 3 == 0, rows, columns)
    >>> found.auroc.round(3), found.n_units
    (array([0.462]), 7)
    """
    if least < 2:
        raise ParameterError(f"least is {least}; at least 2 positives and negatives of a row")
    scores = score_matrix(scores)
    n = scores.shape[1]
    labels = label_vector(labels, n)
    names, row = cluster_codes(rows, n)
    column_names, column = cluster_codes(columns, n)
    if np.unique(row * column_names.size + column).size < n:
        raise ParameterError("a pair of row and column stands twice")
    positives = np.bincount(row, labels)
    enough = (positives >= least) & (np.bincount(row) - positives >= least)
    if not enough.any():
        return NotEstimable(f"no row has {least} positives and {least} negatives")
    used = np.flatnonzero(enough[row])
    t = int(enough.sum())
    found = [row_changes(scores[:, at], labels[at]) for at in _groups(row[used], used)]
    aurocs = np.stack([one.auroc for one in found], axis=1)
    mean = aurocs.mean(axis=1)
    order = np.concatenate(_groups(row[used], used))
    without = np.concatenate([one.without for one in found], axis=1) / t
    psi = np.concatenate([one.influence for one in found], axis=1) / t
    g = np.unique(column[used]).size
    by_column = np.stack([np.bincount(column[order], one, column_names.size) for one in without])
    kept = names[enough]
    place = np.searchsorted(column_names, kept).clip(max=column_names.size - 1)
    hits = labels[used]
    return CrossedAuroc(
        mean,
        (mean[:, None] - aurocs) / max(t - 1, 1) * np.sqrt((t - 1) / t),
        by_column * np.sqrt((g - 1) / g),
        np.where(column_names[place] == kept, place, -1),
        psi @ psi.T,
        used.size,
        int(hits.sum()),
        t,
        np.unique(column[used][hits]).size,
        min(float(t), effective_units(column[used][hits])),
    )


def above_reference(found: CrossedAuroc, reference: CrossedAuroc) -> CrossedAuroc:
    """Return AUROCs minus those of a reference on the same columns, as values to be tested for 0.

    The labels of the reference were drawn, many times a row, so its own rows add no error; leaving
    out a column changes both, and the difference of the changes counts.

    Parameters
    ----------
    found, reference
        From `within_row_auroc`, the same scores in the same order.
    """
    if found.without_column.shape != reference.without_column.shape:
        raise ParameterError("the reference has other scores or other columns")
    return replace(
        found,
        auroc=found.auroc - reference.auroc,
        without_column=found.without_column - reference.without_column,
    )


def _groups(codes: np.ndarray, at: np.ndarray) -> list[np.ndarray]:
    """Return the elements of `at` row by row, in the order of the codes."""
    order = np.argsort(codes, kind="stable")
    return np.split(at[order], np.flatnonzero(np.diff(codes[order])) + 1)


def row_changes(scores: np.ndarray, labels: np.ndarray) -> RowChanges:
    """Return AUROCs of k scores (k, n) of one row, and what each of its n pairs does to them."""
    n1, n0 = int(labels.sum()), int((~labels).sum())
    ranks = rankdata(scores, axis=1)
    share = np.empty(scores.shape)  # of pairs of a positive and a negative that this gene wins
    share[:, labels] = (ranks[:, labels] - rankdata(scores[:, labels], axis=1)) / n0
    share[:, ~labels] = 1 - (ranks[:, ~labels] - rankdata(scores[:, ~labels], axis=1)) / n1
    auroc = share[:, labels].mean(axis=1)
    size = np.where(labels, n1, n0)
    excess = share - auroc[:, None]
    return RowChanges(auroc, -excess / (size - 1), excess / size)
