"""Figures of the page on null models."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting.style import BLACK, BLUE, GREY, PALETTE, VERMILLION, use_style
from helpers.statistics.jackknife import LeaveOneOut


def forest(tables: dict[str, pd.DataFrame]) -> tuple[Figure, str]:
    """Draw the AUROC of every score with its TF-cluster interval, one panel per case.

    Parameters
    ----------
    tables
        Name -> table indexed by score, columns ``auroc, low, high``.
    """
    with use_style():
        rows = max(len(table) for table in tables.values())
        figure, axes = plt.subplots(
            1,
            len(tables),
            figsize=(2.3 * len(tables) + 1.8, 0.28 * rows + 1.2),
            sharey=True,
            squeeze=False,
        )
        for axis, (name, table) in zip(axes[0], tables.items(), strict=True):
            place = np.arange(len(table))[::-1]
            low = table["low"].fillna(table["auroc"]).astype(float)
            high = table["high"].fillna(table["auroc"]).astype(float)
            axis.hlines(place, low, high, color=GREY)
            colours = [BLUE if n.startswith("attention") else BLACK for n in table.index]
            axis.scatter(table["auroc"], place, color=colours, zorder=3, s=18)
            axis.axvline(0.5, color=VERMILLION, linewidth=0.8)
            axis.set_yticks(place, table.index)
            axis.set(title=name, xlabel="AUROC")
    text = "; ".join(f"{n}: attention {t.loc['attention', 'auroc']:.2f}" for n, t in tables.items())
    return figure, f"AUROC of each score with TF-cluster intervals. {text}."


def sum_and_mean(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw AUROCs of summed and averaged attention in a world without pair signal.

    Parameters
    ----------
    table
        ``score, negatives, auroc`` and ``seed``.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.2, 3.2))
        groups = list(table.groupby(["score", "negatives"]))
        for k, (_, part) in enumerate(groups):
            axis.scatter(part["auroc"], np.full(len(part), k), color=PALETTE[k], s=22)
        axis.axvline(0.5, color=BLACK, linewidth=0.8)
        axis.set_yticks(range(len(groups)), [f"{a}, {b}" for (a, b), _ in groups])
        axis.set(xlabel="AUROC", ylim=(-0.6, len(groups) - 0.4))
    means = table.groupby(["score", "negatives"])["auroc"].mean()
    text = "; ".join(f"{a}, {b}: {v:.2f}" for (a, b), v in means.items())
    return figure, f"One point per simulated world without pair signal. Means: {text}."


def influence(found: dict[str, LeaveOneOut]) -> tuple[Figure, str]:
    """Draw the change of the AUROC when each TF is left out, one row per case.

    Parameters
    ----------
    found
        Name -> leave-one-out values.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.4, 0.5 * len(found) + 1.4))
        for k, one in enumerate(found.values()):
            axis.scatter(-one.influence, np.full(one.influence.size, k), s=14, color=BLUE)
        axis.axvline(0, color=BLACK, linewidth=0.8)
        axis.set_yticks(range(len(found)), list(found))
        axis.set(xlabel="change of AUROC without one TF", ylim=(-0.6, len(found) - 0.4))
    text = "; ".join(f"{n}: {abs(o.influence).max():.3f}" for n, o in found.items())
    return figure, f"One point per left-out TF. Largest changes: {text}."
