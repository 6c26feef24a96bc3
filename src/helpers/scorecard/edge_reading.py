"""Whether a table is a list of edges or a matrix, and its scores as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.datasets.edge_tables import SMALL_IS_STRONG, SYNONYMS, column_key, name_columns
from helpers.errors import DataError


def matrix_of(found: pd.DataFrame) -> pd.DataFrame | None:
    """Return a table of genes by genes with its genes as index, or None if it is none."""
    keys = {column_key(str(name)) for name in found.columns}
    if keys & set(SYNONYMS["source"]) and keys & set(SYNONYMS["target"]):
        return None
    if pd.api.types.is_object_dtype(found.index) or isinstance(found.index.dtype, pd.StringDtype):
        return found
    first, *others = found.columns
    head = found[others].head(20)
    numbers = head.map(lambda v: str(v).strip() in ("", "nan") or _is_number(v)).to_numpy()
    names = not found[first].head(20).map(_is_number).any()
    return found.set_index(first) if len(others) > 1 and numbers.all() and names else None


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def melted(matrix: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a matrix as rows of source, target and score."""
    rows, columns = matrix.index.astype(str), matrix.columns.astype(str)
    if not (rows.is_unique and columns.is_unique):
        raise DataError(f"{name}: a row or a column of the matrix stands twice")
    if not rows.intersection(columns).size:
        raise DataError(
            f"{name}: rows and columns of the table share no name; a matrix has genes on both "
            "sides, an edge list has columns source, target and score"
        )
    values = _numbers(pd.Series(matrix.to_numpy().ravel()), name)
    source, target = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    return pd.DataFrame({"source": source, "target": target, "score": values})


def listed(found: pd.DataFrame, name: str, notes: list[str]) -> pd.DataFrame:
    """Return an edge list as rows of source, target and score; what is to be told goes to notes."""
    named = name_columns(found, ("score",), name)
    notes += named.notes
    if "score" not in named.table:
        keys = {column_key(str(column)): column for column in found.columns}
        small = [keys[key] for key in SMALL_IS_STRONG if key in keys]
        hint = "".join(
            f"; {column!r} is small where an edge is strong: give -log10 of it"
            for column in small[:1]
        )
        raise DataError(f"{name}: no column of scores; call it score, importance or weight{hint}")
    return named.table.assign(score=_numbers(named.table["score"], name))


def _numbers(column: pd.Series, name: str) -> np.ndarray:
    text = column.astype(str).str.strip()
    values = pd.to_numeric(text.where(~text.str.lower().isin(["", "na", "none"])), errors="coerce")
    blank = text.str.lower().isin(["", "na", "nan", "none", "<na>"])
    bad = (values.isna() & ~blank).to_numpy() | np.isinf(values.to_numpy(float))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{name}: {bad.sum()} scores are no finite numbers, first {text.iat[first][:30]!r} in "
            f"row {first + 1}; write numbers with a decimal point"
        )
    return values.to_numpy(float)
