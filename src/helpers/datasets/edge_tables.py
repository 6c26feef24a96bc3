"""Tables of edges as tools write them: one row per pair, under whatever names its columns have.

Read as text first, so that a gene called ``NA`` or ``1E5`` stays what it is.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.errors import DataError

SYNONYMS = {
    "source": (
        *("source", "tf", "tfs", "regulator", "regulators", "regulatorygene", "gene1", "from"),
        *("transcriptionfactor", "tfname", "tfsymbol", "sourcegenesymbol", "head", "parent"),
    ),
    "target": (
        *("target", "targets", "targetgene", "gene2", "to", "gene", "genes", "targetname"),
        *("targetsymbol", "targetgenesymbol", "tail", "child", "tg"),
    ),
    "score": (
        *("score", "scores", "importance", "edgeweight", "weight", "weights", "rho", "mi"),
        *("correlation", "value", "coef", "coefmean", "attention", "strength", "likelihood"),
    ),
    "sign": ("sign", "mode", "mor", "effect", "regulation", "interaction", "type"),
    "weight": ("weight", "weights", "evidence", "nreferences", "curationeffort", "score"),
    "confidence": ("confidence", "level", "confidencelevel"),
}
"""Column -> what tools call it, without case, spaces and punctuation."""

SMALL_IS_STRONG = ("p", "pval", "pvalue", "padj", "pvals", "q", "qval", "qvalue", "fdr", "rank")
DELIMITERS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
EXPECTED = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
LONGEST = 100
"""Characters of a gene name; what is longer is no gene."""
MOST_COLUMNS = 100_000
MOST_OF_A_LINE = 10_000_000
"""Bytes; a header line of a matrix may be long."""
NO_NAME = frozenset({"", "nan", "NaN", "NA", "N/A", "None", "null", "<NA>"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$")
_SIGNS = {"activation", "repression", "unknown", "1", "-1", "0", "+", "-"}


@dataclass(frozen=True)
class EdgeTable:
    """Rows of a table of edges, as text.

    Parameters
    ----------
    table
        Columns ``source``, ``target`` and those of the asked ones that were found.
    notes
        What a reader should know of how it was read, one sentence each.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def is_file_name(name: str) -> bool:
    """Return whether `name` means a table on disk and not a registered set.

    Examples
    --------
    >>> is_file_name("trrust"), is_file_name("my/edges.tsv"), is_file_name("mine.csv.gz")
    (False, True, True)
    """
    stem = name.removesuffix(".gz")
    return "/" in name or "\\" in name or stem.lower().endswith(SUFFIXES)


def read_text_table(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Read a CSV, TSV (either may be gzipped) or parquet file, every entry as text.

    Returns
    -------
    (table, notes)
        Headed by the first line. A byte-order mark is dropped; a delimiter that the suffix does
        not announce is noted.

    Raises
    ------
    DataError
        If there is no such file, or it is empty, no text, or not delimited.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the path of a CSV, TSV or parquet table")
    if path.suffix.lower() == ".parquet":
        try:
            found = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise DataError(f"{path.name} cannot be read as parquet: {error}") from error
        return found.reset_index() if found.index.name else found, []
    about = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
    packed = path.suffix == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as handle:
            line = handle.readline(MOST_OF_A_LINE).decode("utf-8-sig")
        if not line.strip():
            raise DataError(f"{path.name} is empty, or its first line is")
        delimiter = max(DELIMITERS, key=line.count)
        if line.count(delimiter) > MOST_COLUMNS:
            raise DataError(
                f"{path.name}: the first line has more than {MOST_COLUMNS:,} entries; is it a "
                "table with one edge, or one gene, a line?"
            )
        if not line.count(delimiter):
            raise DataError(
                f"{path.name}: the first line, {line.strip()[:60]!r}, holds no comma, tab or "
                "semicolon; write columns source, target, score with one of them between"
            )
        found = pd.read_csv(
            path, sep=delimiter, compression="gzip" if packed else None, index_col=False, **about
        )
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is no UTF-8 text ({error.reason}); save it as UTF-8"
        ) from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path.name} cannot be read as a table: {error}") from error
    expected = EXPECTED.get(Path(path.name.removesuffix(".gz")).suffix.lower(), delimiter)
    notes = []
    if delimiter != expected:
        notes.append(f"separated by {DELIMITERS[delimiter]} though the name ends in {path.suffix}")
    return found, notes


def name_columns(found: pd.DataFrame, wanted: Sequence[str], where: str) -> EdgeTable:
    """Give the columns of a table of edges the names that we use.

    Parameters
    ----------
    found
        Any table; where no column name is known and the first line looks like an edge, the table
        is taken to have no header, as GENIE3's and arboreto's lists have none.
    wanted
        Names beside source and target, in the order of columns without a header.
    where
        What to call the table in errors.

    Raises
    ------
    DataError
        If source and target are not there or ambiguous.
    """
    keys = {column_key(str(name)): name for name in found.columns}
    notes = []
    if not {*SYNONYMS["source"], *SYNONYMS["target"]} & set(keys) and _is_edge(found.columns):
        first = pd.DataFrame([list(map(str, found.columns))], columns=range(found.shape[1]))
        found = pd.concat([first, found.set_axis(range(found.shape[1]), axis=1)])
        names = ["source", "target", *wanted][: found.shape[1]]
        found = found.iloc[:, : len(names)].set_axis(names, axis=1)
        notes.append("no header: the columns are taken as " + ", ".join(names))
        keys = {name: name for name in names}
    chosen = {}
    for name in ("source", "target", *wanted):
        known = [keys[k] for k in SYNONYMS[name] if k in keys and keys[k] not in chosen.values()]
        if known:
            chosen[name] = known[0]
    if absent := {"source", "target"} - set(chosen):
        shown = ", ".join(repr(str(c)[:30]) for c in list(found.columns)[:8])
        raise DataError(
            f"{where}: no column for {' and '.join(sorted(absent))} among {shown}; name columns "
            "source and target (or TF and target, Gene1 and Gene2, regulatoryGene and targetGene)"
        )
    table = found[list(chosen.values())].set_axis(list(chosen), axis=1)
    return EdgeTable(clean_names(table.reset_index(drop=True), where), tuple(notes))


def clean_names(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the table with stripped names of genes; missing ones are ``""``.

    Raises
    ------
    DataError
        If a name is no name: too long, or with control characters.
    """
    cleaned = {}
    for side in ("source", "target"):
        codes, names = pd.factorize(table[side].astype(str).str.strip())
        names = ["" if name in NO_NAME else str(name) for name in names]
        for name in names:
            if len(name) > LONGEST or _CONTROL.search(name):
                raise DataError(
                    f"{where}: {name[:30]!r} ({len(name)} characters) in the {side} column is no "
                    "name of a gene; is it the right column and delimiter?"
                )
        cleaned[side] = pd.Index(names, dtype=object).take(codes).to_numpy() if names else []
    return table.assign(**cleaned)


def column_key(name: str) -> str:
    """Return the name of a column without case, spaces and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_edge(row: Sequence) -> bool:
    """Return whether a line is data: two names, and a number or a kind of regulation third."""
    first, second, third, *_ = (*map(str, row), "", "", "")
    names = not (_NUMBER.match(first) or _NUMBER.match(second)) and first and second
    return bool(names and (_NUMBER.match(third) or third.lower() in _SIGNS))
