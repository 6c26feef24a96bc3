"""A reader's own cells: an ``.h5ad`` file with the checks that registered sets pass."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
from anndata import AnnData
from anndata.utils import make_index_unique
from scipy import sparse

from helpers.datasets.assemble import check_values, mend_hyphens
from helpers.datasets.identifiers import ensembl_to_symbol, known_symbols
from helpers.errors import DataError

MIN_KNOWN = 0.5
"""Smallest share of gene names that must be symbols of the organism."""


def read_own(path: str | Path, organism: str = "human") -> AnnData:
    """Read cells from an ``.h5ad`` file.

    Counts are taken from ``layers["counts"]``, else from ``raw.X``, else from ``X``. Gene symbols
    are ``var["symbol"]``, else ``var["feature_name"]``, else ``var_names``; Ensembl identifiers
    are turned into symbols, and hyphens that R made dots are put back.

    Parameters
    ----------
    path
        The file.
    organism
        ``"human"`` or ``"mouse"``.

    Returns
    -------
    anndata.AnnData
        ``X`` and ``layers["counts"]`` float32 CSR counts, ``var_names`` symbols (repeated ones
        with a suffix), ``obs`` as in the file, ``uns["source"]`` with name, organism, repairs.

    Raises
    ------
    DataError
        If the file is absent or damaged, the values are no counts, or the names no symbols.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the path of an .h5ad file")
    try:
        raw = anndata.read_h5ad(path)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path.name} cannot be read as .h5ad: {error}") from error
    matrix, var = _counts(raw)
    data = sparse.csr_matrix(matrix, dtype=np.float32)
    data.eliminate_zeros()
    try:
        check_values(data, path.name, "counts")
    except DataError as error:
        raise DataError(f"{error}; put raw counts into layers['counts']") from error
    names = var.index
    for column in ("feature_name", "symbol"):
        names = var[column] if column in var else names
    names = np.asarray(names, dtype=str)
    if np.char.startswith(names, "ENS").mean() > MIN_KNOWN:
        found = ensembl_to_symbol([name.partition(".")[0] for name in names], organism)
        names = np.where(found == "", names, found)
    symbols, report = mend_hyphens(names.astype(object), organism)
    known = np.mean([name in known_symbols(organism) for name in symbols])
    if known < MIN_KNOWN:
        raise DataError(
            f"{path.name}: {known:.0%} of {len(symbols)} gene names are {organism} symbols; put "
            "symbols into var['symbol']"
        )
    adata = AnnData(data, obs=raw.obs.copy())
    adata.obs.index = adata.obs.index.astype(str)
    adata.var_names = make_index_unique(adata.var_names.__class__(symbols.astype(str)))
    adata.layers["counts"] = data.copy()
    adata.uns["source"] = {"name": path.stem, "organism": organism, "repaired": report}
    return adata


def _counts(raw: AnnData) -> tuple:
    if "counts" in raw.layers:
        return raw.layers["counts"], raw.var
    if raw.raw is not None:
        return raw.raw.X, raw.raw.var
    return raw.X, raw.var
