"""Figures of the claim ledger and of the published-numbers audit."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting import style


def status_bars(counts: pd.DataFrame) -> tuple[Figure, str]:
    """Draw the number of claims per status as stacked bars, one bar a paper.

    Parameters
    ----------
    counts
        Status by paper, as `helpers.registry.ledger.status_counts` returns it.

    Returns
    -------
    tuple
        Figure and alternative text.
    """
    papers = [name for name in counts.columns if name != "all"]
    colours = (
        style.BLUE,
        style.SKY,
        style.VERMILLION,
        style.ORANGE,
        style.PURPLE,
        style.GREY,
    )
    return _stacked(counts[papers].T, colours, "paper", "claims")


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
