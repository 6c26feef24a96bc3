"""Put figures, tables and text into a notebook's output, in the form the book's pages need."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

import itables
import pandas as pd
from IPython.display import HTML, Markdown, display
from itables.javascript import generate_init_offline_itables_html

from helpers.errors import RunError
from helpers.plotting.style import DPI

MARK = "helpers"
"""Key of an output's metadata under which the runner finds caption, alt text and name."""

PLOTLY = "../_static/plotly.min.js"
SEARCHABLE_ROWS = 200
ROWS_PER_PAGE = 10


def show_text(markdown: str) -> None:
    """Display Markdown."""
    display(Markdown(markdown))


def show_figure(figure: Any, path: Path, caption: str, alt: str) -> Path:
    """Save a figure and display it; return the file written.

    Parameters
    ----------
    figure
        A matplotlib figure (saved as PNG on white) or a plotly figure (saved as HTML).
    path
        Where to, without suffix.
    caption, alt
        What to read below the figure, and instead of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if hasattr(figure, "savefig"):
        return _show_png(figure, path.with_suffix(".png"), caption, alt)
    if hasattr(figure, "to_html"):
        return _show_plotly(figure, path.with_suffix(".html"), caption, alt)
    raise RunError(f"{path.stem} is a {type(figure).__name__}, no matplotlib or plotly figure")


def _show_png(figure: Any, path: Path, caption: str, alt: str) -> Path:
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=DPI, facecolor="white", metadata={"Software": None})
    plt.close(figure)  # or the inline backend would show it a second time
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    display(
        {"image/png": content, "text/plain": alt},
        raw=True,
        metadata={MARK: {"name": path.stem, "caption": caption, "alt": alt}},
    )
    return path


def _show_plotly(figure: Any, path: Path, caption: str, alt: str) -> Path:
    body = figure.to_html(full_html=False, include_plotlyjs=PLOTLY, div_id=f"plotly-{path.stem}")
    path.write_text(body, encoding="utf-8")
    display(
        HTML(
            f'<figure class="interactive"><div role="img" aria-label="{html.escape(alt)}">{body}'
            f"</div><figcaption>{html.escape(caption)}</figcaption></figure>"
        )
    )
    return path


def show_table(table: pd.DataFrame, name: str, caption: str, *, first: bool) -> None:
    """Display a table that readers can sort and filter.

    Parameters
    ----------
    table
        What to show; floats are shown with four significant digits.
    name
        Its ``id`` in the page.
    caption
        What to read above it.
    first
        Whether it is the page's first: then the library that draws tables goes before it, inside
        the page, so that nothing is loaded from elsewhere.
    """
    parts = [generate_init_offline_itables_html(itables.options.dt_bundle)] if first else []
    shown = as_shown(table)
    parts.append(
        itables.to_html_datatable(
            shown,
            caption,
            table_id=f"table-{name}",
            connected=False,
            display_logo_when_loading=False,
            showIndex=False,
            pageLength=ROWS_PER_PAGE,
            maxBytes=0,
            classes="display compact",  # without "nowrap": long texts break
            text_in_header_can_be_selected=False,  # so that a click anywhere on a heading sorts
        )
    )
    # Readers without scripts, and the book's own search, see this copy.
    plain = shown.head(SEARCHABLE_ROWS).to_html(index=False, float_format="{:.4g}".format)
    display(HTML("\n".join([*parts, f"<noscript>{plain}</noscript>"])))


def as_shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as readers see it.

    Floats have four significant digits, labels of rows are columns like the others, so that
    headings take one line, and underscores in headings are spaces, where long headings can break.
    """
    labelled = not isinstance(table.index, pd.RangeIndex)
    shown = _rounded(table)
    if labelled:
        shown.index.names = [name if name is not None else "" for name in table.index.names]
        shown = shown.reset_index(allow_duplicates=True)
    else:
        shown = shown.reset_index(drop=True)
    shown.columns = [str(name).replace("_", " ") for name in shown.columns]
    return shown


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with floats rounded to four significant digits."""
    columns = {
        name: [float(f"{value:.4g}") for value in table[name]]
        for name in table.columns
        if pd.api.types.is_float_dtype(table[name])
    }
    return table.assign(**{str(k): v for k, v in columns.items()})


def show_footer(lines: dict[str, str]) -> None:
    """Display the provenance of a page, folded."""
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>"
        for k, v in lines.items()
    )
    display(
        HTML(
            "<details class='provenance'><summary>Provenance of this page</summary>"
            f"<table class='table'><tbody>{rows}</tbody></table></details>"
        )
    )
