"""Tree-ensemble edge scores: GRNBoost2 and GENIE3."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Sequence

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from tqdm import tqdm

from helpers.edges.expression import Expression, Scale, expression
from helpers.errors import DataError, ParameterError

WINDOW = 25


def _early_stop(iteration: int, model: GradientBoostingRegressor, _: dict) -> bool:
    """Stop when the mean out-of-bag gain of the last trees is no longer positive."""
    if iteration < WINDOW:
        return False
    return float(np.mean(model.oob_improvement_[iteration - WINDOW + 1 : iteration + 1])) < 0


def _boosted(seed: int, n_trees: int) -> GradientBoostingRegressor:
    return GradientBoostingRegressor(
        n_estimators=n_trees,
        learning_rate=0.01,
        max_features=0.1,
        subsample=0.9,
        max_depth=3,
        random_state=seed,
    )


def _per_target(
    found: Expression, tfs: Sequence[str], fit: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return importances (TF, gene): one regression per target gene on all other TFs."""
    position = {gene: column for column, gene in enumerate(found.genes)}
    columns = np.array([position[tf] for tf in tfs])
    scores = np.zeros((len(tfs), len(found.genes)))
    for target in tqdm(range(len(found.genes)), desc="trees", disable=len(found.genes) < 50):
        others = np.flatnonzero(columns != target)
        if len(others):
            y = found.values[:, target] / found.values[:, target].std()
            scores[others, target] = fit(found.values[:, columns[others]], y)
    return scores


def _prepare(
    adata: ad.AnnData, tfs: Sequence[str], genes: Sequence[str] | None, scale: Scale
) -> tuple[Expression, list[str]]:
    found = expression(adata, genes, scale)
    present = set(found.genes)
    chosen = [tf for tf in dict.fromkeys(tfs) if tf in present]
    if not chosen:
        raise DataError(f"None of {len(tfs)} TFs is among the {len(present)} genes that vary")
    return found, chosen


def _edges(scores: np.ndarray, found: Expression, tfs: list[str], name: str) -> xr.DataArray:
    return xr.DataArray(
        scores,
        dims=("source", "target"),
        coords={"source": np.array(tfs, dtype=str), "target": found.genes.astype(str)},
        name=name,
        attrs={"n_cells": len(found.values), "constant_genes": list(found.constant)},
    )


def grnboost2(
    adata: ad.AnnData,
    tfs: Sequence[str],
    *,
    genes: Sequence[str] | None = None,
    scale: Scale = "lognorm",
    seed: int = 0,
    n_trees: int = 5000,
    backend: str = "auto",
) -> xr.DataArray:
    """Score TF-target pairs by GRNBoost2 (Moerman et al. 2019).

    For each target a stochastic gradient boosting regression on all other TFs (learning rate 0.01,
    depth 3, 10 % of TFs per split, 90 % of cells per tree, out-of-bag early stopping over 25
    trees); the score is the importance of the TF.

    Parameters
    ----------
    adata
        Cells with integer counts.
    tfs
        Candidate regulators; those not among the genes that vary are left out.
    genes
        Target genes (and regulators); all if absent.
    scale
        ``"lognorm"`` or ``"raw"``.
    seed
        Seed of the trees.
    n_trees
        Most trees per target.
    backend
        ``"rustscenic"``, ``"sklearn"``, or ``"auto"``: the first if it is installed.

    Returns
    -------
    xarray.DataArray
        Dims (source, target), source = TF; 0 where the TF was not used, and on self pairs.
    """
    if backend not in ("auto", "rustscenic", "sklearn"):
        raise ParameterError(f"backend is {backend!r}; choose auto, rustscenic or sklearn")
    found, chosen = _prepare(adata, tfs, genes, scale)
    if backend == "auto":
        backend = "rustscenic" if importlib.util.find_spec("rustscenic") else "sklearn"
    if backend == "rustscenic":
        from rustscenic import grn  # optional: the fallback below needs nothing beyond scikit-learn

        with warnings.catch_warnings():
            # raw counts are a choice that the caller named; the library warns about them
            warnings.filterwarnings("ignore", message="expression matrix max value")
            table = grn.infer(
                pd.DataFrame(found.values.astype(np.float32), columns=found.genes),
                chosen,
                n_estimators=n_trees,
                seed=seed,
                verbose=False,
            )
        wide = table.pivot_table(index="TF", columns="target", values="importance")
        scores = wide.reindex(index=chosen, columns=found.genes).fillna(0.0).to_numpy()
    else:

        def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            model = _boosted(seed, n_trees).fit(x, y, monitor=_early_stop)
            return model.feature_importances_ * len(model.estimators_)

        scores = _per_target(found, chosen, fit)
    return _edges(scores, found, chosen, "grnboost2")


def genie3(
    adata: ad.AnnData,
    tfs: Sequence[str],
    *,
    genes: Sequence[str] | None = None,
    scale: Scale = "lognorm",
    seed: int = 0,
    n_trees: int = 100,
) -> xr.DataArray:
    """Score TF-target pairs by GENIE3 (Huynh-Thu et al. 2010).

    One random forest per target (square root of the TFs per split, target scaled to unit variance);
    the score is the impurity importance of the TF. Parameters are those of `grnboost2`; `n_trees`
    is the number of trees per forest.
    """
    found, chosen = _prepare(adata, tfs, genes, scale)

    def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        forest = RandomForestRegressor(n_trees, max_features="sqrt", random_state=seed)
        return forest.fit(x, y).feature_importances_

    return _edges(_per_target(found, chosen, fit), found, chosen, "genie3")
