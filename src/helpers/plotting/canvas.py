"""What the shapes share: panels that are readable on a telephone, legends, and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import fill
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator

from helpers.plotting.style import use_style

WIDTH = 5.2
"""Inches. A telephone of 390 pixels shows a figure on 3.7 inches."""

SMALLEST = 11.5
"""Points; 8 of them are left on a telephone."""

LABEL = 44
"""Characters of a label in one line."""

NAME = 26
"""Characters of the name of a row in one line."""

MOST_BESIDE = 3
"""Names of a legend that may stand beside each other; more stand in a column."""

MOST_NAMED = 24
"""How many rows the words of a figure list one by one; of more they give the range."""

_SIZES = dict.fromkeys(("font.size", "legend.fontsize"), SMALLEST) | {
    f"{part}.labelsize": SMALLEST for part in ("xtick", "ytick", "axes")
}


@contextmanager
def panels(rows: int = 1, height: float = 3.0, **more: Any) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure with panels below each other, in the style of the book."""
    with use_style(), mpl.rc_context(_SIZES | {"axes.titlesize": 12}):
        figure, axes = plt.subplots(rows, 1, figsize=(WIDTH, height * rows), squeeze=False, **more)
        yield figure, list(axes[:, 0])
        for axis in axes[:, 0]:
            axis.set_xlabel(fill(axis.get_xlabel(), LABEL))
            if isinstance(axis.xaxis.get_major_locator(), AutoLocator):
                axis.locator_params(axis="x", nbins=5)


def label_of(index: Any) -> str:
    """Return an index, perhaps of several levels, in words.

    Examples
    --------
    >>> label_of(("scgpt", "baron"))
    'scgpt, baron'
    """
    text = ", ".join(map(str, index)) if isinstance(index, tuple) else str(index)
    return text.replace("_", " ")


def numbers(values: Mapping[str, Any]) -> str:
    """Return named numbers in words; what is missing is left out.

    Examples
    --------
    >>> numbers({"AUROC": 0.5312, "low": None})
    'AUROC 0.531'
    """
    found = {k: v for k, v in values.items() if v is not None and not pd.isna(v)}
    return ", ".join(f"{k} {v:.3g}" for k, v in found.items())


def words_of(table: pd.DataFrame) -> str:
    """Return the rows of a table of numbers in words, or their range where there are many."""
    if len(table) > MOST_NAMED:
        low, high = table.min(), table.max()
        return "; ".join(f"{c} from {low[c]:.3g} to {high[c]:.3g}" for c in table)
    return "; ".join(f"{label_of(i)}: {numbers(dict(r))}" for i, r in table.iterrows())


def _broken(index: Any) -> str:
    return "\n".join(fill(line, NAME) for line in label_of(index).split("\n"))


def most_lines(index: pd.Index) -> int:
    """Return how many lines the longest name of a row takes."""
    return max((_broken(i).count("\n") + 1 for i in index), default=1)


def name_rows(axis: Axes, index: pd.Index, inverted: bool = True) -> None:
    """Name the rows of a figure, the first on top; long names are broken into lines."""
    axis.set_yticks(range(len(index)), map(_broken, index))
    if inverted:
        axis.invert_yaxis()


def legend_height(names: int) -> float:
    """Return the inches that a legend of so many names takes, beyond a single line."""
    return 0.22 * (names - 1) if names > MOST_BESIDE else 0.0


def add_legend(figure: Figure, axis: Axes | None = None) -> None:
    """Put the legend above the panels, where it covers nothing."""
    handles, names = (axis or figure.axes[0]).get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside upper left", ncols=1 if len(names) > MOST_BESIDE else 2
    )
