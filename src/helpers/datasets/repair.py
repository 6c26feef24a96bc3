"""Turn the gene names of an interaction table into symbols, and count what happened to each."""

from __future__ import annotations

from itertools import product

import pandas as pd

from helpers.datasets.identifiers import accession_to_symbol, is_accession, known_symbols
from helpers.errors import DataError

COMPLEX = "COMPLEX:"
COMPLEXES = ("drop", "expand")


def repair_edges(table: pd.DataFrame, *, complexes: str = "drop") -> tuple[pd.DataFrame, dict]:
    """Resolve UniProt accessions and protein complexes in ``source`` and ``target``.

    A name that is a current symbol is kept (some, such as ``P2RY14``, look like accessions). An
    accession becomes its symbol, or its row is dropped if no table knows it. A complex is dropped,
    because an edge from a complex is no statement about one member, or replaced by one edge per
    member.

    Parameters
    ----------
    table
        Edges with columns ``source`` and ``target`` and any others, human names.
    complexes
        ``drop`` or ``expand``.

    Returns
    -------
    edges : pandas.DataFrame
        The same columns, one row per input row (more where complexes were expanded).
    report : dict
        ``rows``, ``complex_rows``, ``accessions``, ``accessions_resolved``, ``unresolved`` (names),
        ``unresolved_rows``, ``rows_kept``.
    """
    if complexes not in COMPLEXES:
        raise DataError(f"complexes={complexes!r} is not one of {', '.join(COMPLEXES)}")
    members = {
        name: name.removeprefix(COMPLEX).split("_") if name.startswith(COMPLEX) else [name]
        for name in pd.concat([table["source"], table["target"]]).unique()
    }
    is_complex = table["source"].str.startswith(COMPLEX) | table["target"].str.startswith(COMPLEX)
    kept = table if complexes == "expand" else table[~is_complex]
    used = {
        part
        for name in pd.concat([kept["source"], kept["target"]]).unique()
        for part in members[name]
    }
    symbols = {name: _symbol(name) for name in used}
    accessions = {
        name for name in used if is_accession(name) and name not in known_symbols("human")
    }
    unresolved = sorted(name for name, symbol in symbols.items() if symbol is None)

    pairs = [
        (row, symbols[one], symbols[two])
        for row, source, target in zip(
            range(len(kept)), kept["source"], kept["target"], strict=True
        )
        for one, two in product(members[source], members[target])
    ]
    rows = pd.DataFrame(pairs, columns=["row", "source", "target"])
    lost = rows["source"].isna() | rows["target"].isna()
    rows = rows[~lost]
    edges = kept.iloc[rows["row"].to_numpy()].copy()
    edges["source"], edges["target"] = rows["source"].to_numpy(), rows["target"].to_numpy()
    report = {
        "rows": len(table),
        "complexes": complexes,
        "complex_rows": int(is_complex.sum()),
        "accessions": len(accessions),
        "accessions_resolved": len(accessions) - len(unresolved),
        "unresolved": unresolved,
        "unresolved_rows": int(lost.sum()),
        "rows_kept": len(edges),
    }
    return edges.reset_index(drop=True), report


def _symbol(name: str) -> str | None:
    """Return the symbol of one name; None for an accession that no table knows."""
    if not is_accession(name) or name in known_symbols("human"):
        return name
    return accession_to_symbol().get(name.split("-")[0])


def merge_duplicates(edges: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return one row per (source, target) and the number of rows merged away.

    Signs that disagree give 0; ``evidence`` and ``confidence`` keep the best (largest; for levels,
    the first letter of the alphabet).
    """
    pair = ["source", "target"]
    repeated = edges.duplicated(pair, keep=False)
    groups = edges[repeated].assign(up=edges["sign"] > 0, down=edges["sign"] < 0)
    merged = groups.groupby(pair, sort=False, as_index=False).agg(
        up=("up", "any"),
        down=("down", "any"),
        confidence=("confidence", "min"),
        evidence=("evidence", "max"),
        database=("database", "first"),
    )
    merged["sign"] = merged["up"].astype("int8") - merged["down"].astype("int8")
    columns = [*pair, "sign", "confidence", "evidence", "database"]
    unique = pd.concat([edges.loc[~repeated, columns], merged[columns]])
    unique = unique.sort_values(pair, ignore_index=True, kind="stable")
    return unique, len(edges) - len(unique)
