"""Figures of the page on the models."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from helpers.plotting.style import BLUE, GREY, SEQUENTIAL, VERMILLION, use_style

_UNIT = {"scgpt": "squared bins", "geneformer": "nats"}


def tokenisations(table: pd.DataFrame, shown: int = 8) -> tuple[Figure, str]:
    """Draw one cell's genes by their place in a ranked sequence and by their bin.

    Parameters
    ----------
    table
        ``gene, count, bin, rank``.
    shown
        Genes named: those with the largest counts that leave room for each other.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.8, 4.0))
        dots = axis.scatter(
            table["rank"], table["bin"], c=np.log10(table["count"]), s=22, cmap=SEQUENTIAL
        )
        named: list[int] = []
        for _, row in table.sort_values("count", ascending=False, kind="stable").iterrows():
            if len(named) == shown or any(abs(row["rank"] - place) < 14 for place in named):
                continue  # a name here would cover another one
            named.append(row["rank"])
            axis.annotate(
                row["gene"],
                (row["rank"], row["bin"]),
                xytext=(4, 3),
                textcoords="offset points",
                fontsize=8,
            )
        axis.set_xlabel("place in the ranked sequence (Geneformer), 0 = first")
        axis.set_ylabel("bin (scGPT)")
        figure.colorbar(dots, ax=axis, label="log10 count")
    alt = (
        f"Scatter of {len(table)} genes of one cell: place in Geneformer's ranked sequence across, "
        "scGPT's expression bin upwards, colour by count. High bins are spread over many places, "
        "because ranks divide by each gene's typical expression."
    )
    return figure, alt


def loss_curves(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw training and held-out loss with the baseline, one panel per model.

    Parameters
    ----------
    table
        ``model, step, training, held_out`` and, where it is known, ``baseline``.
    """
    names = list(dict.fromkeys(table["model"]))
    words = []
    with use_style():
        figure, axes = plt.subplots(
            1, len(names), figsize=(3.3 * len(names) + 1.2, 3.4), squeeze=False
        )
        for axis, name in zip(axes[0], names, strict=True):
            part = table[table["model"] == name]
            axis.plot(part["step"], part["training"], color=GREY, label="training")
            axis.plot(
                part["step"], part["held_out"], color=BLUE, marker="o", ms=3, label="held out"
            )
            if "baseline" in part:
                axis.axhline(part["baseline"].iloc[0], color=VERMILLION, ls="--", label="baseline")
            axis.set_title(name)
            axis.set_xlabel("step")
            axis.set_ylabel(f"loss ({_UNIT[name.split('-')[0]]})")
            first, last = part["held_out"].iloc[[0, -1]]
            words.append(f"{name} from {first:.2f} to {last:.2f}")
        axes[0][0].legend()
    alt = f"Loss against training step. Held-out loss goes: {'; '.join(words)}."
    return figure, alt


def head_rows(rows: xr.DataArray) -> tuple[Figure, str]:
    """Draw rows of one head: queries down, keys across, colour by attention."""
    sources, targets = rows["source"].values, rows["target"].values
    with use_style():
        figure, axis = plt.subplots(figsize=(7.4, 1.4 + 0.28 * len(sources)))
        image = axis.imshow(rows.values, aspect="auto", cmap=SEQUENTIAL, vmin=0)
        axis.set_xticks(range(len(targets)), targets, rotation=60, ha="right", fontsize=8)
        axis.set_yticks(range(len(sources)), sources, fontsize=8)
        axis.set_xlabel("key: the gene attended to (target j)")
        axis.set_ylabel("query (source i)")
        figure.colorbar(image, ax=axis, label="attention from i to j")
    where = np.unravel_index(int(rows.values.argmax()), rows.shape)
    alt = (
        f"Heat map of attention from {len(sources)} query genes (rows) to {len(targets)} key genes "
        f"(columns). The largest weight is {rows.values.max():.3f}, from {sources[where[0]]} to "
        f"{targets[where[1]]}."
    )
    return figure, alt


def directions(tables: dict[str, pd.DataFrame]) -> tuple[Figure, str]:
    """Draw attention from i to j against attention from j to i, one panel per model."""
    with use_style():
        figure, axes = plt.subplots(
            1, len(tables), figsize=(3.5 * len(tables) + 0.6, 3.5), squeeze=False
        )
        for axis, (name, table) in zip(axes[0], tables.items(), strict=True):
            x, y = table["i to j"] * 1000, table["j to i"] * 1000
            limits = [min(x.min(), y.min()) * 0.9, max(x.max(), y.max()) * 1.1]
            axis.plot(limits, limits, color=GREY, lw=1)
            axis.scatter(x, y, s=5, color=BLUE, alpha=0.25, linewidths=0)
            axis.set(xscale="log", yscale="log", title=name)
            for ticks in (axis.xaxis, axis.yaxis):
                ticks.set_major_locator(LogLocator(subs=(1, 2, 4)))
                ticks.set_major_formatter("{x:g}")
                ticks.set_minor_locator(NullLocator())
            axis.set_xlabel("from i to j, thousandths")
            axis.set_ylabel("from j to i, thousandths")
    alt = (
        "Scatter, one panel per model: mean attention from gene i to gene j against that from j to "
        "i, one dot per pair of transcription factors. Dots lie off the diagonal in both panels."
    )
    return figure, alt
