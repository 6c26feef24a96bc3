"""Mean AUROCs within rows of several tables of pairs, with the covariance between the tables.

Two contexts (days, cell types, universes of genes) of one screen share perturbations and genes, so
the AUROCs of one are not independent of those of the other. Here a perturbation, or a gene, is left
out of all tables at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.checks import label_vector, score_matrix
from helpers.statistics.crossed import CrossedAuroc, effective_units
from helpers.statistics.within_rows import LEAST, row_changes

Pairs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Scores (k, n), labels (n,), names of rows (n,) and of columns (n,)."""


def across_tables(tables: Sequence[Pairs], least: int = LEAST) -> CrossedAuroc | NotEstimable:
    r"""Return the mean within-row AUROCs of every score of every table, one after the other.

    For one table this is :func:`helpers.statistics.within_rows.within_row_auroc`. For two,

    .. math:: \mathrm{cov} = \sum_i \Delta^{(1)}_i \Delta^{(2)}_i + \sum_j \Delta^{(1)}_j
              \Delta^{(2)}_j - \sum_{ij} \psi^{(1)}_{ij} \psi^{(2)}_{ij}

    with the changes by leaving out row i and column j of both tables, found by name.

    Parameters
    ----------
    tables
        Scores, labels, rows and columns of each; a row with fewer than `least` positives or
        negatives does not enter its table.
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
    >>> found = across_tables([day2, day2])
    >>> float(found.contrast(np.array([1.0, -1.0])).se)
    0.0
    """
    if least < 2:
        raise ParameterError(f"least is {least}; at least 2 positives and negatives of a row")
    parts = [_part(*table, least) for table in tables]
    if not all(parts):
        return NotEstimable(f"no row has {least} positives and {least} negatives")
    rows = np.unique(np.concatenate([part["row"] for part in parts]))
    columns = np.unique(np.concatenate([part["column"] for part in parts]))
    by_row, by_column, by_pair = [], [], []
    for part in parts:
        row, column = (np.searchsorted(n, part[k]) for n, k in ((rows, "row"), (columns, "column")))
        t, g = np.unique(row).size, np.unique(column).size
        change = np.zeros((len(part["auroc"]), rows.size))
        own = part["auroc"].mean(axis=1, keepdims=True)
        at = np.searchsorted(rows, part["names"])
        change[:, at] = (own - part["auroc"]) / max(t - 1, 1) * np.sqrt((t - 1) / t)
        by_row.append(change)
        pair = row * columns.size + column
        sums = [np.bincount(column, one / t, columns.size) for one in part["without"]]
        by_column.append(np.stack(sums) * np.sqrt((g - 1) / g))
        size = rows.size * columns.size
        by_pair.append(np.stack([np.bincount(pair, one / t, size) for one in part["influence"]]))
    psi, hit = np.concatenate(by_pair), [part["hits"] for part in parts]
    place = np.searchsorted(columns, rows).clip(max=columns.size - 1)
    targets = [part["column"][hits] for part, hits in zip(parts, hit, strict=True)]
    units = [part["names"].size for part in parts]
    return CrossedAuroc(
        np.concatenate([part["auroc"].mean(axis=1) for part in parts]),
        np.concatenate(by_row),
        np.concatenate(by_column),
        np.where(columns[place] == rows, place, -1),
        psi @ psi.T,
        sum(part["row"].size for part in parts),
        int(sum(hits.sum() for hits in hit)),
        min(units),
        min(np.unique(one).size for one in targets),
        min(*units, *(effective_units(one) for one in targets)),
    )


def _part(scores, labels, rows, columns, least: int) -> dict | None:
    """Return what the rows of one table with enough positives and negatives give."""
    scores = score_matrix(scores)
    labels = label_vector(labels, scores.shape[1])
    rows, columns = np.asarray(rows), np.asarray(columns)
    if np.unique(np.stack([rows, columns]).astype(str), axis=1).shape[1] < rows.size:
        raise ParameterError("a pair of row and column stands twice in a table")
    names, at = [], []
    for name in np.unique(rows):
        own = np.flatnonzero(rows == name)
        if min(labels[own].sum(), (~labels[own]).sum()) >= least:
            names.append(name)
            at.append(own)
    if not names:
        return None
    found = [row_changes(scores[:, own], labels[own]) for own in at]
    order = np.concatenate(at)
    return {
        "names": np.array(names),
        "auroc": np.stack([one.auroc for one in found], axis=1),
        "without": np.concatenate([one.without for one in found], axis=1),
        "influence": np.concatenate([one.influence for one in found], axis=1),
        "row": rows[order],
        "column": columns[order],
        "hits": labels[order],
    }
