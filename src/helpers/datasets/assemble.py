"""Give every set of cells the same slots, and mend gene names that a file format has bent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData
from anndata.utils import make_index_unique
from scipy import sparse

from helpers.datasets.catalogue import artefact, dataset
from helpers.datasets.identifiers import known_symbols, previous_symbols, symbol_to_ensembl
from helpers.errors import DataError

# What the numbers of a set are; only counts also fill layers["counts"].
VALUES = ("counts", "log", "normalised")


def assemble(
    name: str,
    matrix: sparse.spmatrix | np.ndarray,
    symbols: np.ndarray,
    obs: pd.DataFrame,
    *,
    values: str = "counts",
    report: Mapping[str, int] | None = None,
    ensembl: np.ndarray | None = None,
) -> AnnData:
    """Return an AnnData with the agreed slots.

    Parameters
    ----------
    name
        Name of the set in the catalogue.
    matrix
        Shape (cells, genes).
    symbols
        Gene symbols, shape (genes,); repeated ones get a suffix in ``var_names``.
    obs
        One row per cell, index = cell names.
    values
        ``counts`` (also put into ``layers["counts"]``), ``log`` (log-transformed) or
        ``normalised`` (scaled to a total).
    report
        What was repaired, kept in ``uns["source"]["repaired"]``.
    ensembl
        Ensembl ids of the file; looked up from the symbols when not given.

    Returns
    -------
    anndata.AnnData
        ``X`` float32 CSR; ``var["symbol"]``, ``var["ensembl_id"]`` (``""`` where unknown);
        ``uns["source"]`` with name, version, sha256, licence, citation, organism, values.

    Raises
    ------
    DataError
        If the values are negative or not finite, or counts are not whole numbers.
    """
    if values not in VALUES:
        raise ValueError(f"values={values!r} is not one of {VALUES}")
    entry = dataset(name)
    source = artefact(entry.artefacts[0])
    data = sparse.csr_matrix(matrix, dtype=np.float32)
    data.eliminate_zeros()
    check_values(data, name, values)
    symbols = np.asarray(symbols, dtype=str)
    if ensembl is None:
        ensembl = symbol_to_ensembl(symbols, entry.organism)
    var = pd.DataFrame(
        {"symbol": symbols, "ensembl_id": np.asarray(ensembl, dtype=str)},
        index=make_index_unique(pd.Index(symbols.astype(object))),
    )
    obs = obs.copy()
    obs.index = obs.index.astype(str).rename(None)
    for column in obs.select_dtypes(object):
        obs[column] = obs[column].astype("category")
    adata = AnnData(X=data, obs=obs, var=var)
    if values == "counts":
        adata.layers["counts"] = data.copy()
    adata.uns["source"] = {
        "name": name,
        "version": source.version,
        "sha256": source.sha256,
        "licence": source.licence,
        "citation": entry.citation,
        "organism": entry.organism,
        "values": values,
        "repaired": dict(report or {}),
    }
    return adata


def check_values(data: sparse.csr_matrix, name: str, values: str) -> None:
    """Refuse values that are negative or not finite, and counts that are not whole numbers.

    Raises
    ------
    DataError
        What is wrong, with the name of the set.
    """
    if not np.isfinite(data.data).all() or (data.data < 0).any():
        raise DataError(f"{name}: some values are negative or not finite; the file is damaged")
    if values == "counts" and not np.array_equal(data.data, np.rint(data.data)):
        raise DataError(f"{name}: the values are not whole numbers, so they are no counts")


def mend_hyphens(names: np.ndarray, organism: str) -> tuple[np.ndarray, dict[str, int]]:
    """Put back hyphens that R turned into dots (``NKX2.2`` is ``NKX2-2``).

    A name is changed only if it is no symbol as it stands and is one (current or former) with
    hyphens; so nothing is guessed.

    Returns
    -------
    names : numpy.ndarray
        The mended names.
    report : dict
        ``dotted_names`` and how many of them were ``hyphens_restored``.
    """
    known = known_symbols(organism) | previous_symbols(organism).keys()
    taken = set(names)
    mended = np.array(names, dtype=object)
    dotted = [place for place, name in enumerate(names) if "." in name and name not in known]
    restored = 0
    for place in dotted:
        hyphened = names[place].replace(".", "-")
        if hyphened in known and hyphened not in taken:
            mended[place] = hyphened
            restored += 1
    return mended, {"dotted_names": len(dotted), "hyphens_restored": restored}
