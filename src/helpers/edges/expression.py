"""The one place where counts become expression for an edge score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import anndata as ad
import numpy as np
from scipy import sparse

from helpers.errors import DataError, ParameterError

Scale = Literal["lognorm", "raw"]
TARGET_SUM = 1e4


@dataclass(frozen=True)
class Expression:
    """Expression of chosen genes on one scale.

    Parameters
    ----------
    values
        Array (cells, genes), float64; constant genes are left out.
    genes
        Symbols, one per column.
    log_library
        Natural log of each cell's count total over **all** genes of the data set.
    constant
        Genes that were asked for but vary in no cell.
    """

    values: np.ndarray
    genes: np.ndarray
    log_library: np.ndarray
    constant: tuple[str, ...]


def counts_of(adata: ad.AnnData) -> sparse.csr_matrix:
    """Return the integer counts of a data set.

    Raises
    ------
    DataError
        If the values are not counts (negative, or not whole numbers).
    """
    counts = sparse.csr_matrix(adata.layers["counts"] if "counts" in adata.layers else adata.X)
    data = counts.data
    if len(data) and (data.min() < 0 or np.abs(data - np.rint(data)).max() > 1e-3):
        raise DataError(
            "Counts expected, got transformed values: put the integer counts into "
            "layers['counts'] (log1p or scaled values are refused, never transformed again)"
        )
    return counts


def expression(
    adata: ad.AnnData, genes: Sequence[str] | None = None, scale: Scale = "lognorm"
) -> Expression:
    r"""Read expression of some genes, normalised once.

    ``"lognorm"`` is :math:`\ln(1 + 10^4 c_{ng} / \sum_g c_{ng})` with the sum over all genes of the
    data set; ``"raw"`` is the counts themselves. Empty cells are left out.

    Parameters
    ----------
    adata
        Cells with counts in ``layers["counts"]`` (or `X`).
    genes
        Symbols to keep, in this order; all of them if absent.
    scale
        ``"lognorm"`` or ``"raw"``.

    Raises
    ------
    DataError
        If a gene is not in the data, the values are not counts, or fewer than 2 genes vary.
    """
    if scale not in ("lognorm", "raw"):
        raise ParameterError(f"scale is {scale!r}; choose 'lognorm' or 'raw'")
    counts = counts_of(adata)
    library = np.asarray(counts.sum(axis=1)).ravel()
    kept = library > 0
    names = np.asarray(adata.var_names if genes is None else genes, dtype=object)
    columns = adata.var_names.get_indexer(names)
    if (columns < 0).any():
        absent = names[columns < 0]
        raise DataError(f"{len(absent)} genes are not in the data, for example {list(absent[:5])}")
    values = counts[kept][:, columns].toarray().astype(np.float64)
    if scale == "lognorm":
        values = np.log1p(TARGET_SUM * values / library[kept, None])
    varies = np.ptp(values, axis=0) > 0 if len(values) else np.zeros(len(names), dtype=bool)
    if varies.sum() < 2:
        raise DataError(
            f"{varies.sum()} of {len(names)} genes vary over {kept.sum()} cells; need at least 2"
        )
    return Expression(
        values[:, varies], names[varies], np.log(library[kept]), tuple(names[~varies])
    )
