"""Does pooled attention follow co-expression or regulation? All estimates of the page, one call."""

from __future__ import annotations

from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges import correlation_edges
from helpers.errors import DataError
from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.gene_level import gene_effects, gene_terms, rank_matrix
from helpers.evaluation.scoring import auroc_with_interval, compare_scores
from helpers.evaluation.sets import EvaluationSet, drop_missing, evaluation_set
from helpers.statistics.clusters import cluster_tables, linear_se
from helpers.statistics.effects import rho_binary, rho_ceiling
from helpers.statistics.equivalence import tost
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.permutation import permutation_test
from helpers.statistics.qap import naive_p, qap_test
from helpers.statistics.results import Outcome

MIN_TFS = 3
MARGIN = 0.05
"""Half width of "no regulatory signal": AUROC within 0.5 +/- 0.05."""


@dataclass(frozen=True)
class Scored:
    """Everything the tests need about one edge score, on one list of genes.

    Parameters
    ----------
    name
        What was scored, for tables and test ids: ``"scgpt-baron/trrust"``.
    attention
        Pooled edge score (source, target); row = query; NaN = missing pair.
    coexpression
        Correlations of the same cells (source, target): ``"lognorm"``, ``"partial"`` (given
        library size) and ``"raw"`` (published variant).
    terms
        Gene-level matrices (G, G) to hold constant.
    evaluation
        Candidate universe with labels, all its pairs scored.
    order
        Share of cells in which the target's token precedes the source's, or ``None``.
    """

    name: str
    attention: xr.DataArray
    coexpression: dict[str, xr.DataArray]
    terms: list[np.ndarray]
    evaluation: EvaluationSet
    order: xr.DataArray | None = None

    @property
    def genes(self) -> np.ndarray:
        """Symbols, the same on both axes of every matrix."""
        return self.attention["source"].values


def scored(
    name: str,
    attention: xr.DataArray,
    adata: ad.AnnData,
    reference: pd.DataFrame,
    *,
    order: xr.DataArray | None = None,
    uniform: xr.DataArray | None = None,
    universe: EvaluationSet | None = None,
) -> Scored:
    """Put an edge score, its cells and a reference on the same genes.

    Parameters
    ----------
    name
        Label of the result.
    attention
        Pooled edge score (source, target) whose axes hold the same genes.
    adata
        The cells that were scored.
    reference
        Curated edges.
    order
        Order share (source, target), NaN where no cell holds both.
    uniform
        Score of uniform attention (source, target), held constant in 10.2.
    universe
        Candidate pairs to use instead of all pairs of the genes, so that models are compared on
        the same ones.

    Raises
    ------
    DataError
        If fewer than 10 genes are common, or the reference has no positive (or no negative) there.
    """
    measured = [gene for gene in attention["source"].values if gene in adata.var_names]
    lognorm = correlation_edges(adata, "spearman", genes=measured)
    keep = set(lognorm["source"].values) & set(attention["target"].values)
    genes = np.array([gene for gene in attention["source"].values if gene in keep])
    if len(genes) < 10:
        raise DataError(f"{name}: {len(genes)} genes are scored and vary; at least 10 needed")
    place = {"source": genes, "target": genes}
    attention = attention.sel(place)
    found = {
        "lognorm": lognorm.sel(place),
        "partial": correlation_edges(adata, "partial", genes=genes).sel(place),
        "raw": correlation_edges(adata, "spearman", scale="raw", genes=genes).sel(place),
    }
    count = attention.coords["count"].values if "count" in attention.coords else None
    chosen = universe or evaluation_set(reference, list(genes), name=name)
    chosen, _ = drop_missing(chosen, chosen.scores_from(attention))
    if chosen.n_positive == 0 or chosen.n_positive == chosen.n_pairs:
        missing = "positives" if chosen.n_positive == 0 else "negatives"
        raise DataError(
            f"{name}: no {missing} among {chosen.n_pairs} pairs of reference {chosen.database} and "
            f"{len(genes)} genes; use a reference that covers them"
        )
    return Scored(
        name,
        attention,
        found,
        gene_terms(adata, genes, count, None if uniform is None else uniform.sel(place).values),
        chosen,
        None if order is None else order.sel(place),
    )


@dataclass(frozen=True)
class Associations:
    """Further associations of a score, none of which involves a reference.

    Parameters
    ----------
    size, partial, raw
        With the size of co-expression, with the rank correlation given library size, and with that
        of raw counts (published variant).
    naive
        p of `raw` that counts pairs as independent (published variant).
    order, given_order
        With the order share, and with co-expression given it; ``None`` without order.
    """

    size: Outcome | NotEstimable
    partial: Outcome | NotEstimable
    raw: Outcome | NotEstimable
    naive: float | None
    order: Outcome | NotEstimable | None
    given_order: Outcome | NotEstimable | None


@dataclass(frozen=True)
class Findings:
    """Estimates and tests of one edge score against one reference.

    Parameters
    ----------
    name
        As in `Scored`.
    genes, universe
        Number of genes; counts of pairs, positives and TFs of the universe.
    tests
        Outcomes of the confirmatory tests by number: association with co-expression (10.1), its
        part beyond gene-level terms (10.2), AUROC against the reference (10.3), AUROC of the size
        of co-expression minus that of the score (10.4), AUROC within 0.5 +/- 0.05 (10.5).
    shared
        Associations that do not involve the reference.
    auroc, auroc_coexpression
        AUROC against the reference of the score, and of the size of co-expression.
    ceiling, rho_regulation
        Largest possible rank correlation with the labels, and the one that the AUROC amounts to.
    """

    name: str
    genes: int
    universe: dict
    tests: dict[str, Outcome | NotEstimable]
    shared: Associations
    auroc: Estimate | NotEstimable
    auroc_coexpression: Estimate | NotEstimable
    ceiling: float
    rho_regulation: float | None


def confirmatory(
    data: Scored,
    rng: np.random.Generator,
    n_perm: int = 1000,
    n_boot: int = 2000,
    known: Findings | None = None,
) -> dict[str, Outcome | NotEstimable]:
    """Make the five confirmatory tests of the page for one edge score.

    Parameters
    ----------
    data
        Aligned score, co-expression, gene terms and universe.
    rng
        Generator; the same state gives the same outcomes.
    n_perm, n_boot
        Permutations (QAP and within TF) and TF-cluster bootstrap draws.
    known
        Findings of the same score against another reference; what does not involve a reference is
        taken from there, so that each such test is made once.

    Returns
    -------
    dict
        Test number (``"10.1"`` to ``"10.5"``) -> outcome.
    """
    a, r = data.attention.values, data.coexpression["lognorm"].values
    scores = data.evaluation.scores_from(data.attention)
    strength = data.evaluation.scores_from(abs(data.coexpression["lognorm"]))
    if known is None:
        first = {
            "10.1": qap_test(a, r, rng, n_perm=n_perm),
            "10.2": matrix_regression(a, r, [*data.terms, *gene_effects(a, r)], rng, n_perm),
        }
    else:
        first = {number: known.tests[number] for number in ("10.1", "10.2")}
    return first | {
        "10.3": regulation_test(data.evaluation, scores, rng, n_perm),
        "10.4": difference_test(data.evaluation, strength, scores, rng, n_boot),
        "10.5": equivalence_test(data.evaluation, scores),
    }


def analyse(
    data: Scored,
    rng: np.random.Generator,
    n_perm: int = 1000,
    n_boot: int = 2000,
    known: Findings | None = None,
) -> Findings:
    """Make every estimate and test of the page for one edge score; arguments as `confirmatory`."""
    scores = data.evaluation.scores_from(data.attention)
    strength = data.evaluation.scores_from(abs(data.coexpression["lognorm"]))
    auroc = auroc_with_interval(data.evaluation, scores, rng, n_boot)
    rate = data.evaluation.positive_rate
    shared = _without_reference(data, rng, n_perm) if known is None else known.shared
    return Findings(
        name=data.name,
        genes=len(data.genes),
        universe=data.evaluation.counts(),
        tests=confirmatory(data, rng, n_perm, n_boot, known),
        shared=shared,
        auroc=auroc,
        auroc_coexpression=auroc_with_interval(data.evaluation, strength, rng, n_boot),
        ceiling=rho_ceiling(rate),
        rho_regulation=rho_binary(auroc.value, rate) if isinstance(auroc, Estimate) else None,
    )


def _without_reference(data: Scored, rng: np.random.Generator, n_perm: int) -> Associations:
    a, r = data.attention.values, data.coexpression
    raw = qap_test(a, r["raw"].values, rng, n_perm=n_perm)
    order = None if data.order is None else _filled(data.order.values)
    return Associations(
        size=qap_test(a, np.abs(r["lognorm"].values), rng, n_perm=n_perm),
        partial=qap_test(a, r["partial"].values, rng, n_perm=n_perm),
        raw=raw,
        naive=naive_p(raw.estimate, raw.detail["n_pairs"]) if isinstance(raw, Outcome) else None,
        order=None if order is None else qap_test(a, order, rng, n_perm=n_perm, sides="two"),
        given_order=None
        if order is None
        else matrix_regression(a, r["lognorm"].values, [rank_matrix(order)], rng, n_perm),
    )


def _filled(order: np.ndarray) -> np.ndarray:
    """Give pairs that share no cell the neutral order 0.5; such pairs have no score either."""
    return np.where(np.isfinite(order), order, 0.5)


def _enough(evaluation: EvaluationSet) -> NotEstimable | None:
    if evaluation.n_tfs_with_positive >= MIN_TFS:
        return None
    return NotEstimable(
        f"{evaluation.n_tfs_with_positive} TFs with a positive; at least {MIN_TFS} needed"
    )


def regulation_test(
    evaluation: EvaluationSet, scores: np.ndarray, rng: np.random.Generator, n_perm: int
) -> Outcome | NotEstimable:
    """Test AUROC = 0.5, two-sided, by permuting the targets of each TF (10.3)."""
    if (reason := _enough(evaluation)) is not None:
        return reason
    return permutation_test(
        scores,
        evaluation.label,
        rng,
        n_perm,
        groups=evaluation.source,
        sides="two",
        unit="TF",
        null="targets permuted within TF",
    )


def difference_test(
    evaluation: EvaluationSet,
    first: np.ndarray,
    second: np.ndarray,
    rng: np.random.Generator,
    n_boot: int,
) -> Outcome | NotEstimable:
    """Test AUROC(first) - AUROC(second) by a paired TF-cluster bootstrap (10.4)."""
    if (reason := _enough(evaluation)) is not None:
        return reason
    return compare_scores(evaluation, first, second, rng, n_boot)


def equivalence_test(evaluation: EvaluationSet, scores: np.ndarray) -> Outcome | NotEstimable:
    """Test that the AUROC lies within 0.5 +/- 0.05 (10.5): two one-sided t tests over TFs.

    The standard error is cluster-robust (infinitesimal jackknife over TFs), with as many degrees of
    freedom as TFs with a positive, less one.
    """
    if (reason := _enough(evaluation)) is not None:
        return reason
    tables = cluster_tables(scores, evaluation.label, evaluation.source)
    if isinstance(tables, NotEstimable):
        return tables
    table = next(iter(tables))
    se = float(linear_se(table.influence())[0])
    if se <= 1e-12:
        return NotEstimable("the score takes one value only, so its AUROC has no standard error")
    return tost(
        float(table.auroc()[0]),
        se,
        0.5 - MARGIN,
        0.5 + MARGIN,
        df=table.n_with_positive - 1,
        unit="TF",
        n_units=table.n_with_positive,
    )
