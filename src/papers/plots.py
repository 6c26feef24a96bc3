"""Figures of the claim ledger and of the published-numbers audit."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting import style

COLOURS = {
    "yes": style.BLUE,
    "yes, with a documented defect": style.SKY,
    "yes, but contradicted elsewhere": style.GREEN,
    "in part": style.YELLOW,
    "only under another reading": style.ORANGE,
    "no": style.VERMILLION,
    "not compared, but contradicted elsewhere": style.BLACK,
    "not compared": style.GREY,
    "archive not fetched in this build": style.PURPLE,
}


def standing_bars(counts: pd.DataFrame) -> tuple[Figure, str]:
    """Draw the number of measured claims by standing as stacked bars, one bar a paper.

    Parameters
    ----------
    counts
        Standing by paper, as `papers.standing.standing_counts` returns it.

    Returns
    -------
    tuple
        Figure and alternative text.
    """
    papers = counts.drop(columns=["measured", "settings"])
    return _stacked(papers.T, tuple(COLOURS[name] for name in counts.index), "paper", "claims")


def verdict_bars(counts: pd.DataFrame) -> tuple[Figure, str]:
    """Draw the number of checks per verdict as stacked bars, one bar a section of claims."""
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
    colours = (style.BLUE, style.ORANGE, style.VERMILLION)
    return _stacked(counts.loc[order], colours, "section of claims", "checks")


def _stacked(
    table: pd.DataFrame, colours: tuple[str, ...], row_label: str, unit: str
) -> tuple[Figure, str]:
    with style.use_style():
        figure, axes = plt.subplots(figsize=(7.2, 1.6 + 0.32 * len(table)))
        left = pd.Series(0, index=table.index)
        for name, colour in zip(table.columns, colours, strict=True):
            axes.barh(table.index, table[name], left=left, color=colour, label=name)
            left = left + table[name]
        axes.invert_yaxis()
        axes.set_xlabel(f"number of {unit}")
        axes.set_ylabel(row_label)
        figure.legend(loc="outside upper left", ncols=2)
    parts = [
        f"{row}: " + ", ".join(f"{n} {name}" for name, n in table.loc[row].items() if n)
        for row in table.index
    ]
    return figure, f"Stacked bars of {unit} by {row_label}. " + "; ".join(parts) + "."
