"""Predictions for pairs whose row, column, or both a model has never seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from helpers.errors import DataError
from helpers.statistics.checks import cluster_codes, one_of

SPLITS = ("row", "column", "both")


def out_of_fold(
    model: Any,
    features: np.ndarray,
    outcome: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    split: str,
    rng: np.random.Generator,
    n_folds: int = 4,
) -> np.ndarray:
    """Return a model's prediction for every pair, made without the pair's own units.

    Folds over pairs leak: both genes of a held-out pair stand in training pairs. Here a test block
    holds rows (perturbations), columns (genes), or both, that no training pair holds.

    Parameters
    ----------
    model
        Estimator of scikit-learn; of a classifier the decision value or log odds are returned.
    features
        (n, p) finite numbers.
    outcome
        (n,) labels, or values for a regressor.
    rows, columns
        (n,) names.
    split
        ``"row"``, ``"column"``, or ``"both"``: n_folds x n_folds blocks, each predicted from the
        pairs that share neither rows nor columns with it.
    rng
        Source of the folds.
    n_folds
        Folds of rows and of columns.

    Raises
    ------
    DataError
        If there are fewer units than folds, or a training block holds one class only.
    """
    one_of("split", split, SPLITS)
    n = len(features)
    folds = []
    for name, units in (("row", rows), ("column", columns)):
        names, code = cluster_codes(units, n)
        if split not in (name, "both"):
            folds.append(np.zeros(n, int))
        elif names.size < n_folds:
            raise DataError(f"{names.size} {name}s for {n_folds} folds")
        else:
            folds.append(rng.permutation(np.arange(names.size) % n_folds)[code])
    classes = hasattr(model, "predict_proba")
    found = np.empty(n)
    for block in np.unique(np.stack(folds), axis=1).T:
        same = [fold == one for fold, one in zip(folds, block, strict=True)]
        test = same[0] & same[1]
        held = {"row": same[0], "column": same[1], "both": same[0] | same[1]}[split]
        if classes and np.unique(outcome[~held]).size < 2:
            raise DataError("a training block holds one class only; fewer folds, or more pairs")
        fitted = clone(model).fit(features[~held], outcome[~held])
        if classes:
            share = np.clip(fitted.predict_proba(features[test])[:, 1], 1e-12, 1 - 1e-12)
            found[test] = np.log(share / (1 - share))
        else:
            found[test] = fitted.predict(features[test])
    return found
