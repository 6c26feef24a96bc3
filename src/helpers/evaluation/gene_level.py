"""Scores that know nothing of the pair: products and target values of gene-level statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse

from helpers.errors import ParameterError
from helpers.evaluation.sets import EvaluationSet


def gene_features(expression: np.ndarray | sparse.spmatrix, genes: Sequence[str]) -> pd.DataFrame:
    """Return mean, variance and detection rate of every gene.

    Parameters
    ----------
    expression
        (cells, genes) log-normalised values of the cells that produced the scores.
    genes
        Symbols of the columns.

    Returns
    -------
    DataFrame
        Indexed by gene, columns ``mean``, ``variance`` (n - 1), ``detection`` (share of cells
        above zero).
    """
    n, g = expression.shape
    if g != len(genes) or n < 2:
        raise ParameterError(f"expression of {n} cells x {g} genes for {len(genes)} symbols")
    if sparse.issparse(expression):
        mean = np.asarray(expression.mean(axis=0, dtype=np.float64)).ravel()
        squares = np.asarray(expression.astype(np.float64).power(2).mean(axis=0)).ravel()
        variance = np.maximum(squares - mean**2, 0.0) * n / (n - 1)
        detection = np.asarray((expression > 0).mean(axis=0)).ravel()
    else:
        values = np.asarray(expression, dtype=np.float64)
        mean, variance = values.mean(axis=0), values.var(axis=0, ddof=1)
        detection = (values > 0).mean(axis=0)
    return pd.DataFrame(
        {"mean": mean, "variance": variance, "detection": detection},
        index=pd.Index(list(genes), name="gene"),
    )


def gene_level_scores(
    evaluation: EvaluationSet,
    features: pd.DataFrame,
    attention: xr.DataArray | None = None,
    count: xr.DataArray | None = None,
) -> pd.DataFrame:
    """Return the gene-level null scores of every pair, one column per score.

    Parameters
    ----------
    evaluation
        Universe.
    features
        From :func:`gene_features` (any numeric columns; the index holds the genes).
    attention
        (source, target) edge scores; adds ``attention marginals``, the product of the mean of
        the source's row and the mean of the target's column, missing pairs and self pairs left
        out.
    count
        (source, target) number of cells that hold both genes; adds ``count``.

    Returns
    -------
    DataFrame
        For each feature f: ``f product`` = f_source f_target and ``f target`` = f_target.
    """
    scores = {}
    for name in features.columns:
        source = evaluation.gene_scores(features[name], "source")
        target = evaluation.gene_scores(features[name], "target")
        scores[f"{name} product"] = source * target
        scores[f"{name} target"] = target
    if count is not None:
        scores["count"] = evaluation.scores_from(count).astype(np.float64)
    if attention is not None:
        rows, columns = attention_marginals(attention)
        source = evaluation.gene_scores(rows, "source")
        scores["attention marginals"] = source * evaluation.gene_scores(columns, "target")
    return pd.DataFrame(scores)


def attention_marginals(attention: xr.DataArray) -> tuple[pd.Series, pd.Series]:
    """Return mean attention given by each source (row) and received by each target (column)."""
    if set(attention.dims) != {"source", "target"}:
        raise ParameterError(f"pooled attention has dims source and target, not {attention.dims}")
    matrix = attention.transpose("source", "target")
    same = matrix["source"].values[:, None] == matrix["target"].values[None, :]
    values = xr.where(
        xr.DataArray(same, dims=("source", "target")),
        np.nan,
        matrix.drop_vars([name for name in matrix.coords if name not in matrix.dims]),
    )
    rows, columns = values.mean("target", skipna=True), values.mean("source", skipna=True)
    return (
        pd.Series(rows.values, index=matrix["source"].values),
        pd.Series(columns.values, index=matrix["target"].values),
    )
