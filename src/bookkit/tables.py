"""A table as HTML that needs no library: few columns, few digits, words; the rest on demand."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from bookkit.numerals import p_value, significant
from bookkit.words import entry, heading
from helpers.errors import RunError

COLUMNS = 7
"""How many columns a table shows before a reader asks for all."""

ROWS = 20
"""How many rows a table shows before a reader asks for all."""

MOST_ROWS = 1000
"""How many rows go into a page; the file beside the table has all."""

NOTHING = "–"
_P = re.compile(r"(?:^|[ (])[pq](?:$|[ ):,])")


def to_html(
    table: pd.DataFrame,
    name: str,
    caption: str,
    columns: Sequence[str] | None = None,
    link: str = "",
) -> str:
    """Return a table with its caption, a link to its file, and a switch for further columns.

    A table without rows becomes a sentence.
    Floats have three significant digits; p and q below 0.001 say so; names that code uses are
    words. A script of the book, ``tables.js``, adds sorting, a filter and, for tables of more than
    `ROWS` rows, a button that shows all. Without it all rows are there.

    Parameters
    ----------
    table
        What to show; labels of rows become columns.
    name
        Its ``id`` in the page is ``table-NAME``.
    caption
        What to read above it.
    columns
        Which columns to show first, at most `COLUMNS`; by default the first ones.
    link
        Address of the table's file.

    Raises
    ------
    RunError
        If a column does not exist, or too many are named.
    """
    shown = with_labels(table)
    if shown.empty:
        return f"<p class='no-rows' id='table-{name}'>{html.escape(caption)}: none.</p>"
    order = _order(shown, name, columns)
    shown = shown[[*order, *(c for c in shown.columns if c not in order)]]
    kinds = [_kind(shown.iloc[:, k]) for k in range(shown.shape[1])]
    further = [k >= len(order) for k in range(shown.shape[1])]
    head = "".join(
        f"<th scope='col'{_classes(kind, more)}>{html.escape(heading(str(column)))}</th>"
        for column, kind, more in zip(shown.columns, kinds, further, strict=True)
    )
    rows = zip(*(shown.iloc[:, k].head(MOST_ROWS) for k in range(shown.shape[1])), strict=True)
    body = "\n".join(_row(values, kinds, further) for values in rows)
    return (
        f"<figure class='data-table'><figcaption id='caption-{name}'>{html.escape(caption)}"
        f"</figcaption>\n<div class='scroller'><table id='table-{name}' class='table data' "
        f"aria-labelledby='caption-{name}' data-rows='{ROWS}'><thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table></div>\n{_foot(name, shown, any(further), link)}"
        "</figure>"
    )


def with_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose row labels, if it has any, are its first columns."""
    if isinstance(table.index, pd.RangeIndex):
        return table.reset_index(drop=True)
    names = [name if name is not None else "" for name in table.index.names]
    return table.rename_axis(index=names).reset_index(allow_duplicates=True)


def _order(table: pd.DataFrame, name: str, columns: Sequence[str] | None) -> list[Any]:
    """Return the columns to show first."""
    if columns is None:
        return list(table.columns[:COLUMNS])
    if unknown := [c for c in columns if c not in table.columns]:
        raise RunError(f"table {name!r} has no columns {unknown}; it has {list(table.columns)}")
    if not 0 < len(columns) <= COLUMNS:
        raise RunError(f"table {name!r}: name 1 to {COLUMNS} columns, not {len(columns)}")
    return list(columns)


def _kind(column: pd.Series) -> str:
    """Return ``"p"``, ``"whole"``, ``"number"`` or ``"words"``."""
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return "words"
    finite = column.dropna()
    if _P.search(str(column.name).replace("_", " ")) and finite.between(0, 1).all():
        return "p"
    whole = pd.api.types.is_integer_dtype(column) or (
        len(finite) > 0 and finite.map(lambda v: math.isfinite(v) and float(v).is_integer()).all()
    )
    return "whole" if whole else "number"


def _row(values: Sequence[Any], kinds: Sequence[str], further: Sequence[bool]) -> str:
    cells = []
    for position, (value, kind, more) in enumerate(zip(values, kinds, further, strict=True)):
        tag, scope = ("th", " scope='row'") if position == 0 and kind == "words" else ("td", "")
        sort = f" data-sort='{value:.10g}'" if kind != "words" and not _absent(value) else ""
        text = html.escape(as_text(value, kind))
        cells.append(f"<{tag}{scope}{_classes(kind, more)}{sort}>{text}</{tag}>")
    return f"<tr>{''.join(cells)}</tr>"


def as_text(value: Any, kind: str = "words") -> str:
    """Return one entry as readers see it; `kind` as `to_html` finds it for the column."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _absent(value):
        return NOTHING
    if kind == "p":
        return p_value(value)
    if kind == "whole":
        return f"{int(value):,}".replace("-", "\N{MINUS SIGN}")
    if isinstance(value, float):
        return significant(value) if math.isfinite(value) else ("∞" if value > 0 else "−∞")
    return entry(str(value))


def _absent(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value or value == ""


def _classes(kind: str, more: bool) -> str:
    names = [name for name, wanted in (("num", kind != "words"), ("more", more)) if wanted]
    return f" class='{' '.join(names)}'" if names else ""


def _foot(name: str, table: pd.DataFrame, switch: bool, link: str) -> str:
    """Return the line below a table: the switch for all columns, and the file."""
    rows, columns = table.shape
    parts = []
    if switch:
        parts.append(
            f"<label><input type='checkbox' class='all-columns' data-table='table-{name}'> "
            f"all {columns} columns</label>"
        )
    if rows > MOST_ROWS:
        parts.append(f"<span>the first {MOST_ROWS:,} of {rows:,} rows</span>")
    if link:
        parts.append(f"<a href='{html.escape(link)}' download>CSV</a>")
    return f"<div class='table-foot'>{' '.join(parts)}</div>" if parts else ""
