"""Figures of the page on co-expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting.style import BLUE, GREY, ORANGE, PALETTE, SEQUENTIAL, VERMILLION, use_style


def association(
    coexpression: np.ndarray, attention: np.ndarray, rho: float, null: np.ndarray, title: str
) -> tuple[Figure, str]:
    """Draw attention against co-expression, and rho beside its permutation null.

    Parameters
    ----------
    coexpression, attention
        (n,) values of the same gene pairs.
    rho, null
        Spearman's rho, and its draws with permuted gene labels.
    title
        Model and data set.
    """
    with use_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.4), width_ratios=(3, 2))
        ranks = pd.Series(attention).rank(pct=True)
        dots = left.hexbin(coexpression, ranks, gridsize=45, bins="log", cmap=SEQUENTIAL)
        left.set_xlabel("co-expression (Spearman)")
        left.set_ylabel("attention, rank from 0 to 1")
        left.set_title(title)
        figure.colorbar(dots, ax=left, label="gene pairs")
        right.hist(null, bins=30, color=GREY)
        right.axvline(rho, color=VERMILLION)
        right.set_xlabel("rho with permuted gene labels")
        right.set_ylabel("permutations")
        right.set_title(f"rho = {rho:.2f}")
    alt = (
        f"{title}. Left: density of {len(attention)} gene pairs, co-expression across and rank of "
        f"attention upwards. Right: histogram of rho under {len(null)} permuted gene labels, "
        f"from {null.min():.2f} to {null.max():.2f}; a line marks the observed {rho:.2f}."
    )
    return figure, alt


PARTS = ("co-expression alone", "gene-level terms", "unique to co-expression")


def variance_parts(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw the shares of variance of the ranks of attention, one group of bars per model.

    Parameters
    ----------
    table
        Columns `data`, `model` and the shares `PARTS`.
    """
    names = [f"{row.model}\n{row.data}" for row in table.itertuples()]
    with use_style():
        figure, axis = plt.subplots(figsize=(6.8, 3.6))
        place = np.arange(len(table))
        for offset, (part, colour) in enumerate(zip(PARTS, PALETTE, strict=False)):
            axis.bar(place + 0.27 * (offset - 1), table[part], 0.25, color=colour, label=part)
        axis.set_xticks(place, names)
        axis.set_ylabel("share of variance")
        axis.legend()
    words = [
        f"{name.replace(chr(10), ' on ')}: " + ", ".join(f"{p} {row[p]:.3f}" for p in PARTS)
        for name, (_, row) in zip(names, table.iterrows(), strict=True)
    ]
    return figure, "Bars of explained variance. " + "; ".join(words) + "."


def auroc_by_cells(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw AUROC with intervals against the number of cells, one panel per reference.

    Parameters
    ----------
    table
        Columns `data, reference, cells, model, auroc, low, high`.
    """
    groups = list(table.groupby(["data", "reference"], sort=False))
    words = []
    with use_style():
        figure, axes = plt.subplots(
            1, len(groups), figsize=(2.9 * len(groups) + 0.8, 3.4), sharey=True, squeeze=False
        )
        for axis, ((data, reference), part) in zip(axes[0], groups, strict=True):
            for number, (model, rows) in enumerate(part.groupby("model", sort=False)):
                shown = rows.dropna(subset=["auroc"])
                size = np.array([shown["auroc"] - shown["low"], shown["high"] - shown["auroc"]])
                axis.errorbar(
                    shown["cells"] * (1 + 0.04 * number),
                    shown["auroc"],
                    yerr=np.nan_to_num(size),
                    marker="o",
                    capsize=2,
                    color=PALETTE[number % len(PALETTE)],
                    label=model,
                )
                values = ", ".join(f"{v:.2f}" for v in shown["auroc"])
                words.append(f"{model} on {data} with {reference}: {values}")
            axis.axhline(0.5, color=GREY, linestyle="--", linewidth=1)
            axis.set_title(f"{data}, {reference}")
            axis.set_xlabel("cells")
        axes[0][0].set_ylabel("AUROC")
        axes[0][0].legend()
    return figure, "AUROC by increasing number of cells. " + "; ".join(words) + "."


def stability(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw the cosine between two contexts beside its two baselines.

    Parameters
    ----------
    table
        Columns `data, model, cosine, permuted genes, random weights`.
    """
    kinds = {"cosine": BLUE, "permuted genes": GREY, "random weights": ORANGE}
    names = [f"{row.model}\n{row.data}" for row in table.itertuples()]
    with use_style():
        figure, axis = plt.subplots(figsize=(6.8, 3.4))
        place = np.arange(len(table))
        for offset, (kind, colour) in enumerate(kinds.items()):
            label = "trained model" if kind == "cosine" else kind
            axis.plot(place + 0.15 * (offset - 1), table[kind], "o", color=colour, label=label)
        axis.set_xticks(place, names)
        axis.set_ylabel("cosine of two contexts")
        axis.legend()
    words = [
        f"{name.replace(chr(10), ' on ')}: trained {row['cosine']:.3f}, permuted genes "
        f"{row['permuted genes']:.3f}, random weights {row['random weights']:.3f}"
        for name, (_, row) in zip(names, table.iterrows(), strict=True)
    ]
    return figure, "Cosine between edge scores of two cell sets. " + "; ".join(words) + "."


def rejections(
    rates: Mapping[str, float], worlds: int, limits: Sequence[float]
) -> tuple[Figure, str]:
    """Draw the share of worlds in which each procedure rejects.

    Parameters
    ----------
    rates
        Procedure -> share of worlds with p <= 0.05.
    worlds
        Number of worlds.
    limits
        Range of shares that a true rate of 0.05 gives in 99 % of cases.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.4, 2.4 + 0.2 * len(rates)))
        place = np.arange(len(rates))
        axis.barh(place, list(rates.values()), color=BLUE)
        axis.axvspan(
            *limits, color=ORANGE, alpha=0.3, zorder=0, label="expected at a true rate of 5 %"
        )
        axis.set_yticks(place, list(rates))
        axis.set_xlim(0, 1)
        axis.set_xlabel(f"share of {worlds} worlds with p <= 0.05")
        axis.legend(loc="upper right")
    words = "; ".join(f"{name} {rate:.2f}" for name, rate in rates.items())
    return figure, f"Share of {worlds} worlds in which each procedure rejects: {words}."
