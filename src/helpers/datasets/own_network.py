"""A reader's own reference network: a table of edges with the checks that registered ones pass."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.datasets.edge_tables import EdgeTable, is_file_name, name_columns, read_text_table
from helpers.datasets.identifiers import OTHER, ensembl_to_symbol, known_symbols
from helpers.datasets.references import load_reference
from helpers.datasets.repair import merge_duplicates
from helpers.errors import DataError, ParameterError

UP = frozenset({"activation", "activator", "activating", "stimulation", "positive", "up", "+"})
DOWN = frozenset({"repression", "repressor", "repressing", "inhibition", "negative", "down", "-"})
MOSTLY = 0.5
"""Share of names that must begin with ENS for all to be taken as Ensembl identifiers."""


def read_network(path: str | Path, organism: str = "human") -> pd.DataFrame:
    """Read a network from a CSV, TSV or parquet file.

    Parameters
    ----------
    path
        Columns source and target, and optionally sign (+1, -1, or words such as "Activation"),
        weight and confidence; other names that tools use are known (TF, regulator, Gene1,
        regulatoryGene, mor, ...).
    organism
        Whose symbols the names are compared with; none is dropped for being unknown, because cells
        or scores may have the same names.

    Returns
    -------
    pandas.DataFrame
        Columns of `load_reference`; ``attrs["report"]`` says what was kept and dropped: ``rows``,
        ``empty_names``, ``self_pairs``, ``duplicates``, ``edges``, ``sources``, ``targets``,
        ``unknown_genes`` and how many were ``ensembl_ids``, and ``notes``.

    Raises
    ------
    DataError
        If the file cannot be read, has no such columns, or no edge is left.
    """
    path = Path(path).expanduser()
    found, notes = read_text_table(path)
    named = name_columns(found, ("sign", "weight", "confidence"), path.name)
    return network_of(named, path.stem, organism, notes)


def network_of(
    named: EdgeTable, name: str, organism: str = "human", notes: Sequence[str] = ()
) -> pd.DataFrame:
    """Return a network, as `read_network` does, from a table whose columns are named."""
    table = named.table
    report = {"name": name, "organism": organism, "rows": len(table)}
    report["notes"] = [*notes, *named.notes]
    table, report["ensembl_ids"] = _symbols(table, organism)
    empty = (table["source"] == "") | (table["target"] == "")
    loops = (table["source"] == table["target"]) & ~empty
    report |= {"empty_names": int(empty.sum()), "self_pairs": int(loops.sum())}
    kept = table[~empty & ~loops]
    if kept.empty:
        raise DataError(
            f"{name}: no edge is left of {len(table)} rows ({report['empty_names']} without a "
            f"name, {report['self_pairs']} of a gene with itself)"
        )
    blank = pd.Series("", index=kept.index)
    rows = pd.DataFrame(
        {
            "source": kept["source"],
            "target": kept["target"],
            "sign": kept.get("sign", blank).map(_sign).astype("int8"),
            "confidence": kept.get("confidence", blank).astype(str),
            "evidence": pd.to_numeric(kept.get("weight", blank), errors="coerce").astype(float),
            "database": name,
        }
    )
    edges, report["duplicates"] = merge_duplicates(rows)
    genes = np.union1d(edges["source"], edges["target"])
    known = set(genes) if organism == OTHER else known_symbols(organism)
    unknown = [gene for gene in genes if gene not in known]
    report |= {"edges": len(edges), "genes": len(genes), "unknown_genes": len(unknown)}
    report |= {"sources": edges["source"].nunique(), "targets": edges["target"].nunique()}
    edges.attrs["report"] = report
    return edges


def title_of(name: str) -> str:
    """Return what a reference is called for readers: a file's name without folder and suffix.

    Letters of every script stay, with their marks; what is neither letter nor number is a hyphen.

    Examples
    --------
    >>> title_of("trrust"), title_of("data/réseau no 2.tsv")
    ('trrust', 'réseau-no-2')
    """
    if not is_file_name(name):
        return name
    stem = re.sub(r"(\.(csv|tsv|txt|parquet))?(\.gz)?$", "", Path(name).name, flags=re.IGNORECASE)
    stem = unicodedata.normalize("NFC", stem)
    # Letters, marks and numbers; some systems take accents and letters of a name apart.
    kept = (c if unicodedata.category(c)[0] in "LMN" or c == "_" else "-" for c in stem)
    return re.sub("-+", "-", "".join(kept)).strip("-") or "network"


def short_name(name: str) -> str:
    """Return `title_of` a reference in the letters that keys of results may have.

    Examples
    --------
    >>> short_name("trrust"), short_name("data/my network.v2.tsv"), short_name("réseau.csv")
    ('trrust', 'my-network-v2', 'reseau')
    """
    plain = unicodedata.normalize("NFKD", title_of(name)).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-") or "network"


def networks(
    names: Sequence[str] | Mapping[str, pd.DataFrame],
    organism: str = "human",
    named: Callable[[str], str] = short_name,
) -> dict[str, pd.DataFrame]:
    """Return short name -> edges of registered references and of files.

    Parameters
    ----------
    names
        Names of `load_reference` and paths of tables (see `read_network`), or name -> table.
    organism
        ``human`` or ``mouse``.
    named
        What a reference is called: `short_name` or, where nothing is kept under it, `title_of`.

    Raises
    ------
    DataError, ParameterError
        If one cannot be read, none is named, or two have the same short name.
    """
    if isinstance(names, Mapping):
        return {str(name): _given(name, table, organism) for name, table in names.items()}
    if isinstance(names, str) or not names:
        raise ParameterError("give a list of references, such as ['trrust', 'my/network.csv']")
    found: dict[str, pd.DataFrame] = {}
    for name in map(str, names):
        short = named(name)
        if short in found:
            raise ParameterError(f"two references are called {short!r}; rename a file")
        own = is_file_name(name)
        found[short] = read_network(name, organism) if own else load_reference(name, organism)
    return found


def said(report: Mapping[str, object]) -> str:
    """Return the report of `read_network` in one line.

    Examples
    --------
    >>> said({"rows": 9, "edges": 5, "sources": 2, "targets": 4, "self_pairs": 3, "duplicates": 1})
    '5 edges of 2 TFs and 4 targets kept of 9 rows; dropped 3 self pairs, 1 duplicates'
    """
    dropped = {
        "self pairs": "self_pairs",
        "duplicates": "duplicates",
        "rows without a name": "empty_names",
        "rows with unresolved names": "unresolved_rows",
        "rows of complexes": "complex_rows",
    }
    parts = [f"{report[key]} {words}" for words, key in dropped.items() if report.get(key)]
    line = f"{report.get('edges', 0)} edges of {report.get('sources', 0)} TFs and "
    line += f"{report.get('targets', 0)} targets kept of {report.get('rows', 0)} rows"
    line += f"; dropped {', '.join(parts)}" if parts else "; nothing dropped"
    if report.get("unknown_genes"):
        line += f"; {report['unknown_genes']} names are no {report.get('organism')} symbols (kept)"
    return "; ".join([line, *report.get("notes", ())])


def _given(name: str, table: pd.DataFrame, organism: str) -> pd.DataFrame:
    if "report" in getattr(table, "attrs", {}):
        return table
    if not isinstance(table, pd.DataFrame):
        raise ParameterError(f"reference {name!r} is a {type(table).__name__}, no DataFrame")
    named = name_columns(table, ("sign", "weight", "confidence"), str(name))
    return network_of(named, str(name), organism)


def _symbols(table: pd.DataFrame, organism: str) -> tuple[pd.DataFrame, int]:
    """Turn Ensembl identifiers into symbols, where most names are such; unknown ones stay."""
    names = pd.unique(pd.concat([table["source"], table["target"]]))
    ensembl = [name for name in names if name.startswith("ENS")]
    if organism == OTHER or len(ensembl) <= MOSTLY * len(names):
        return table, 0
    found = ensembl_to_symbol([name.partition(".")[0] for name in ensembl], organism)
    symbol = {name: new for name, new in zip(ensembl, found, strict=True) if new}
    sides = {side: table[side].map(lambda n: symbol.get(n, n)) for side in ("source", "target")}
    return table.assign(**sides), len(symbol)


def _sign(text: object) -> int:
    word = str(text).strip().lower()
    try:
        return int(np.sign(float(word))) if word != "nan" else 0
    except ValueError:
        return 1 if word in UP else -1 if word in DOWN else 0
