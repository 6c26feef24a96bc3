"""Figures of the scaling page: recovery against cells and states."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting.style import BLUE, GREEN, GREY, ORANGE, use_style


def recovery(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw AUROC and F1 of simulated worlds against the number of cells, replicates in grey.

    Parameters
    ----------
    table
        ``world, replicate, cells, auroc, auroc_free, f1``.
    """
    worlds = list(dict.fromkeys(table["world"]))
    parts = []
    with use_style():
        figure, axes = plt.subplots(1, len(worlds), figsize=(8.6, 3.8), sharey=True, squeeze=False)
        for axis, name in zip(axes.flat, worlds, strict=True):
            mine = table[table["world"] == name]
            for number, one in mine.groupby("replicate"):
                label = None if number else "AUROC of one world"
                axis.plot(one["cells"], one["auroc"], color=GREY, linewidth=0.5, label=label)
            mean = mine.groupby("cells")[["auroc", "auroc_free", "f1"]].mean()
            axis.plot(mean.index, mean["auroc"], "o-", color=BLUE, label="mean AUROC, same pairs")
            axis.plot(
                mean.index, mean["auroc_free"], "s--", color=GREEN, label="mean AUROC, all pairs"
            )
            axis.plot(mean.index, mean["f1"], "^-", color=ORANGE, label="mean F1, top 50")
            axis.set_title(name)
            axis.set_xlabel("number of cells")
            axis.set_ylim(0, 1.02)
            ends = mean["auroc"].iloc[[0, -1]]
            parts.append(f"{name}: AUROC {ends.iloc[0]:.2f} to {ends.iloc[1]:.2f}")
        axes[0, 0].set_ylabel("AUROC or F1")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure, "Recovery from the fewest to the most cells. " + "; ".join(parts) + "."


def states(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw AUROC and F1 at a fixed number of cells against the number of states.

    Parameters
    ----------
    table
        ``world, replicate, states, auroc, f1``.
    """
    parts = []
    with use_style():
        figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.2))
        for (name, mine), colour in zip(
            table.groupby("world", sort=False), (BLUE, GREEN), strict=False
        ):
            mean = mine.groupby("states")[["auroc", "f1"]].mean()
            for axis, value in zip(axes, ("auroc", "f1"), strict=True):
                axis.plot(mine["states"], mine[value], ".", color=colour, alpha=0.4)
                axis.plot(mean.index, mean[value], "-", color=colour, label=name)
            ends = mean["auroc"].iloc[[0, -1]]
            parts.append(f"{name}: AUROC {ends.iloc[0]:.2f} to {ends.iloc[1]:.2f}")
        for axis, label in zip(axes, ("AUROC", "F1 of the top 50 pairs"), strict=True):
            axis.set_xlabel("cell states in the sample")
            axis.set_xticks(sorted(table["states"].unique()))
            axis.set_ylabel(label)
        axes[0].legend()
    return figure, "From the fewest to the most states. " + "; ".join(parts) + "."
