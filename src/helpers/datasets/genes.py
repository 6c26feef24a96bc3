"""Choose the genes of an analysis: variable genes, transcription factors and their targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.datasets.blocks import CELLS_AT_ONCE, detected_share, gene_moments, row_blocks
from helpers.errors import DataError

if TYPE_CHECKING:
    from helpers.datasets.own import OwnCells

OTHERS = "all other genes"
"""Name under which `narrowed` keeps the counts of the genes that it leaves out."""

DISPERSION_BINS = 20
"""Bins of mean expression of Satija et al. (2015)."""


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


def narrowed(adata: AnnData, genes: Iterable[str]) -> AnnData:
    """Return the cells with some of their genes, and all others as one gene more.

    Library sizes stay what they were, and so does everything that is computed gene by gene or pair
    by pair after normalisation; matrices of gene x gene become small.

    Parameters
    ----------
    adata
        Cells with counts in ``layers["counts"]``, or in ``X``.
    genes
        Symbols to keep, all of them in the data.

    Returns
    -------
    anndata.AnnData
        Counts in ``X``; genes in the order of the data, then `OTHERS`.
    """
    counts = adata.layers["counts"] if "counts" in adata.layers else adata.X
    counts, kept = sparse.csc_matrix(counts), adata.var_names.isin(list(genes))
    rest = sparse.csc_matrix(counts[:, ~kept].sum(axis=1))
    both = sparse.hstack([counts[:, kept], rest], format="csr", dtype=counts.dtype)
    var = pd.DataFrame(index=[*adata.var_names[kept], OTHERS])
    return AnnData(both, obs=adata.obs.copy(), var=var)


def select_genes(
    cells: AnnData | OwnCells,
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
    cells
        Counts in ``layers["counts"]`` (normalised for the ranking), or log values in ``X``; or
        cells of a file, which are read in blocks, three times, and never all at once.
    n_hvg
        Number of highly variable genes (normalised dispersion within bins of mean expression;
        Satija et al. 2015; see `variable_genes`).
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
    tfs, targets = frozenset(tfs), frozenset(targets)
    names = cells.var_names.astype(str)
    detected = detected_share(_values(cells)) >= min_detection
    if detected.sum() < n_hvg:
        raise DataError(
            f"only {detected.sum()} genes are detected in {min_detection:.0%} of the cells, "
            f"fewer than n_hvg={n_hvg}; lower n_hvg or min_detection"
        )
    measured = {"tfs": names.isin(tfs), "targets": names.isin(targets)}
    if tfs and not measured["tfs"].any():
        raise DataError("none of the transcription factors is in the data; is the species right?")
    is_hvg = np.zeros(len(names), dtype=bool)
    if n_hvg:
        scaled = gene_moments(_linear(cells, detected))
        is_hvg[detected] = variable_genes(scaled.mean, scaled.variance, n_hvg)
    chosen = detected & (is_hvg | measured["tfs"] | measured["targets"])
    report: dict[str, int | float] = {"hvg": int(is_hvg.sum())}
    for kind, given in (("tfs", tfs), ("targets", targets)):
        report[f"{kind}_given"] = len(given)
        report[f"{kind}_measured"] = int(measured[kind].sum())
        report[f"{kind}_detected"] = int((measured[kind] & detected).sum())
    report["hvg_tfs"] = int((is_hvg & measured["tfs"]).sum())
    report["genes"] = int(chosen.sum())
    held = [(block > 0) @ np.column_stack([is_hvg, chosen]).astype(int) for block in _values(cells)]
    medians = np.median(np.concatenate(held), axis=0)
    report["median_hvg_per_cell"], report["median_genes_per_cell"] = map(float, medians)
    return GeneSelection(
        genes=names.to_numpy()[chosen],
        is_hvg=is_hvg[chosen],
        is_tf=measured["tfs"][chosen],
        is_target=measured["targets"][chosen],
        report=report,
    )


def variable_genes(mean: np.ndarray, variance: np.ndarray, n_top: int) -> np.ndarray:
    r"""Return which genes vary most for their mean, as scanpy's ``flavor="seurat"``.

    The dispersion :math:`d=\log(\mathrm{variance}/\mathrm{mean})` is standardised within 20 equal
    bins of :math:`\log(1+\mathrm{mean})`; in a bin of one gene it is 1.

    Parameters
    ----------
    mean, variance
        (genes,) of normalised values before the logarithm.
    n_top
        How many; more where the last ones tie, fewer where fewer genes vary.

    Returns
    -------
    numpy.ndarray
        (genes,) booleans.
    """
    mean = np.where(mean == 0, 1e-12, mean)
    ratio = np.where(variance == 0, np.nan, variance / mean)
    table = pd.DataFrame({"d": np.log(ratio), "bin": pd.cut(np.log1p(mean), DISPERSION_BINS)})
    bins = table.groupby("bin", observed=True)["d"]
    centre, spread = bins.transform("mean"), bins.transform("std")
    alone = spread.isna()
    spread, centre = spread.where(~alone, centre), centre.where(~alone, 0.0)
    score = ((table["d"] - centre) / spread).to_numpy()
    ranked = np.sort(score[~np.isnan(score)])
    least = ranked[-min(n_top, len(ranked))] if len(ranked) else np.inf
    return np.nan_to_num(score, nan=-np.inf) >= least


def _values(cells: AnnData | OwnCells) -> Iterator[sparse.csr_matrix]:
    """Yield blocks of cells: ``X``, which says which genes are detected."""
    yield from _blocks(cells.X) if isinstance(cells, AnnData) else cells.blocks()


def _blocks(matrix: sparse.spmatrix | np.ndarray) -> Iterator[sparse.csr_matrix]:
    if sparse.issparse(matrix) and matrix.format == "csr" and matrix.shape[0] <= CELLS_AT_ONCE:
        yield matrix
    else:
        yield from (block for _, block in row_blocks(matrix))


def _linear(cells: AnnData | OwnCells, kept: np.ndarray) -> Iterator[sparse.csr_matrix]:
    """Yield blocks of some genes, every cell scaled to 10,000, from counts or log values."""
    logged = isinstance(cells, AnnData) and "counts" not in cells.layers
    of_set = isinstance(cells, AnnData) and not logged
    for block in _blocks(cells.layers["counts"]) if of_set else _values(cells):
        part = block[:, kept].astype(np.float64)
        if logged:
            yield np.expm1(part)
            continue
        total = np.asarray(part.sum(axis=1)).ravel()
        part.data *= np.repeat(1e4 / np.where(total == 0, 1.0, total), np.diff(part.indptr))
        yield part
