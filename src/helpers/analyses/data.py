"""What the page on the data shows: cells and donors, detection, coverage, repair, gene sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets import (
    datasets,
    detection,
    load_reference,
    reference_coverage,
    select_genes,
    transcription_factors,
)
from helpers.datasets.cards import REFERENCES, counted
from helpers.datasets.references import OMNIPATH, omnipath_rows


def set_table() -> pd.DataFrame:
    """Return one row per set of cells of tier demo: size, groups, what the values are."""
    rows = []
    for entry in datasets().values():
        if entry.tier != "demo":
            continue
        facts = counted(entry.name)
        groups = ("donor", "cell type", "perturbation", "time")
        shown = [f"{str(facts[g]).split(':')[0]} {g}s" for g in groups if g in facts]
        rows.append(
            {
                "set": entry.name,
                "content": entry.title,
                "organism": entry.organism,
                "cells": facts["cells"],
                "genes": facts["genes"],
                "values": facts["values"],
                "groups": ", ".join(shown) or "one donor, no labels",
                "genes per cell": facts["median genes per cell"],
            }
        )
    return pd.DataFrame(rows)


def composition(adata: AnnData) -> pd.DataFrame:
    """Return cells per donor (rows) and cell type (columns, most frequent first)."""
    table = pd.crosstab(adata.obs["donor"].astype(str), adata.obs["cell_type"].astype(str))
    return table[table.sum().sort_values(ascending=False, kind="stable").index]


def imbalance(counts: pd.DataFrame, min_cells: int) -> pd.DataFrame:
    """Return, per cell type, how evenly the donors share it.

    Parameters
    ----------
    counts
        Cells per donor and type, from `composition`.
    min_cells
        Cells of a donor below which a mean over them is not worth having.

    Returns
    -------
    pandas.DataFrame
        ``cells``, ``largest_share`` (of one donor), ``expected_share`` (that donor's share of all
        cells), ``donor``, ``donors_with_enough``.
    """
    share = counts.sum(axis=1) / counts.to_numpy().sum()
    leader = counts.idxmax()
    return pd.DataFrame(
        {
            "cells": counts.sum(),
            "donor": leader,
            "largest_share": counts.max() / counts.sum(),
            "expected_share": leader.map(share),
            "donors_with_enough": (counts >= min_cells).sum(),
        }
    )


def sign_flip_floor(donors: int) -> float:
    """Return the smallest two-sided p-value of a sign-flip test over `donors`: 2 / 2^donors."""
    return 2.0 / 2**donors


def coordinates(adata: AnnData, n_hvg: int, seed: int) -> pd.DataFrame:
    """Return the first two principal components of log-normalised variable genes.

    Parameters
    ----------
    adata
        Counts in ``layers["counts"]``.
    n_hvg
        Number of variable genes (scanpy, ``flavor="seurat"``).
    seed
        Start of the randomised solver.

    Returns
    -------
    pandas.DataFrame
        ``pc1``, ``pc2``, ``cell_type``, ``donor``; columns' ``attrs["explained"]`` holds the share
        of variance of both.
    """
    import scanpy

    cells = AnnData(adata.layers["counts"].copy(), obs=adata.obs, var=adata.var[[]])
    scanpy.pp.normalize_total(cells, target_sum=1e4)
    scanpy.pp.log1p(cells)
    scanpy.pp.highly_variable_genes(cells, n_top_genes=n_hvg, flavor="seurat")
    cells = cells[:, cells.var["highly_variable"]].copy()
    scanpy.pp.pca(cells, n_comps=10, random_state=seed)
    table = adata.obs[["cell_type", "donor"]].copy()
    table["pc1"], table["pc2"] = cells.obsm["X_pca"][:, 0], cells.obsm["X_pca"][:, 1]
    table.attrs["explained"] = cells.uns["pca"]["variance_ratio"][:2].tolist()
    return table


def cell_sizes(adata: AnnData) -> pd.DataFrame:
    """Return donor, cell type, number of genes above zero and total count of each cell."""
    table = adata.obs[["donor", "cell_type"]].copy()
    table["genes"] = np.asarray((adata.X > 0).sum(axis=1)).ravel()
    table["total"] = np.asarray(adata.X.sum(axis=1)).ravel()
    return table


def gene_detection(adata: AnnData) -> pd.Series:
    """Return the share of cells with each gene, by symbol."""
    return pd.Series(detection(adata), index=adata.var_names, name="detection")


def coverage_table(adata: AnnData, names: Sequence[str], min_detection: float) -> pd.DataFrame:
    """Return how much of each reference the cells can speak about, one row per reference."""
    rows = []
    for name in names:
        found = reference_coverage(adata, load_reference(name), min_detection=min_detection)
        rows.append({**found, "reference": name})
    return pd.DataFrame(rows).set_index("reference")


def repair_table(adata: AnnData, min_detection: float) -> pd.DataFrame:
    """Return detected edges of each OmniPath reference as the files come, and after each repair.

    Returns
    -------
    pandas.DataFrame
        Index reference; columns ``as_they_come`` (unique rows, the files' names),
        ``edges_repaired`` (accessions resolved), ``both_repaired`` (hyphens of the cells' names
        restored too), ``accessions``, ``complex_rows``, ``unresolved_rows``.
    """
    bent = AnnData(adata.X, var=adata.var[[]].set_axis(adata.var["symbol_in_file"]))
    rows = {}
    for name in OMNIPATH:
        raw = omnipath_rows(name).drop_duplicates(["source", "target"])
        mended = load_reference(name)
        report = mended.attrs["report"]

        def detected(cells: AnnData, edges: pd.DataFrame) -> int:
            found = reference_coverage(cells, edges, min_detection=min_detection)
            return int(found["edges_detected"])

        rows[name] = {
            "as_they_come": detected(bent, raw),
            "edges_repaired": detected(bent, mended),
            "both_repaired": detected(adata, mended),
            "accessions": report["accessions"],
            "complex_rows": report["complex_rows"],
            "unresolved_rows": report["unresolved_rows"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("reference")


def overlap_table(names: Sequence[str]) -> pd.DataFrame:
    """Return the share of the edges of each reference (row) that another one (column) has too."""
    edges = {}
    for name in names:
        table = load_reference(name)
        edges[name] = set(zip(table["source"], table["target"], strict=True))
    shares = {
        one: {two: len(edges[one] & edges[two]) / len(edges[one]) for two in names} for one in names
    }
    return pd.DataFrame.from_dict(shares, orient="index").rename_axis("reference")


def gene_choices(
    adata: AnnData, n_hvg: int, reference: str, min_detection: float
) -> tuple[pd.DataFrame, dict]:
    """Compare three gene sets: variable genes, plus TFs, plus the targets of a reference.

    Returns
    -------
    table : pandas.DataFrame
        Index choice; ``genes``, ``tfs``, ``genes_per_cell`` (median above zero), ``edges`` of the
        reference inside the set, ``tfs_with_edge``.
    report : dict
        The report of the last choice (see `helpers.datasets.select_genes`).
    """
    edges, tfs = load_reference(reference), transcription_factors()
    choices = {
        "variable genes": ((), ()),
        "+ TFs": (tfs, ()),
        "+ TFs + targets": (tfs, edges["target"]),
    }
    rows, report = {}, {}
    for title, (some_tfs, targets) in choices.items():
        chosen = select_genes(
            adata, n_hvg=n_hvg, tfs=some_tfs, targets=targets, min_detection=min_detection
        )
        inside = edges["source"].isin(chosen.genes) & edges["target"].isin(chosen.genes)
        report = chosen.report
        rows[title] = {
            "genes": len(chosen),
            "tfs": int(np.isin(chosen.genes, list(tfs)).sum()),
            "genes_per_cell": report["median_genes_per_cell"],
            "edges": int(inside.sum()),
            "tfs_with_edge": edges["source"][inside].nunique(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("choice"), report


def card_table() -> pd.DataFrame:
    """Return one row per reference: edges, signs, what was dropped, from its data card."""
    rows = []
    for name, (_, title) in REFERENCES.items():
        facts = counted(name)
        kept = ("edges", "sources", "targets", "activating", "repressing")
        rows.append({"reference": name, "content": title, **{key: facts[key] for key in kept}})
    return pd.DataFrame(rows)
