"""Donor information in edge features, and donor balancing against its own sampling noise."""

from __future__ import annotations

from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse, stats
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from helpers.datasets import load, load_reference
from helpers.datasets.simulate import world
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.statistics.multiplicity import adjust
from helpers.statistics.permutation import sign_flip_test
from helpers.statistics.results import Outcome

RIDGE = 10.0
FLAG = 0.5
FLOOR = 0.01
LEAST_CELLS = 50


@dataclass(frozen=True)
class Cells:
    """Log-normalised expression with labels, and the edges that are scored.

    Parameters
    ----------
    x
        (cells, genes) log1p of counts per 10,000.
    source, target
        (edges,) column numbers of TF and target.
    donor, cell_type
        (cells,) integer labels.
    """

    x: np.ndarray
    source: np.ndarray
    target: np.ndarray
    donor: np.ndarray
    cell_type: np.ndarray

    @property
    def n_donors(self) -> int:
        """Number of donors."""
        return np.unique(self.donor).size

    def products(self, n_edges: int = 200) -> tuple[np.ndarray, np.ndarray]:
        """Return per-cell products of the most variable edges and the genes they are made of.

        Expression is standardised within cell type first.
        """
        z = self.x.copy()
        for kind in np.unique(self.cell_type):
            rows = self.cell_type == kind
            spread = z[rows].std(axis=0)
            z[rows] = (z[rows] - z[rows].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        features = z[:, self.source] * z[:, self.target]
        best = np.argsort(-features.var(axis=0), kind="stable")[:n_edges]
        genes = np.union1d(self.source[best], self.target[best])
        return features[:, best], z[:, genes]


def prepare(adata: ad.AnnData, edges: pd.DataFrame, least_detected: float = 0.0) -> Cells:
    """Normalise counts, keep edges between detected genes, drop donors with few cells.

    Parameters
    ----------
    adata
        Counts with ``donor`` and ``cell_type``.
    edges
        ``source, target``.
    least_detected
        Smallest share of cells that must hold a gene.

    Raises
    ------
    DataError
        If no edge is left.
    """
    sizes = adata.obs["donor"].value_counts()
    adata = adata[adata.obs["donor"].isin(sizes.index[sizes >= LEAST_CELLS])]
    counts = sparse.csr_matrix(adata.layers["counts"])
    total = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1.0)
    held = np.asarray((counts > 0).mean(axis=0)).ravel()
    names = pd.Index(adata.var_names.astype(str))
    used = np.unique(edges[["source", "target"]].to_numpy().astype(str))
    column = names.get_indexer(used)
    column = column[(column >= 0)]
    column = column[(held[column] > 0) & (held[column] >= least_detected)]
    x = np.log1p(counts[:, column].toarray() / total[:, None] * 1e4)
    column_names = names[column]
    source = column_names.get_indexer(edges["source"].astype(str))
    target = column_names.get_indexer(edges["target"].astype(str))
    keep = (source >= 0) & (target >= 0) & (source != target)
    if not keep.any():
        raise DataError("no edge joins two detected genes; lower least_detected")
    codes = [pd.factorize(adata.obs[name].astype(str))[0] for name in ("donor", "cell_type")]
    return Cells(x.astype(float), source[keep], target[keep], *codes)


def simulated(name: str, seed: int, ratio: float = 0.9, **changes) -> Cells:
    """Draw a world and thin its donors to unequal sizes (donor d keeps a share ``ratio ** d``)."""
    made = world(name, seed, **({"log_mean": 1.0} | changes))
    codes = pd.factorize(made.adata.obs["donor"].astype(str))[0]
    kept = np.random.default_rng(seed).random(codes.size) < ratio**codes
    return prepare(made.adata[kept], made.network.drop_duplicates(["source", "target"]))


def pancreas() -> Cells:
    """Return the human pancreas cells of four donors with curated edges, genes in 10 % of cells."""
    return prepare(load("baron-human"), load_reference("trrust"), 0.1)


def edge_correlations(cells: Cells, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Return Pearson r of every edge over some cells; 0 for a gene that is constant there."""
    part = cells.x[rows]
    z = part - part.mean(axis=0)
    length = np.sqrt((z**2).sum(axis=0))
    z /= np.where(length > 0, length, 1.0)
    # Rows of regulators only: targets outnumber them.
    rows_of, place = np.unique(cells.source, return_inverse=True)
    matrix = z[:, rows_of].T @ z
    return np.clip(matrix[place, cells.target], -1.0, 1.0)


def balanced_rows(donor: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return cells of a draw with as many cells of every donor as the smallest has."""
    least = np.bincount(donor).min()
    order = rng.permutation(donor.size)
    return np.concatenate([order[donor[order] == d][:least] for d in np.unique(donor)])


def sensitivity(full: np.ndarray, balanced: np.ndarray) -> dict[str, float]:
    r"""Return the share of edges flagged by ASI, the share that change sign, and the correlation.

    :math:`ASI = |r_{full}-r_{bal}|/\max(|r_{full}|, 0.01)`, flagged above 0.5.
    """
    index = np.abs(full - balanced) / np.maximum(np.abs(full), FLOOR)
    return {
        "flagged": float((index > FLAG).mean()),
        "flipped": float((full * balanced < 0).mean()),
        "r": float(np.corrcoef(full, balanced)[0, 1]),
    }


def _within(labels: np.ndarray, strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Permute labels within strata."""
    out = labels.copy()
    for value in np.unique(strata):
        rows = np.flatnonzero(strata == value)
        out[rows] = labels[rng.permutation(rows)]
    return out


def balance_test(
    cells: Cells, draws: int, seed: int, resamples: int = 3
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
    rng = np.random.default_rng(seed)
    full = edge_correlations(cells)

    def once(donor: np.ndarray) -> pd.Series:
        found = [
            sensitivity(full, edge_correlations(cells, balanced_rows(donor, rng)))
            for _ in range(resamples)
        ]
        return pd.DataFrame(found).mean()

    observed = once(cells.donor)
    null = pd.DataFrame([once(_within(cells.donor, cells.cell_type, rng)) for _ in range(draws)])
    p = (1 + int((null["flagged"] >= observed["flagged"] - 1e-12).sum())) / (1 + draws)
    table = pd.DataFrame({"observed": observed, "expected": null.mean()}).T
    return table, _outcome(
        observed["flagged"], p, "donors permuted within cell type", cells.n_donors, draws
    )


def heterogeneity_test(cells: Cells, draws: int, seed: int) -> Outcome | NotEstimable:
    """Test whether edge scores differ between donors: share of edges with Q-test q below 0.05.

    Q sums squared deviations of Fisher's z over donors; the null permutes donors within cell type.
    """
    if cells.n_donors < 2:
        return NotEstimable("one donor; donors cannot be compared")

    def share(donor: np.ndarray) -> float:
        groups = [np.flatnonzero(donor == d) for d in np.unique(donor)]
        z = np.arctanh(np.clip([edge_correlations(cells, g) for g in groups], -0.999, 0.999))
        weight = np.array([g.size - 3 for g in groups])[:, None]
        q = (weight * (z - (weight * z).sum(0) / weight.sum()) ** 2).sum(0)
        return float((adjust(stats.chi2.sf(q, len(groups) - 1)) < 0.05).mean())

    rng = np.random.default_rng(seed)
    observed = share(cells.donor)
    null = np.array([share(_within(cells.donor, cells.cell_type, rng)) for _ in range(draws)])
    p = (1 + int((null >= observed - 1e-12).sum())) / (1 + draws)
    return _outcome(observed, p, "donors permuted within cell type", cells.n_donors, draws)


def _outcome(value: float, p: float, null: str, donors: int, draws: int) -> Outcome:
    return Outcome(
        estimate=float(value), p=p, sides="one", test="permutation", null=null, unit="donor",
        n_units=donors, resamples=draws, p_floor=1 / (1 + draws),
    )  # fmt: skip


@dataclass(frozen=True)
class LinearFolds:
    """Ridge classifier whose out-of-fold scores are one matrix times one-hot labels.

    The matrix does not depend on the labels, so permutations cost one product each.
    """

    maps: list[tuple[np.ndarray, np.ndarray, np.ndarray]]

    @classmethod
    def fit(cls, x: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]) -> LinearFolds:
        """Factorise every fold.

        Parameters
        ----------
        x
            (cells, features).
        folds
            Training and test rows.
        """
        maps = []
        for train, test in folds:
            mean, spread = x[train].mean(0), x[train].std(0)
            spread = np.where(spread > 0, spread, 1.0)
            a, b = (x[train] - mean) / spread, (x[test] - mean) / spread
            solved = np.linalg.solve(a.T @ a + RIDGE * np.eye(a.shape[1]), a.T)
            maps.append((train, test, b @ solved))
        return cls(maps)

    def scores(self, labels: np.ndarray) -> np.ndarray:
        """Return (cells, classes) out-of-fold scores."""
        hot = np.eye(labels.max() + 1)[labels]
        out = np.zeros_like(hot)
        for train, test, weights in self.maps:
            centre = hot[train].mean(0)
            out[test] = weights @ (hot[train] - centre) + centre
        return out


def balanced_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean recall over the classes that occur, after equalising class priors."""
    prior = np.bincount(labels, minlength=scores.shape[1]) / labels.size
    called = (scores - prior).argmax(axis=1)
    return float(np.mean([(called[labels == k] == k).mean() for k in np.unique(labels)]))


def donor_test(
    cells: Cells, draws: int, seed: int
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
    edges, genes = cells.products()
    folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(edges, cells.donor))
    sets = {
        "edges": edges,
        "genes": genes,
        "cell type": np.eye(cells.cell_type.max() + 1)[cells.cell_type],
    }
    rows, each, rng = [], {}, np.random.default_rng(seed)
    for name, x in sets.items():
        model = LinearFolds.fit(x, folds)
        scores = model.scores(cells.donor)
        each[name] = np.array(
            [roc_auc_score(cells.donor == d, scores[:, d]) for d in np.unique(cells.donor)]
        )
        accuracy = balanced_accuracy(scores, cells.donor)
        rows.append((name, float(each[name].mean()), accuracy, 1 / cells.n_donors))
        if name == "edges":
            null = [
                balanced_accuracy(model.scores(labels), labels)
                for labels in (_within(cells.donor, cells.cell_type, rng) for _ in range(draws))
            ]
            p = (1 + int((np.array(null) >= accuracy - 1e-12).sum())) / (1 + draws)
            readable = _outcome(
                accuracy, p, "donors permuted within cell type", cells.n_donors, draws
            )
    table = pd.DataFrame(rows, columns=["features", "auc", "balanced_accuracy", "chance"])
    added = sign_flip_test(each["edges"] - each["genes"], rng, sides="two", unit="donor")
    return table, readable, added


def noise_curve(
    sizes: list[int], full: int = 20_000, edges: int = 8000, seed: int = 0
) -> pd.DataFrame:
    r"""Return what ASI reports without any donor effect, by size of the balanced set.

    True correlations are :math:`0.045\,t_3`; estimates over `full` cells, and over a subset of
    them, are normal with the sampling variance of a correlation, and the subset is part of the
    whole: :math:`r_{bal}=r_{full}+N(0, 1/n_{bal}-1/n_{full})`.
    """
    rng = np.random.default_rng(seed)
    rho = np.clip(0.045 * rng.standard_t(3, edges), -0.9, 0.9)
    r_full = rho + (1 - rho**2) * rng.normal(size=edges) / np.sqrt(full)
    rows = []
    for size in sizes:
        spread = (1 - rho**2) * np.sqrt(1 / size - 1 / full)
        rows.append({"cells": size} | sensitivity(r_full, r_full + spread * rng.normal(size=edges)))
    return pd.DataFrame(rows)
