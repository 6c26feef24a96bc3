"""Tables of the co-expression page: findings, AUROC by cell number, stability, published values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.analyses.coexpression import Findings, analyse, scored
from helpers.analyses.coexpression_inputs import Read
from helpers.edges import correlation_edges
from helpers.errors import DataError
from helpers.estimates import Estimate, NotEstimable
from helpers.evaluation.scoring import auroc_profile
from helpers.evaluation.sets import drop_missing, evaluation_set
from helpers.registry.claims import load_claims, table_rows
from helpers.statistics.results import Outcome


def analyse_models(
    trained: Mapping[str, Read], n_perm: int, n_boot: int, min_count: int, seed: int
) -> dict[str, Findings]:
    """Make all estimates for every model and reference.

    Parameters
    ----------
    trained
        Label -> attention of one data set.
    n_perm, n_boot
        Permutations and TF-cluster bootstrap draws.
    min_count
        Fewest cells that hold both genes.
    seed
        Seed; each model and reference has a stream of its own.

    Returns
    -------
    dict
        ``"model/data/reference"`` -> findings.
    """
    found = {}
    for number, (label, read) in enumerate(trained.items()):
        score, order, uniform = read.scores(min_count=min_count), read.order(), read.uniform()
        known = None
        for place, (name, reference) in enumerate(read.cells.references.items()):
            key = f"{label}/{read.cells.data}/{name}"
            data = scored(key, score, read.cells.adata, reference, order=order, uniform=uniform)
            rng = np.random.default_rng([seed, number, place])
            known = found[key] = analyse(data, rng, n_perm, n_boot, known)
    return found


def auroc_by_cells(
    trained: Mapping[str, Read], n_boot: int, min_count: int, seed: int
) -> pd.DataFrame:
    """Return AUROC per cell number, reference and model, all models on the same pairs.

    A pair counts only if every model has a score for it at that cell number.

    Returns
    -------
    pandas.DataFrame
        Columns `data, reference, cells, model, auroc, low, high, positives, pairs, TFs`; limits
        are NaN where fewer than 5 TFs have a positive, and `auroc` where no positive is left.
    """
    rows = []
    first = next(iter(trained.values()))
    for name, reference in first.cells.references.items():
        universe = evaluation_set(reference, first.genes, name=name)
        for n_cells in first.cells.block_ends:
            scores = np.stack(
                [
                    universe.scores_from(_scores_or_missing(read, n_cells, min_count))
                    for read in trained.values()
                ]
            )
            kept, scores = drop_missing(universe, scores)
            found = auroc_profile(kept, scores, np.random.default_rng([seed, n_cells]), n_boot)
            for place, label in enumerate(trained):
                one = found if isinstance(found, NotEstimable) else found[place]
                rows.append(
                    {"data": first.cells.data, "reference": name, "cells": n_cells, "model": label}
                    | _limits(one)
                    | {
                        "positives": kept.n_positive,
                        "pairs": kept.n_pairs,
                        "TFs": kept.n_tfs_with_positive,
                    }
                )
    return pd.DataFrame(rows)


def _scores_or_missing(read: Read, n_cells: int, min_count: int):
    try:
        return read.scores(n_cells, min_count=min_count)
    except DataError:  # too few cells for any pair: all are missing
        return read.scores(min_count=0).where(False)


def _limits(one: Estimate | NotEstimable) -> dict[str, float]:
    if isinstance(one, NotEstimable):
        return {"auroc": np.nan, "low": np.nan, "high": np.nan}
    low = np.nan if one.low is None else one.low
    return {"auroc": one.value, "low": low, "high": np.nan if one.high is None else one.high}


def spread_of_models(table: pd.DataFrame) -> pd.DataFrame:
    """Return the range of AUROC over models at the largest cell number, per reference (10.6)."""
    largest = table[table["cells"] == table["cells"].max()].dropna(subset=["auroc"])
    grouped = largest.groupby(["data", "reference"])["auroc"]
    spread = grouped.agg(lambda values: values.max() - values.min()).rename("spread")
    return pd.concat([spread, grouped.size().rename("models")], axis=1).reset_index()


def context_stability(
    trained: Mapping[str, Read],
    untrained: Mapping[str, Read],
    rng: np.random.Generator,
    min_count: int,
    n_perm: int = 200,
) -> pd.DataFrame:
    """Compare edge scores of two contexts, beside two baselines.

    Cosine of the scores of all pairs that both contexts score; the same after permuting the gene
    labels of one of them (mean of `n_perm`); and for a model of the same shape with random weights.

    Returns
    -------
    pandas.DataFrame
        Columns `data, model, pairs, cosine, permuted genes, random weights, correlation,
        correlation (random)`; correlations are Spearman's over the same pairs.
    """
    rows = []
    for label, read in trained.items():
        own = _compare(read, rng, min_count, n_perm)
        blank = _compare(untrained[label], rng, min_count, n_perm)
        rows.append(
            {
                "data": read.cells.data,
                "model": label,
                "pairs": own["pairs"],
                "cosine": own["cosine"],
                "permuted genes": own["permuted"],
                "random weights": blank["cosine"],
                "correlation": own["correlation"],
                "correlation (random)": blank["correlation"],
            }
        )
    return pd.DataFrame(rows)


def _compare(read: Read, rng: np.random.Generator, min_count: int, n_perm: int) -> dict:
    first = read.scores(context="A", min_count=min_count).values
    second = read.scores(context="B", min_count=min_count).values
    used = np.isfinite(first) & np.isfinite(second) & ~np.eye(len(first), dtype=bool)
    filled = np.where(np.isfinite(second), second, np.nan)
    permuted = []
    for _ in range(n_perm):
        order = rng.permutation(len(first))
        moved = filled[np.ix_(order, order)]
        both = used & np.isfinite(moved)
        permuted.append(_cosine(first[both], moved[both]))
    ranks = pd.Series(first[used]).corr(pd.Series(second[used]), method="spearman")
    return {
        "pairs": int(used.sum()),
        "cosine": _cosine(first[used], second[used]),
        "permuted": float(np.mean(permuted)),
        "correlation": float(ranks),
    }


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def association_table(findings: Mapping[str, Findings]) -> pd.DataFrame:
    """Return one row per model and data set: rho with co-expression in its variants."""
    rows = {}
    for key, found in findings.items():
        model, data, _ = key.split("/")
        rows.setdefault(
            (data, model),
            {
                "data": data,
                "model": model,
                "genes": found.genes,
                "rho (corrected)": _text(found.tests["10.1"]),
                "p (QAP)": _p(found.tests["10.1"]),
                "rho with |R|": _text(found.shared.size),
                "rho given library size": _text(found.shared.partial),
                "rho, raw counts (published)": _text(found.shared.raw),
                "naive p (published)": "-"
                if found.shared.naive is None
                else f"{found.shared.naive:.1g}",
                "rho with token order": "-"
                if found.shared.order is None
                else _text(found.shared.order),
                "partial rho given order": "-"
                if found.shared.given_order is None
                else _partial(found.shared.given_order),
            },
        )
    return pd.DataFrame(rows.values())


def shares_table(findings: Mapping[str, Findings]) -> pd.DataFrame:
    """Return one row per model and data set: shares of the variance of the score's ranks."""
    rows = {}
    for key, found in findings.items():
        model, data, _ = key.split("/")
        test = found.tests["10.2"]
        if isinstance(test, Outcome):
            rows.setdefault(
                (data, model),
                {
                    "data": data,
                    "model": model,
                    "co-expression alone": test.detail["r2_matrix"],
                    "gene-level terms": test.detail["r2_terms"],
                    "both": test.detail["r2_both"],
                    "unique to co-expression": test.estimate,
                    "partial rho": test.detail["partial"],
                    "p": test.p,
                },
            )
    return pd.DataFrame(rows.values())


def regulation_table(findings: Mapping[str, Findings]) -> pd.DataFrame:
    """Return one row per model, data set and reference: AUROC, tests, and the ceiling of rho."""
    rows = []
    for key, found in findings.items():
        model, data, reference = key.split("/")
        rows.append(
            {
                "data": data,
                "model": model,
                "reference": reference,
                "AUROC": str(found.auroc),
                "AUROC of |R|": str(found.auroc_coexpression),
                "p (targets within TF)": _p(found.tests["10.3"]),
                "|R| minus attention": _text(found.tests["10.4"]),
                "p (difference)": _p(found.tests["10.4"]),
                "p (within 0.45-0.55)": _p(found.tests["10.5"]),
                "rho": "-" if found.rho_regulation is None else f"{found.rho_regulation:.4f}",
                "ceiling of rho": f"{found.ceiling:.4f}",
                "positives": found.universe["n_positive"],
                "pairs": found.universe["n_pairs"],
                "TFs with positive": found.universe["n_tfs_with_positive"],
            }
        )
    return pd.DataFrame(rows)


def published_table() -> pd.DataFrame:
    """Return Table 1 of paper A as printed."""
    return pd.DataFrame(table_rows(load_claims()["coexpression/table1"]))


def _text(outcome: Outcome | NotEstimable) -> str:
    if isinstance(outcome, NotEstimable):
        return "not estimable"
    if outcome.low is None:
        return f"{outcome.estimate:.3f}"
    return f"{outcome.estimate:.3f} [{outcome.low:.3f}, {outcome.high:.3f}]"


def _partial(outcome: Outcome | NotEstimable) -> str:
    if isinstance(outcome, NotEstimable):
        return "not estimable"
    return f"{outcome.detail['partial']:.3f} (p = {outcome.p:.2g})"


def _p(outcome: Outcome | NotEstimable) -> str:
    return "not estimable" if isinstance(outcome, NotEstimable) else f"{outcome.p:.3g}"


def values(findings: Mapping[str, Findings]) -> dict[str, object]:
    """Return what prose may cite: key ``data/model/quantity`` -> number, Estimate or reason."""
    found: dict[str, object] = {}
    for key, one in findings.items():
        model, data, reference = key.split("/")
        place = f"{data}/{model}"
        found.setdefault(f"{place}/rho", _estimate(one.tests["10.1"]))
        found.setdefault(f"{place}/rho_size", _estimate(one.shared.size))
        found.setdefault(f"{place}/rho_raw", _estimate(one.shared.raw))
        found.setdefault(f"{place}/r2_unique", _estimate(one.tests["10.2"]))
        found.setdefault(f"{place}/genes", one.genes)
        found[f"{place}/auroc_{reference}"] = one.auroc
        found[f"{place}/auroc_coexpression_{reference}"] = one.auroc_coexpression
        found[f"{place}/positives_{reference}"] = one.universe["n_positive"]
        found[f"{place}/ceiling_{reference}"] = one.ceiling
    return found


def _estimate(outcome: Outcome | NotEstimable) -> Estimate | NotEstimable:
    if isinstance(outcome, NotEstimable):
        return outcome
    return Estimate(
        outcome.estimate,
        outcome.low,
        outcome.high,
        outcome.test,
        outcome.unit,
        outcome.n_units,
        outcome.resamples,
        detail={"p": outcome.p},
    )


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for display: three decimals, and words where there is no value."""
    result = table.copy()
    for column in result.select_dtypes("float"):
        result[column] = [
            "not estimable" if np.isnan(value) else f"{value:.3g}" for value in result[column]
        ]
    return result


def pairs_of(trained: Mapping[str, Read], min_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return co-expression and attention of the first model's gene pairs, for a scatter."""
    read = next(iter(trained.values()))
    score = read.scores(min_count=min_count)
    shared = correlation_edges(read.cells.adata, genes=read.genes)
    score = score.sel(source=shared["source"], target=shared["target"])
    used = np.isfinite(score.values) & ~np.eye(len(shared), dtype=bool)
    return shared.values[used], score.values[used]


def cells_table(
    sets: Sequence[Mapping[str, Read]], n_boot: int, min_count: int, seed: int
) -> pd.DataFrame:
    """Return `auroc_by_cells` of several data sets in one table."""
    parts = [auroc_by_cells(trained, n_boot, min_count, seed) for trained in sets]
    return pd.concat(parts, ignore_index=True)


def contexts_table(
    sets: Sequence[tuple[Mapping[str, Read], Mapping[str, Read]]],
    rng: np.random.Generator,
    min_count: int,
) -> pd.DataFrame:
    """Return `context_stability` of several data sets in one table."""
    parts = [context_stability(*pair, rng, min_count) for pair in sets]
    return pd.concat(parts, ignore_index=True)
