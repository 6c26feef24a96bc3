"""Scores that know nothing of the pair: products and target values of gene-level statistics."""

from __future__ import annotations

from collections.abc import Sequence

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse
from scipy.stats import rankdata

from helpers.edges.expression import expression
from helpers.errors import DataError, ParameterError
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.splines import natural_cubic


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


def gene_terms(
    adata: ad.AnnData,
    genes: Sequence[str],
    count: np.ndarray | None = None,
    uniform: np.ndarray | None = None,
) -> list[np.ndarray]:
    r"""Return what a pair has because of its genes, not because it is a pair, as matrices.

    Mean, variance and detection rate of log-normalised expression as standardised ranks: a natural
    cubic spline of each (4 knots) for the source and for the target, and the product of both; and,
    with `count`, :math:`\log C_{ij}`. `uniform` enters as ranks and their squares: where the cells
    that hold both genes have few tokens, every weight is larger, and normalised expression is
    larger too, so that even attention without any structure follows co-expression.

    Parameters
    ----------
    adata
        The cells that were scored.
    genes
        (G,) symbols.
    count
        (G, G) cells that hold both genes.
    uniform
        (G, G) score that uniform attention would have; see `helpers.edges.uniform`.

    Returns
    -------
    list of ndarray
        Matrices (G, G), row = source; :func:`gene_effects` holds what no covariate describes.

    Raises
    ------
    DataError
        If a gene does not vary over the cells.
    """
    values = expression(adata, genes, "lognorm")
    if values.constant:
        raise DataError(f"{len(values.constant)} genes do not vary; leave them out first")
    features = gene_features(values.values, list(values.genes))
    size = (len(genes), len(genes))
    matrices = []
    for name in features.columns:
        ranks = rankdata(features[name])
        unit = (ranks - ranks.mean()) / max(ranks.std(), 1e-12)
        for curve in natural_cubic(unit).T:
            matrices += [np.broadcast_to(side, size) for side in (curve[:, None], curve[None, :])]
        matrices.append(np.outer(unit, unit))
    if count is not None:
        matrices.append(np.log(np.maximum(np.asarray(count, float), 1)))
    if uniform is not None:
        ranks = rank_matrix(np.nan_to_num(np.asarray(uniform, float)))
        matrices += [ranks, ranks**2]
    return matrices


def gene_effects(*scores: np.ndarray) -> list[np.ndarray]:
    """Return the effect of each gene on the ranks of each matrix, as source and as target.

    The mean rank of a row is the effect of its gene as a source, that of a column the effect of its
    gene as a target, whatever property of the gene is behind it: a threshold of expression is held
    where a smooth curve of expression is not. The products of all source effects with all target
    effects stand beside them, because ranks of a sum are not a sum (the one degree of freedom of
    Tukey 1949, Biometrics 5:232-242).

    Parameters
    ----------
    scores
        (G, G) matrices, row = source; NaN where a pair is missing.

    Returns
    -------
    list of ndarray
        For k matrices, 2 k + k^2 matrices (G, G).
    """
    sources, targets = [], []
    for values in scores:
        ranks = rank_matrix(values)
        used = np.isfinite(ranks) & ~np.eye(len(ranks), dtype=bool)
        ranks = np.where(used, ranks - ranks[used].mean(), 0.0) / max(ranks[used].std(), 1e-12)
        sources.append(ranks.sum(axis=1) / np.maximum(used.sum(axis=1), 1))
        targets.append(ranks.sum(axis=0) / np.maximum(used.sum(axis=0), 1))
    size = scores[0].shape
    alone = [np.broadcast_to(effect[:, None], size) for effect in sources]
    alone += [np.broadcast_to(effect[None, :], size) for effect in targets]
    return alone + [np.outer(source, target) for source in sources for target in targets]


def rank_matrix(matrix: np.ndarray) -> np.ndarray:
    """Return mid-ranks of the off-diagonal entries, 0 on the diagonal; NaN stays NaN."""
    off = ~np.eye(len(matrix), dtype=bool)
    ranks = np.zeros(matrix.shape)
    ranks[off] = rankdata(matrix[off], nan_policy="omit")
    return ranks
