"""Choose the genes of an analysis: variable genes, transcription factors and their targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from anndata import AnnData

from helpers.errors import DataError


@dataclass(frozen=True)
class GeneSelection:
    """The chosen genes and why each is there.

    Parameters
    ----------
    genes
        Symbols in the order of the data, shape (genes,).
    is_hvg, is_tf, is_target
        Reason(s) for each gene, shape (genes,); at least one is true.
    report
        How many genes were asked for, are in the data, are detected; see `select_genes`.
    """

    genes: np.ndarray
    is_hvg: np.ndarray
    is_tf: np.ndarray
    is_target: np.ndarray
    report: dict[str, int | float]

    def __len__(self) -> int:
        return len(self.genes)


def detection(adata: AnnData) -> np.ndarray:
    """Return the share of cells in which each gene has a value above zero, shape (genes,)."""
    return np.asarray((adata.X > 0).mean(axis=0)).ravel()


def select_genes(
    adata: AnnData,
    *,
    n_hvg: int,
    tfs: Iterable[str],
    targets: Iterable[str],
    min_detection: float = 0.02,
) -> GeneSelection:
    """Return variable genes plus transcription factors plus targets, if detected often enough.

    Variable genes alone hold few transcription factors, so that hardly any edge of a reference
    could be scored; references alone hold genes that are silent in the tissue. Genes below the
    detection floor are removed before the variable genes are ranked.

    Parameters
    ----------
    adata
        Counts in ``layers["counts"]`` (log-normalised for the ranking), or log values in ``X``.
    n_hvg
        Number of highly variable genes (scanpy, ``flavor="seurat"``: normalised dispersion within
        bins of mean expression; Satija et al. 2015).
    tfs, targets
        Symbols to add.
    min_detection
        Smallest share of cells with the gene, in [0, 1].

    Returns
    -------
    GeneSelection
        With a report of ``hvg``, ``tfs_given``, ``tfs_measured``, ``tfs_detected``, the same for
        targets, ``genes``, and ``median_genes_per_cell`` among the chosen ones (hvg alone:
        ``median_hvg_per_cell``).

    Raises
    ------
    DataError
        If fewer genes than `n_hvg` are detected, or no transcription factor is (wrong species?).
    """
    # scanpy takes seconds to import, and most users of this package's data do not need it.
    import scanpy

    tfs, targets = frozenset(tfs), frozenset(targets)
    names = adata.var_names.astype(str).to_numpy()
    share = detection(adata)
    detected = share >= min_detection
    if detected.sum() < n_hvg:
        raise DataError(
            f"only {detected.sum()} genes are detected in {min_detection:.0%} of the cells, "
            f"fewer than n_hvg={n_hvg}; lower n_hvg or min_detection"
        )
    measured = {"tfs": np.isin(names, list(tfs)), "targets": np.isin(names, list(targets))}
    if tfs and not measured["tfs"].any():
        raise DataError("none of the transcription factors is in the data; is the species right?")
    is_hvg = np.zeros(len(names), dtype=bool)
    if n_hvg:
        counted = "counts" in adata.layers
        ranked = AnnData(adata.layers["counts"] if counted else adata.X)[:, detected].copy()
        if counted:
            scanpy.pp.normalize_total(ranked, target_sum=1e4)
            scanpy.pp.log1p(ranked)
        scanpy.pp.highly_variable_genes(ranked, n_top_genes=n_hvg, flavor="seurat")
        is_hvg[detected] = ranked.var["highly_variable"].to_numpy()
    chosen = detected & (is_hvg | measured["tfs"] | measured["targets"])
    report: dict[str, int | float] = {"hvg": int(is_hvg.sum())}
    for kind, given in (("tfs", tfs), ("targets", targets)):
        report[f"{kind}_given"] = len(given)
        report[f"{kind}_measured"] = int(measured[kind].sum())
        report[f"{kind}_detected"] = int((measured[kind] & detected).sum())
    report["hvg_tfs"] = int((is_hvg & measured["tfs"]).sum())
    report["genes"] = int(chosen.sum())
    report["median_hvg_per_cell"] = _median_genes(adata, is_hvg)
    report["median_genes_per_cell"] = _median_genes(adata, chosen)
    return GeneSelection(
        genes=names[chosen],
        is_hvg=is_hvg[chosen],
        is_tf=measured["tfs"][chosen],
        is_target=measured["targets"][chosen],
        report=report,
    )


def _median_genes(adata: AnnData, chosen: np.ndarray) -> float:
    """Return the median number of chosen genes above zero in a cell."""
    return float(np.median(np.asarray((adata.X[:, chosen] > 0).sum(axis=1)).ravel()))
