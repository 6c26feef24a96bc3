"""Figures of the archive pages: published estimates beside corrected ones."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    VERMILLION,
    use_style,
)

NAMES = {"blocks": "residual-coordinate blocks", "mlp": "MLP"}
COLOURS = {"blocks": BLUE, "mlp": VERMILLION}


def printed_against_recomputed(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw recomputed minus printed value of every cell, in units of the printed precision.

    Parameters
    ----------
    table
        ``claim, printed, low, high, recomputed, match``.
    """
    half = ((table["high"] - table["low"]) / 2).replace(0, 0.5)
    middle = (table["high"] + table["low"]) / 2
    off = ((table["recomputed"] - middle) / half).clip(-4, 4)
    claims = list(dict.fromkeys(table["claim"]))
    with use_style():
        figure, axis = plt.subplots(figsize=(7.2, 0.27 * len(claims) + 1.2))
        axis.axvspan(-1, 1, color="#e8f3ee")
        for y, claim in enumerate(reversed(claims)):
            mine = table["claim"] == claim
            colours = np.where(table.loc[mine, "match"], GREEN, VERMILLION)
            axis.scatter(off[mine], np.full(mine.sum(), y), c=colours, s=16)
        axis.set_yticks(range(len(claims)), list(reversed(claims)))
        axis.set_xlabel("recomputed minus printed, in half units of the last printed digit")
        axis.set_xlim(-4.4, 4.4)
    alt = (
        f"{int(table['match'].sum())} of {len(table)} printed cells lie inside the band of values "
        "that round to the printed figure."
    )
    return figure, alt


def leakage_scores(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw paper A's Figure 12: AUC and balanced accuracy of every classifier, with chance.

    Parameters
    ----------
    table
        ``tissue, task, classifier, auc, balanced_accuracy, chance``.
    """
    tasks = list(dict.fromkeys(table["task"]))
    with use_style():
        figure, axes = plt.subplots(1, len(tasks), figsize=(8.6, 3.4), sharey=True)
        for axis, task in zip(axes, tasks, strict=True):
            part = table[table["task"] == task].reset_index(drop=True)
            place = np.arange(len(part))
            auc = axis.bar(place - 0.2, part["auc"], 0.38, color=BLUE)
            balanced = axis.bar(place + 0.2, part["balanced_accuracy"], 0.38, color=ORANGE)
            chance = axis.hlines(part["chance"], place, place + 0.4, BLACK)
            names = part["tissue"] + "\n" + part["classifier"].str.replace("[a-z]", "", regex=True)
            axis.set_xticks(place, names, fontsize=7)
            axis.set_title({"method": "assay"}.get(task, task))
        axes[0].set_ylabel("score")
        figure.legend(
            [auc, balanced, chance],
            ["AUC", "balanced accuracy", "chance of the latter"],
            loc="outside lower center",
            ncols=3,
        )
    donor = table[table["task"] == "donor"]
    alt = (
        f"Bars of AUC and balanced accuracy for {len(table)} classifiers. For donors AUC runs from "
        f"{donor['auc'].min():.2f} to {donor['auc'].max():.2f} and balanced accuracy from "
        f"{donor['balanced_accuracy'].min():.2f} to {donor['balanced_accuracy'].max():.2f}."
    )
    return figure, alt


def scaling_points(points: pd.DataFrame, curves: dict[str, pd.Series]) -> tuple[Figure, str]:
    """Draw paper A's Figure 2: AUROC against the number of cells, with fitted curves.

    Parameters
    ----------
    points
        Indexed by number of cells: ``auroc, low, high``.
    curves
        Fitted values by name, indexed by number of cells.
    """
    with use_style():
        figure, axis = plt.subplots()
        errors = [points["auroc"] - points["low"], points["high"] - points["auroc"]]
        axis.errorbar(points.index, points["auroc"], errors, fmt="o", color=BLACK, capsize=3)
        for (name, values), colour in zip(curves.items(), (BLUE, GREEN, ORANGE), strict=False):
            axis.plot(values.index, values, color=colour, label=name)
        axis.set_xlabel("cells")
        axis.set_ylabel("AUROC")
        axis.legend(loc="lower right")
    alt = (
        f"AUROC at {len(points)} numbers of cells, from {points['auroc'].min():.3f} to "
        f"{points['auroc'].max():.3f}, with intervals that all overlap"
        if points["low"].max() < points["high"].min()
        else f"AUROC at {len(points)} numbers of cells, from {points['auroc'].min():.3f} to "
        f"{points['auroc'].max():.3f}, with intervals"
    )
    return figure, alt + f", and {len(curves)} fitted curves."
