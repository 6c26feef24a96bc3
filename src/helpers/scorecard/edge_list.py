"""Edge scores of any tool: a list of scored pairs, or a table of genes by genes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.datasets.edge_tables import clean_names, read_text_table
from helpers.datasets.own_network import title_of
from helpers.errors import DataError, ParameterError
from helpers.files import sha256_of
from helpers.scorecard.edge_reading import listed, matrix_of, melted

DIRECTIONS = ("forward", "transpose")


@dataclass(frozen=True)
class EdgeList:
    """Scores of ordered pairs of genes, larger for a stronger edge.

    Parameters
    ----------
    name
        Short name.
    sources, targets
        Genes on either side.
    keys, values
        Sorted number of each listed pair (row x targets + column), and its score; NaN where the
        pair is listed without one.
    report
        How it was read: rows, what was dropped, direction, what is ranked.
    """

    name: str
    sources: pd.Index
    targets: pd.Index
    keys: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    report: dict

    def scores_of(self, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of pairs (n,), and where a pair is listed (n,)."""
        rows, columns = self.sources.get_indexer(source), self.targets.get_indexer(target)
        wanted = rows * len(self.targets) + columns
        at = np.searchsorted(self.keys, wanted).clip(max=self.keys.size - 1)
        listed = (rows >= 0) & (columns >= 0) & (self.keys[at] == wanted)
        return np.where(listed, self.values[at], np.nan), listed


def read_edges(
    edges: str | Path | pd.DataFrame,
    name: str | None = None,
    direction: str = "forward",
    signed: bool = False,
) -> EdgeList:
    """Read an edge list or a matrix.

    Parameters
    ----------
    edges
        A CSV, TSV or parquet file or a table, with columns source, target and score under any of
        the usual names (``TF target importance``, ``Gene1 Gene2 EdgeWeight``), or genes by genes.
    name
        What to call it; by default the file's name.
    direction
        ``"forward"``: source, or row, is the regulator; ``"transpose"``: target, or column, is.
    signed
        Whether negative scores rank below zero; by default the size of a score counts.

    Raises
    ------
    DataError
        If there is no such table, or its scores cannot be ranked.

    Examples
    --------
    >>> table = pd.DataFrame({"TF": list("AAA"), "target": list("BCA"), "importance": [3, 2, 1]})
    >>> found = read_edges(table, "mine")
    >>> found.scores_of(["A", "A"], ["B", "D"])[0], found.report["self_pairs"]
    (array([ 3., nan]), 1)
    """
    if direction not in DIRECTIONS:
        raise ParameterError(f"direction is {direction!r}; choose {' or '.join(DIRECTIONS)}")
    report: dict = {"direction": direction, "notes": []}
    if isinstance(edges, pd.DataFrame):
        found, name = edges, name or "edges"
    elif isinstance(edges, (str, Path)):
        name = name or title_of(str(edges))
        found, report["notes"] = read_text_table(edges)
        path = Path(edges).expanduser()
        report |= {"file": path.name, "sha256": sha256_of(path)}
    else:
        raise ParameterError(f"edges are a {type(edges).__name__}; give a path or a DataFrame")
    if found.empty:
        raise DataError(f"{name}: the table has columns but no rows")
    if (matrix := matrix_of(found)) is not None:
        table, kind = melted(matrix, name), "matrix"
    else:
        table, kind = listed(found, name, report["notes"]), "list"
    sides = ["source", "target"] if direction == "forward" else ["target", "source"]
    table = clean_names(table.set_axis([*sides, "score"], axis=1), name)
    report |= {"kind": kind, "rows": len(table)}
    return _coded(table, name, signed, report)


def _coded(table: pd.DataFrame, name: str, signed: bool, report: dict) -> EdgeList:
    empty = (table["source"] == "") | (table["target"] == "")
    loops = (table["source"] == table["target"]) & ~empty
    table = table[~empty & ~loops]
    report |= {"empty_names": int(empty.sum()), "self_pairs": int(loops.sum())}
    known = table["score"].to_numpy()
    report["without_score"] = int(np.isnan(known).sum())
    report["negative"] = int((known < 0).sum())
    values = known[~np.isnan(known)]
    if values.size == 0 or np.ptp(values) == 0:
        what = "no pair has a score" if values.size == 0 else f"every score is {values[0]:g}"
        raise DataError(f"{name}: {what}, so that nothing can be ranked")
    if not signed and values.max() <= 0:
        raise DataError(
            f"{name}: every score is negative or zero; if they are logarithms or distances whose "
            "larger value is the stronger edge, rank them by value (--signed)"
        )
    report["ranked"] = "value" if signed or not report["negative"] else "size"
    table = table.assign(score=known if report["ranked"] == "value" else np.abs(known))
    sources, targets = (pd.Index(np.unique(table[s].astype(str))) for s in ("source", "target"))
    rows, columns = sources.get_indexer(table["source"]), targets.get_indexer(table["target"])
    keys = rows.astype(np.int64) * len(targets) + columns
    order = np.lexsort((np.nan_to_num(-table["score"].to_numpy(), nan=np.inf), keys))
    first = np.concatenate([[True], np.diff(keys[order]) > 0])
    kept = order[first]
    report["duplicates"] = int((~first).sum())
    report |= {"pairs": int(kept.size), "sources": len(sources), "targets": len(targets)}
    return EdgeList(name, sources, targets, keys[kept], table["score"].to_numpy()[kept], report)


def said(report: dict) -> Sequence[str]:
    """Return what a reader should know of how an edge list was read, one sentence each."""
    dropped = {"rows without a name": "empty_names"}
    if report["kind"] == "list":  # of a matrix they are the diagonal
        dropped["self pairs"] = "self_pairs"
    parts = [f"{report[key]} {words}" for words, key in dropped.items() if report[key]]
    more = [f"dropped: {', '.join(parts)}"] if parts else []
    if report["duplicates"]:
        more.append(f"{report['duplicates']} repeated pairs: the largest score counts")
    if report["without_score"]:
        more.append(f"{report['without_score']} pairs have no score and are left out")
    if report["ranked"] == "size":
        more.append(f"{report['negative']} scores are negative: their size is ranked, not the sign")
    return [*report["notes"], *more]
