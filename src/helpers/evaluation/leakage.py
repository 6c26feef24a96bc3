"""Donor information in edge features, and donor balancing against its own sampling noise.

Donor labels of cells are permuted within cell type, so the unit of these tests is the cell: they
ask whether *these* donors differ, and say nothing about donors that were not sampled.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.estimates import NotEstimable
from helpers.evaluation.donors import (
    DonorCells,
    correlations_in_sets,
    edge_correlations,
    edge_products,
)
from helpers.statistics.auroc import auroc_many
from helpers.statistics.multiplicity import adjust
from helpers.statistics.permutation import null_outcome, sign_flip_test
from helpers.statistics.results import Outcome

PERMUTED = {
    "sides": "one",
    "test": "permutation",
    "null": "donors of cells permuted within cell type",
    "unit": "cell",
}
RIDGE = 10.0
FLAG = 0.5
FLOOR = 0.01
DECIMALS = 9
AT_ONCE = 100
"""Permutations whose labels are predicted together: memory grows with cells times this."""


def donor_scores(x: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Return out-of-fold ridge scores of every donor, for one or many labellings at once.

    Folds are drawn without looking at any label, so observed and permuted labels are treated
    alike. Ridge regression on one-hot labels is linear in the labels: further labellings are
    further columns of the target, and cost one fit.

    Parameters
    ----------
    x
        (cells, features).
    labels
        (labellings, cells) integers from 0.
    seed
        Of the five folds.

    Returns
    -------
    numpy.ndarray
        (labellings, cells, donors).
    """
    labels = np.atleast_2d(labels)
    hot = np.eye(labels.max() + 1)[labels]
    columns = hot.transpose(1, 0, 2).reshape(len(x), -1)
    model = make_pipeline(StandardScaler(), Ridge(RIDGE))
    folds = KFold(5, shuffle=True, random_state=seed)
    # Cells with equal features get equal scores, however the machine's matrix product rounds.
    found = np.round(cross_val_predict(model, x, columns, cv=folds), DECIMALS)
    return found.reshape(len(x), len(labels), -1).transpose(1, 0, 2)


def balanced_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean recall over donors when each cell is called by its largest score.

    The share of each donor is taken from its scores first, so that large donors have no advantage.
    """
    cells = np.bincount(labels, minlength=scores.shape[1])
    right = (scores - cells / labels.size).argmax(axis=1) == labels
    hits = np.bincount(labels, right, minlength=scores.shape[1])
    return float((hits[cells > 0] / cells[cells > 0]).mean())


def readability_test(
    cells: DonorCells, n_perm: int, seed: int
) -> tuple[pd.DataFrame, Outcome, Outcome | NotEstimable]:
    """Test whether donors can be read from edge products, and whether edges add to genes.

    Returns
    -------
    pandas.DataFrame
        ``features, auc, balanced_accuracy, chance``: products, the same genes, cell type only.
    Outcome
        Balanced accuracy of the products; donors permuted within cell type; one-sided.
    Outcome or NotEstimable
        Products minus genes, one-versus-rest AUC of each donor; sign flips over donors, two-sided.
    """
    products, genes = edge_products(cells)
    kinds = np.eye(cells.cell_type.max() + 1)[cells.cell_type]
    rows, auc, rng = [], {}, np.random.default_rng(seed)
    for name, x in {"edges": products, "genes": genes, "cell type": kinds}.items():
        scores = donor_scores(x, cells.donor, seed)[0]
        auc[name] = np.array(
            [auroc_many(scores[:, d], cells.donor == d)[0] for d in np.unique(cells.donor)]
        )
        accuracy = balanced_accuracy(scores, cells.donor)
        rows.append((name, float(auc[name].mean()), accuracy, 1 / cells.n_donors))
    drawn = []
    for start in range(0, n_perm, AT_ONCE):
        labels = [cells.permuted(rng) for _ in range(min(AT_ONCE, n_perm - start))]
        scores = donor_scores(products, np.array(labels), seed)
        drawn += [balanced_accuracy(one, given) for one, given in zip(scores, labels, strict=True)]
    readable = null_outcome(rows[0][2], np.array(drawn), n_units=len(cells.x), **PERMUTED)
    added = sign_flip_test(auc["edges"] - auc["genes"], rng, sides="two", unit="donor")
    columns = ["features", "auc", "balanced_accuracy", "chance"]
    return pd.DataFrame(rows, columns=columns), readable, added


def balanced_rows(donor: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return cells of a draw with as many cells of every donor as the smallest has."""
    least = np.bincount(donor).min()
    order = rng.permutation(donor.size)
    return np.concatenate([order[donor[order] == d][:least] for d in np.unique(donor)])


def sensitivity(full: np.ndarray, balanced: np.ndarray) -> dict[str, float]:
    r"""Return the share of edges flagged by ASI, the share that change sign, and the correlation.

    :math:`ASI = |r_{full}-r_{bal}|/\max(|r_{full}|, 0.01)`, flagged above 0.5.

    Examples
    --------
    >>> found = sensitivity(np.array([0.2, 0.2, 0.001]), np.array([0.09, 0.21, -0.001]))
    >>> round(found["flagged"], 3), round(found["flipped"], 3)
    (0.333, 0.333)
    """
    index = np.abs(full - balanced) / np.maximum(np.abs(full), FLOOR)
    return {
        "flagged": float((index > FLAG).mean()),
        "flipped": float((full * balanced < 0).mean()),
        "r": float(np.corrcoef(full, balanced)[0, 1]),
    }


def balance_test(
    cells: DonorCells, rng: np.random.Generator, n_perm: int, resamples: int = 3
) -> tuple[pd.DataFrame, Outcome]:
    """Test whether balancing donors changes edges more than a random draw of that size does.

    The statistic is the flagged share, mean of `resamples` balanced draws; its null permutes
    donors within cell type and balances again. One-sided.

    Returns
    -------
    pandas.DataFrame
        ``flagged, flipped, r``: observed and expected.
    Outcome
        Of the flagged share.
    """
    full = edge_correlations(cells)

    def balanced() -> Iterator[np.ndarray]:
        for k in range(1 + n_perm):
            donor = cells.permuted(rng) if k else cells.donor
            kept = np.zeros((resamples, donor.size), dtype=bool)
            for row in kept:
                row[balanced_rows(donor, rng)] = True
            yield kept

    found = [
        np.mean([list(sensitivity(full, one).values()) for one in drawn], axis=0)
        for drawn in correlations_in_sets(cells, balanced())
    ]
    shares = pd.DataFrame(found, columns=["flagged", "flipped", "r"])
    observed, null = shares.iloc[0], shares.iloc[1:]
    table = pd.DataFrame({"observed": observed, "expected": null.mean()}).T
    flagged = null_outcome(
        float(observed["flagged"]), null["flagged"].to_numpy(), n_units=len(cells.x), **PERMUTED
    )
    return table, flagged


def heterogeneity_test(
    cells: DonorCells, rng: np.random.Generator, n_perm: int
) -> Outcome | NotEstimable:
    """Test whether edge scores differ between donors: share of edges with Q-test q below 0.05.

    Q sums squared deviations of Fisher's z over donors; the null permutes donors within cell type.
    """
    if cells.n_donors < 2:
        return NotEstimable("one donor; donors cannot be compared")

    donors = (cells.permuted(rng) if k else cells.donor for k in range(1 + n_perm))
    names, sizes = np.unique(cells.donor, return_counts=True)
    weight, shares = sizes[:, None] - 3, []
    for r in correlations_in_sets(cells, (donor == names[:, None] for donor in donors)):
        z = np.arctanh(np.clip(r, -0.999, 0.999))
        q = (weight * (z - (weight * z).sum(0) / weight.sum()) ** 2).sum(0)
        shares.append(float((adjust(stats.chi2.sf(q, len(weight) - 1)) < 0.05).mean()))
    return null_outcome(shares[0], np.array(shares[1:]), n_units=len(cells.x), **PERMUTED)


def noise_curve(
    sizes: list[int], full: int = 20_000, edges: int = 8000, seed: int = 0
) -> pd.DataFrame:
    r"""Return what ASI reports without any donor effect, by size of the balanced set.

    True correlations are :math:`0.045\,t_3`; estimates over `full` cells, and over a subset of
    them, are normal with the sampling variance of a correlation, and the subset is part of the
    whole: :math:`r_{bal}=r_{full}+N(0, 1/n_{bal}-1/n_{full})`.

    Parameters
    ----------
    sizes
        Cells of the balanced sets.
    full, edges, seed
        Cells of the whole set, number of edges, and seed of the draw.

    Returns
    -------
    pandas.DataFrame
        ``cells, flagged, flipped, r``.
    """
    rng = np.random.default_rng(seed)
    rho = np.clip(0.045 * rng.standard_t(3, edges), -0.9, 0.9)
    r_full = rho + (1 - rho**2) * rng.normal(size=edges) / np.sqrt(full)
    rows = []
    for size in sizes:
        spread = (1 - rho**2) * np.sqrt(1 / size - 1 / full)
        rows.append({"cells": size} | sensitivity(r_full, r_full + spread * rng.normal(size=edges)))
    return pd.DataFrame(rows)
