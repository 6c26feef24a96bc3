"""Figures of the page on state-wise aggregation."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION, use_style

LINES = {
    "oracle": ("CSSI-max, true states", BLUE, "o-"),
    "pooled": ("pooled", BLACK, "s-"),
    "kmeans_split": ("CSSI-max, K-means on another copy", VERMILLION, "^-"),
    "kmeans": ("CSSI-max, K-means on the same data", ORANGE, "v-"),
    "oracle_rank_sum": ("rank sum, true states", GREEN, "d--"),
}


def f1_by_states(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw F1 against the number of states for true and estimated strata.

    Parameters
    ----------
    table
        From `helpers.analyses.cssi.table2`.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.8, 3.8))
        for column, (label, colour, style) in LINES.items():
            axis.plot(table["states"], table[column], style, color=colour, label=label)
        axis.set(xlabel="states", ylabel="mean F1", ylim=(0, 1.02))
        figure.legend(loc="outside lower center", ncols=2)
    last = table.iloc[-1]
    alt = (
        f"F1 against the number of states. At {last['states']:.0f} states: true states "
        f"{last['oracle']:.2f}, pooled {last['pooled']:.2f}, K-means {last['kmeans']:.2f}."
    )
    return figure, alt


def k_scan(scan: pd.DataFrame) -> tuple[Figure, str]:
    """Draw hits against the number of strata, with K chosen on the other half of the cells.

    Parameters
    ----------
    scan
        From `helpers.analyses.cssi_scan.k_scan`.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.4, 3.6))
        colours = {"K-means": VERMILLION, "random": GREY}
        for name, part in scan[scan["strata"].isin(colours)].groupby("strata"):
            means = part.groupby("k")["hits"].mean()
            axis.plot(means.index, means, "o-", color=colours[name], label=f"{name} strata")
        pooled = scan.loc[scan["strata"] == "K-means", "pooled_hits"].mean()
        axis.axhline(pooled, color=BLACK, linestyle="--", label="pooled")
        axis.set(xlabel="strata K", ylabel="true edges among the calls", ylim=(0, None))
        axis.legend()
    means = scan[scan["strata"] == "K-means"].groupby("k")["hits"].mean()
    alt = (
        f"Mean hits against K. Pooled: {pooled:.1f}. K-means strata: at most {means.max():.1f}, "
        f"at K = {means.idxmax()}."
    )
    return figure, alt


def layer_gains(tables: dict[str, pd.DataFrame]) -> tuple[Figure, str]:
    """Draw AUROC per layer, pooled and best variant on the same data, one panel per case.

    Parameters
    ----------
    tables
        Name -> table from `helpers.analyses.cssi_real.layer_table`.
    """
    with use_style():
        columns = min(4, len(tables))
        rows = -(-len(tables) // columns)
        figure, axes = plt.subplots(
            rows,
            columns,
            figsize=(2.3 * columns + 0.6, 2.6 * rows + 0.6),
            sharey=True,
            squeeze=False,
        )
        for axis, (name, table) in zip(axes.flat, tables.items(), strict=False):
            axis.plot(table.index, table["pooled"], "o-", color=BLACK, label="pooled")
            axis.plot(table.index, table["cssi"], "^", color=VERMILLION, label="best variant")
            axis.axhline(0.5, color=GREY, linewidth=0.8)
            axis.set_title(name, fontsize=9)
            axis.set(xlabel="layer", xticks=list(table.index))
        for axis in axes.flat[len(tables) :]:
            axis.set_visible(False)
        for axis in axes[:, 0]:
            axis.set_ylabel("AUROC")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    widest = max(table["gain"].max() for table in tables.values())
    alt = f"AUROC per layer for {', '.join(tables)}; the largest best-variant gain is {widest:.3f}."
    return figure, alt
