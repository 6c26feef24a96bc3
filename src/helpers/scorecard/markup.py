"""Pieces of a card: everything that comes from a user's file is escaped here.

Figures are pictures inside the file, in which a browser runs no script.
"""

from __future__ import annotations

import base64
import io
import re
from html import escape

import pandas as pd
from matplotlib.figure import Figure

LABEL = 28
"""Characters of a name in a figure."""


def drawable(name: str) -> str:
    """Return a name that matplotlib takes as text, not as a formula."""
    short = name if len(name) <= LABEL else f"{name[: LABEL - 1]}…"
    return re.sub(r"[\x00-\x1f]", " ", short).replace("\\", "/").replace("$", r"\$")


def figure_of(figure: Figure, alt: str, caption: str) -> str:
    """Return a figure as a picture inside the page, with its words."""
    import matplotlib.pyplot as plt

    drawing = io.BytesIO()
    with plt.rc_context({"svg.hashsalt": "scorecard"}):  # the same bytes each time
        figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    picture = base64.b64encode(drawing.getvalue()).decode("ascii")
    alt = alt.replace(r"\$", "$")
    return (
        f"<figure><img alt='{escape(alt)}' src='data:image/svg+xml;base64,{picture}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def bullets(lines: list[str]) -> str:
    """Return lines as a list."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def rows_of(heads: list[str], rows: list[list[str]], kind: str = "wide") -> str:
    """Return a table, which scrolls by itself where it is wide."""
    top = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{_cells(heads, row)}</tr>" for row in rows)
    return (
        f"<div class='{kind}' tabindex='0' role='region' aria-label='Table'>"
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(heads: list[str], row: list[str]) -> str:
    return "".join(
        f"<td data-head='{escape(head)}'>{escape(str(cell))}</td>"
        for head, cell in zip(heads, row, strict=True)
    )


def table_of(table: pd.DataFrame) -> str:
    """Return a frame as a table of short numbers."""
    shown = table.astype(object).where(table.notna(), "")
    number = lambda value: f"{value:.3g}" if isinstance(value, float) else str(value)  # noqa: E731
    return rows_of(list(shown.columns), shown.map(number).to_numpy().tolist())


def pairs_of(values: dict) -> str:
    """Return settings in one line."""
    return ", ".join(f"{key} {value}" for key, value in values.items())
