"""Mean over rows of the AUROC inside each row, with a two-way standard error.

A screen asks, perturbation by perturbation, which genes respond. The pooled AUROC of
`helpers.statistics.crossed` also rewards scores that know which perturbation has many responders;
a ranking of the genes of one perturbation cannot use that. The mean over perturbations of the AUROC
inside each of them leaves it out. Its pairs are crossed all the same: one ranking of the genes is
used for every perturbation, so genes are left out in turn as perturbations are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import midranks
from helpers.statistics.checks import cluster_codes, label_vector, score_matrix
from helpers.statistics.crossed import CrossedAuroc, effective_units

Pairs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Scores (k, n), labels (n,), names of rows (n,) and of columns (n,)."""

LEAST = 3
"""Fewest positives, and negatives, of a row that enters the mean (published protocol)."""


@dataclass(frozen=True)
class _Row:
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
    return across_tables([(scores, labels, rows, columns)], least)


def across_tables(tables: Sequence[Pairs], least: int = LEAST) -> CrossedAuroc | NotEstimable:
    r"""Return the mean within-row AUROCs of the scores of several tables, one after the other.

    Contexts (days, cell types, universes of genes) of one screen share perturbations and genes; a
    row or a column is left out of all tables at once, found by its name:

    .. math:: \mathrm{cov} = \sum_i \Delta^{(1)}_i \Delta^{(2)}_i + \sum_j \Delta^{(1)}_j
              \Delta^{(2)}_j - \sum_{ij} \psi^{(1)}_{ij} \psi^{(2)}_{ij}

    Parameters
    ----------
    tables
        Scores, labels, rows and columns of each, as for `within_row_auroc`.
    least
        At least 2.

    Returns
    -------
    CrossedAuroc or NotEstimable
        Counts of units are those of the smallest table. Not estimable where a table has no row
        with enough of both.

    Examples
    --------
    >>> import numpy as np
    >>> rows, columns = np.divmod(np.arange(200), 20)
    >>> day2 = (columns, columns % 3 == 0, rows, columns)
    >>> float(across_tables([day2, day2]).contrast(np.array([1.0, -1.0])).se)
    0.0
    """
    if least < 2:
        raise ParameterError(f"least is {least}; at least 2 positives and negatives of a row")
    parts = [_part(*table, least) for table in tables]
    if not all(parts):
        return NotEstimable(f"no row has {least} positives and {least} negatives")
    rows = np.unique(np.concatenate([part["rows"] for part in parts]))
    columns = np.unique(np.concatenate([np.asarray(table[3]) for table in tables]))
    changes, psi, units, targets = ([], []), [], [], []
    for part in parts:
        row, column = (np.searchsorted(rows, part["row"]), np.searchsorted(columns, part["column"]))
        t, g, auroc = part["rows"].size, np.unique(column).size, part["auroc"]
        change = np.zeros((len(auroc), rows.size))
        change[:, np.searchsorted(rows, part["rows"])] = auroc.mean(axis=1, keepdims=True) - auroc
        changes[0].append(change / max(t - 1, 1) * np.sqrt((t - 1) / t))
        sums = np.stack([np.bincount(column, one, columns.size) for one in part["without"] / t])
        changes[1].append(sums * np.sqrt((g - 1) / g))
        pair, size = row * columns.size + column, rows.size * columns.size
        psi.append(np.stack([np.bincount(pair, one, size) for one in part["influence"] / t]))
        units.append(t)
        targets.append(column[part["hits"]])
    by_pair, place = np.concatenate(psi), np.searchsorted(columns, rows)
    place = place.clip(max=columns.size - 1)
    return CrossedAuroc(
        np.concatenate([part["auroc"].mean(axis=1) for part in parts]),
        *(np.concatenate(one) for one in changes),
        np.where(columns[place] == rows, place, -1),
        by_pair @ by_pair.T,
        sum(part["row"].size for part in parts),
        sum(one.size for one in targets),
        min(units),
        min(np.unique(one).size for one in targets),
        min(*map(float, units), *map(effective_units, targets)),
    )


def _part(scores, labels, rows, columns, least: int) -> dict | None:
    """Return what the rows of one table with enough positives and negatives give."""
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
        return None
    used = np.flatnonzero(enough[row])
    groups = _groups(row[used], used)
    found = [_row(scores[:, at], labels[at]) for at in groups]
    order = np.concatenate(groups)
    return {
        "rows": names[enough],
        "auroc": np.stack([one.auroc for one in found], axis=1),
        "without": np.concatenate([one.without for one in found], axis=1),
        "influence": np.concatenate([one.influence for one in found], axis=1),
        "row": names[row[order]],
        "column": column_names[column[order]],
        "hits": labels[order],
    }


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


def _row(scores: np.ndarray, labels: np.ndarray) -> _Row:
    """Return AUROCs of k scores (k, n) of one row, and what each of its n pairs does to them."""
    n1, n0 = int(labels.sum()), int((~labels).sum())
    share = np.empty(scores.shape)  # of pairs of a positive and a negative that this gene wins
    for one, score in zip(share, scores, strict=True):
        ranks = midranks(score)
        one[labels] = (ranks[labels] - midranks(score[labels])) / n0
        one[~labels] = 1 - (ranks[~labels] - midranks(score[~labels])) / n1
    auroc = share[:, labels].mean(axis=1)
    size = np.where(labels, n1, n0)
    excess = share - auroc[:, None]
    return _Row(auroc, -excess / (size - 1), excess / size)
