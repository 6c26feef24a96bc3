"""One look for every figure: white ground, large enough text, colours safe for colour-blind eyes.

Colours are those of Okabe and Ito (Color Universal Design, 2008).
"""

from __future__ import annotations

from types import TracebackType

import matplotlib as mpl

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#7F7F7F"

PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, YELLOW)
"""Okabe-Ito colours, the ones that read well on white first."""

SEQUENTIAL = "cividis"
"""Colour map for magnitudes."""

DIVERGING = "PuOr_r"
"""Colour map for signed values; centre it at zero."""

DPI = 144

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#333333",
    "axes.facecolor": "white",
    "axes.grid": False,
    "axes.labelsize": 10,
    "axes.prop_cycle": mpl.cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.figsize": (6.4, 3.8),
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.color": "#dddddd",
    "image.cmap": SEQUENTIAL,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "savefig.dpi": DPI,
    "savefig.facecolor": "white",
    "svg.hashsalt": "attention-audit",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}


class use_style:  # a verb, used like a function
    """Set the book's style: at once when called, and only inside the block under ``with``.

    Examples
    --------
    >>> with use_style():
    ...     pass
    """

    def __init__(self) -> None:
        self._before = {name: mpl.rcParams[name] for name in _STYLE}
        mpl.rcParams.update(_STYLE)

    def __enter__(self) -> use_style:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        mpl.rcParams.update(self._before)
