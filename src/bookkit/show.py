"""Put figures, tables and text into a notebook's output, in the form the book's pages need."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML, Markdown, display

from bookkit import tables
from helpers.errors import RunError

MARK = "helpers"
"""Key of an output's metadata under which the runner finds caption, alt text and name."""

FILES = "../_static/tables"
"""Where pages find the tables' files; the build copies them there."""

MANY = 1000
"""Collections of more points than this together become pixels inside the drawing."""

SMALLEST_TEXT = 8.0
"""In points, as displayed: a figure is not drawn narrower than keeps its text this large."""

_STEP = 10


def show_text(markdown: str) -> None:
    """Display Markdown."""
    display(Markdown(markdown))


def show_figure(figure: Any, path: Path, caption: str, alt: str) -> list[Path]:
    """Save a figure and display it as a drawing, with a picture where drawings cannot be shown.

    Parameters
    ----------
    figure
        A matplotlib figure.
    path
        Where to, without suffix; an SVG and a PNG are written.
    caption, alt
        What to read below the figure, and instead of it.

    Returns
    -------
    list of Path
        The files written.
    """
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    from helpers.plotting.style import DPI

    if not hasattr(figure, "savefig"):
        raise RunError(f"{path.stem} is a {type(figure).__name__}, no matplotlib figure")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture, drawing = path.with_suffix(".png"), path.with_suffix(".svg")
    _flatten(figure)
    figure.set(dpi=72, facecolor="white", canvas=FigureCanvasSVG(figure))
    if engine := figure.get_layout_engine():
        engine.execute(figure)  # once; with an engine, every `savefig` draws twice
    with plt.rc_context({"svg.hashsalt": path.stem, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # salt and no date: the same bytes each time
        figure.savefig(drawing, dpi=DPI, metadata={"Date": None, "Creator": None})
    figure.set_dpi(DPI)
    _few_colours(figure, picture)
    mark = {"name": path.stem, "caption": caption, "alt": alt, "narrowest": _narrowest(figure)}
    plt.close(figure)  # or the inline backend would show it a second time
    display(
        {
            "image/svg+xml": drawing.read_text(encoding="utf-8"),
            "image/png": base64.b64encode(picture.read_bytes()).decode("ascii"),
            "text/plain": alt,
        },
        raw=True,
        metadata={MARK: mark},
    )
    return [drawing, picture]


def _few_colours(figure: Any, picture: Path) -> None:
    """Store a picture with 256 colours, a third of the bytes; readers see the drawing anyway."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL.Image import Quantize, frombuffer

    (canvas := FigureCanvasAgg(figure)).draw()
    made = frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB")
    made.quantize(256, Quantize.FASTOCTREE).save(picture, "PNG", compress_level=8)


def _flatten(figure: Any) -> None:
    """Turn what has very many points into pixels, which text and axes around it do not become."""
    for axes in figure.axes:
        shapes = [max(len(one.get_offsets()), len(one.get_paths())) for one in axes.collections]
        if sum(shapes) > MANY:
            for found in axes.collections:
                found.set_rasterized(True)
        lines = axes.lines
        if len(lines) > MANY / 4 or sum(len(line.get_xdata()) for line in lines) > 10 * MANY:
            for line in lines:
                line.set_rasterized(True)


def _narrowest(figure: Any) -> int:
    """Return the width in CSS pixels below which some text would be smaller than it may be."""
    from matplotlib.text import Text

    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    natural = figure.get_figwidth() * 96
    needed = natural * SMALLEST_TEXT / min(sizes) if sizes else 0
    return int(-(-needed // _STEP) * _STEP)


def show_table(
    table: pd.DataFrame, name: str, caption: str, page: str, columns: Sequence[str] | None = None
) -> None:
    """Display a table that readers can sort and filter; see `tables.to_html`.

    Parameters
    ----------
    table, name, caption, columns
        What to show, and how to call it.
    page
        Whose table it is; its file lies under that name.
    """
    link = f"{FILES}/{page}/{name}.csv"
    display(HTML(tables.to_html(table, name, caption, columns, link)))


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
