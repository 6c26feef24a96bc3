"""Name the genes of a reader's file by human symbols, from symbols or Ensembl identifiers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata.utils import make_index_unique

from helpers.datasets.assemble import mend_hyphens
from helpers.datasets.identifiers import OTHER, ensembl_to_symbol, known_symbols
from helpers.datasets.vocabularies import load_orthologs
from helpers.errors import DataError

MIN_KNOWN = 0.5
"""Smallest share of gene names that must be symbols of a species."""
COLUMNS = ("symbol", "feature_name", "gene_symbols")
"""Columns of ``var`` that hold symbols, as this project, CELLxGENE and scanpy call them."""
ENSEMBL = r"^ENS([A-Z]*)G\d{6,}(?:\.\d+)?$"
SPECIES = {"": "human", "MUS": "mouse"}


@dataclass(frozen=True)
class Genes:
    """Names of the columns that are kept.

    Parameters
    ----------
    symbols
        (kept,) symbols of `organism`; repeated ones have a suffix from the second on.
    columns
        (kept,) their columns in the file.
    species
        ``human`` or ``mouse``, of the file.
    organism
        Whose symbols they have now.
    report
        What was done: counts of names that were mended, repeated, mapped.
    all_kept
        Whether every column of the file is.
    """

    symbols: pd.Index
    columns: np.ndarray
    species: str
    organism: str
    report: dict[str, int]
    all_kept: bool


def name_genes(var: pd.DataFrame, where: str, symbols: str = "", organism: str = "human") -> Genes:
    """Return symbols for the genes of a file.

    Ensembl identifiers, with or without version, become symbols; hyphens that R made dots are put
    back; where human symbols are asked for, mouse genes take that of their one-to-one ortholog and
    are left out without.

    Parameters
    ----------
    var
        One row per gene.
    where
        Name of the file, for messages.
    symbols
        Column with the names; the first of `COLUMNS` that exists, or the index, if empty.
    organism
        Whose symbols to return; ``other`` takes names as they stand.

    Raises
    ------
    DataError
        If there is no such column, fewer than half of the names are genes of human or mouse, or
        they are human where mouse symbols are asked for.
    """
    names = _names(var, where, symbols)
    if organism == OTHER:
        index = pd.Index(names)
        report = {"repeated_symbols": int(index.duplicated().sum())}
        every = np.arange(len(names))
        return Genes(make_index_unique(index), every, OTHER, OTHER, report, True)
    parts = names.str.extract(ENSEMBL)[0]
    ids = parts.notna().to_numpy()
    prefixes = parts[ids].value_counts()
    report = {"ensembl_ids": int(ids.sum())}
    if ids.mean() > MIN_KNOWN and prefixes.index[0] not in SPECIES:
        raise DataError(f"{where}: genes are ENS{prefixes.index[0]}G..., neither human nor mouse")
    found, share = {}, {}
    for species in SPECIES.values():
        called = names.to_numpy(dtype=object).copy()
        called[ids] = ensembl_to_symbol(names[ids], species)
        called = np.where(called == "", names, called)
        found[species] = mend_hyphens(called, species)
        known = known_symbols(species)
        share[species] = np.mean([name in known for name in found[species][0]])
        if share[species] >= MIN_KNOWN:
            break
    else:
        raise DataError(_unknown(names, share, where))
    called, mended = found[species]
    report |= mended
    columns = np.arange(len(called))
    if organism != species == "human":
        raise DataError(f"{where}: the genes are human, not {organism}")
    if organism != species:
        pairs = load_orthologs()
        human = pd.Series(called).map(dict(zip(pairs["mouse"], pairs["human"], strict=True)))
        columns = np.flatnonzero(human.notna())
        called = human.to_numpy()[columns]
        report["without_ortholog"] = int(human.isna().sum())
    index = pd.Index(called.astype(str))
    report["repeated_symbols"] = int(index.duplicated().sum())
    return Genes(
        make_index_unique(index), columns, species, organism, report, len(columns) == len(names)
    )


def _names(var: pd.DataFrame, where: str, symbols: str) -> pd.Series:
    if symbols and symbols not in var:
        raise DataError(f"{where}: var has no column {symbols!r}; it has {list(var)}")
    chosen = symbols or next((column for column in COLUMNS if column in var), "")
    index = pd.Series(var.index.astype(str))
    if not chosen:
        return index.str.strip()
    given = var[chosen].astype(object).reset_index(drop=True)
    return given.where(given.notna(), index).astype(str).str.strip()


def _unknown(names: pd.Series, share: dict[str, float], where: str) -> str:
    examples = ", ".join(names[:3])
    shares = ", ".join(f"{value:.0%} {species}" for species, value in share.items())
    upper = np.mean([name in known_symbols("human") for name in names.str.upper()])
    hint = " (in capitals they are: correct their case)" if upper >= MIN_KNOWN else ""
    return (
        f"{where}: of {len(names)} gene names, such as {examples}, {shares} symbols are known"
        f"{hint}; name the column of var that holds symbols with symbols=COLUMN, or take names as "
        "they stand with organism=other, where that is offered"
    )
