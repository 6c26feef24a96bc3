"""Figures of the page on the test registry."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting import style


def p_histograms(tested: pd.DataFrame) -> tuple[Figure, str]:
    """Draw a histogram of p per family.

    Parameters
    ----------
    tested
        Columns ``family, p_raw``.

    Returns
    -------
    tuple
        Figure and alternative text.
    """
    families = sorted(tested["family"].unique())
    columns = min(4, len(families))
    rows = -(-len(families) // columns)
    edges = np.linspace(0, 1, 21)
    with style.use_style():
        figure, grid = plt.subplots(
            rows, columns, figsize=(7.2, 1.7 * rows), squeeze=False, sharex=True
        )
        for axes, family in zip(grid.flat, families, strict=False):
            p = tested.loc[tested["family"] == family, "p_raw"]
            axes.hist(p, bins=edges, color=style.BLUE)
            axes.set_title(f"{family} ({len(p)})")
        for axes in grid.flat[len(families) :]:
            axes.set_visible(False)
        figure.supxlabel("p")
        figure.supylabel("number of tests")
    parts = [
        f"{name}: {int((part['p_raw'] <= 0.05).sum())} of {len(part)} at most 0.05"
        for name, part in tested.groupby("family")
    ]
    return figure, "Histograms of p by family of tests. " + "; ".join(parts) + "."


def definitions(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw each test's adjusted p under three definitions of the family as a line.

    Parameters
    ----------
    table
        Columns ``A, B, C, changes`` as `bookkit.sensitivity.by_definition` returns them.
    """
    floor = 1e-4
    with style.use_style():
        figure, axes = plt.subplots(figsize=(6.4, 4.0))
        for changes, colour, name in (
            (False, style.GREY, "same call under every definition"),
            (True, style.VERMILLION, "call depends on the definition"),
        ):
            rows = table[table["changes"].astype(bool) == changes]
            values = rows[["A", "B", "C"]].clip(lower=floor).assign(gap=np.nan).to_numpy().ravel()
            if len(rows):  # one line for all is drawn many times faster
                x, look = np.tile([0, 1, 2, np.nan], len(rows)), {"lw": 0.9, "marker": "o", "ms": 3}
                axes.plot(x, values, color=colour, label=name, rasterized=True, **look)
        axes.axhline(0.05, color=style.BLACK, ls="--", lw=1)
        axes.set_yscale("log")
        axes.set_xticks(range(3), ["A: confirmatory", "B: all with p", "C: one per notebook"])
        axes.set_xlabel("definition of the family")
        axes.set_ylabel("BH-adjusted p (log scale)")
        figure.legend(loc="outside upper left", ncols=2)
    changed = int(table["changes"].sum())
    alt = (
        f"Lines of adjusted p for {len(table)} tests under three definitions of the family, "
        f"with the level 0.05 dashed; {changed} of them change their call."
    )
    return figure, alt
