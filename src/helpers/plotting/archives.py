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
    GREY,
    ORANGE,
    SEQUENTIAL,
    VERMILLION,
    use_style,
)

NAMES = {"blocks": "residual-coordinate blocks", "mlp": "MLP"}
COLOURS = {"blocks": BLUE, "mlp": VERMILLION}


def top_share(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw paper B's Figure 1: the top-5 share, beside what noise alone gives.

    Parameters
    ----------
    table
        ``granularity, pair, tissue, top5_share, noise_share``, one row per run.
    """
    with use_style():
        figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.4), sharey=True)
        tissues = list(dict.fromkeys(table["tissue"]))
        for axis, (granularity, part) in zip(axes, table.groupby("granularity"), strict=True):
            means = part.groupby("tissue")[["top5_share", "noise_share"]].mean().loc[tissues]
            place = np.arange(len(tissues))
            axis.bar(place - 0.2, means["top5_share"], 0.38, color=COLOURS[granularity])
            axis.bar(place + 0.2, means["noise_share"], 0.38, color="white", edgecolor=BLACK)
            axis.set_xticks(place, tissues)
            axis.set_title(NAMES[granularity])
        axes[0].set_ylabel("share of the five largest")
        axes[0].set_ylim(0, 1)
        figure.legend(
            ["archived means", "no effect, noise only"], loc="outside lower center", ncols=2
        )
    gap = (table["top5_share"] - table["noise_share"]).max()
    alt = (
        f"Bars of the top-5 share for {len(tissues)} tissues and two kinds of component. Next to "
        f"each stands the share expected from noise alone; the largest excess is {gap:.2f}."
    )
    return figure, alt


def tissue_overlap(table: pd.DataFrame, expected: dict[str, float]) -> tuple[Figure, str]:
    """Draw paper B's Figure 2: mean Jaccard index per pair of tissues, with its expectation.

    Parameters
    ----------
    table
        ``granularity, tissues, mean``.
    expected
        Expectation for random sets of each granularity.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.4, 3.4))
        pairs = list(dict.fromkeys(table["tissues"]))
        for shift, granularity in ((-0.2, "blocks"), (0.2, "mlp")):
            part = table[table["granularity"] == granularity].set_index("tissues").loc[pairs]
            place = np.arange(len(pairs)) + shift
            axis.bar(
                place, part["mean"], 0.38, color=COLOURS[granularity], label=NAMES[granularity]
            )
            axis.hlines([expected[granularity]] * len(pairs), place - 0.19, place + 0.19, BLACK)
        axis.set_xticks(range(len(pairs)), pairs)
        axis.set_ylabel("mean Jaccard index, top 5")
        axis.set_ylim(0, 1)
        axis.legend(loc="upper left")
    alt = (
        f"Bars of the mean top-5 Jaccard index for {', '.join(pairs)}, from "
        f"{table['mean'].min():.2f} to {table['mean'].max():.2f}; black lines mark random sets."
    )
    return figure, alt


def total_effects(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw paper B's Figure 3: total effects with normal and Student-t intervals.

    Parameters
    ----------
    table
        ``pair, tissue, n, mean, normal_low, normal_high, t_low, t_high``.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.8, 3.4))
        place = np.arange(len(table))[::-1]
        axis.hlines(place - 0.12, table["t_low"], table["t_high"], VERMILLION, label="Student t")
        axis.hlines(place + 0.12, table["normal_low"], table["normal_high"], GREY, label="normal")
        axis.plot(table["mean"], place, "o", color=BLACK)
        axis.axvline(0, color=BLACK, linewidth=0.8)
        rows = zip(table["pair"], table["tissue"], table["n"], strict=True)
        axis.set_yticks(place, [f"{pair}, {tissue} (n = {n})" for pair, tissue, n in rows])
        axis.set_xlabel("total effect of the ablation (units of the model's output)")
        axis.legend()
    outside = int(((table["t_low"] > 0) | (table["t_high"] < 0)).sum())
    alt = (
        f"Six total effects with two intervals each. {outside} Student-t intervals leave zero "
        f"out; the widest belongs to n = {int(table['n'].min())}."
    )
    return figure, alt


def overlap_nulls(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw observed overlap against its expectations for every k.

    Parameters
    ----------
    table
        ``granularity, k, observed, plug_in, shared_mean_exact, depth_mean_exact``.
    """
    lines = {
        "plug_in": ("published expectation", GREY, ":"),
        "shared_mean_exact": ("random sets, exact", GREEN, "--"),
        "depth_mean_exact": ("random within depth, exact", ORANGE, "-"),
    }
    with use_style():
        figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.4), sharey=True)
        for axis, (granularity, part) in zip(axes, table.groupby("granularity"), strict=True):
            axis.plot(part["k"], part["observed"], "o", color=BLACK, label="observed")
            for column, (label, colour, style) in lines.items():
                axis.plot(part["k"], part[column], style, color=colour, label=label)
            axis.set_title(NAMES[granularity])
            axis.set_xlabel("size k of the top set")
            axis.set_xticks(part["k"])
        axes[0].set_ylabel("mean Jaccard index")
        axes[1].legend(loc="lower right")
    near = (table["observed"] - table["depth_mean_exact"]).max()
    alt = (
        "Observed mean Jaccard index and three expectations at k = 3, 5, 8 and 10. The expectation "
        f"that keeps depth lies highest; the observed index exceeds it by at most {near:.2f}."
    )
    return figure, alt


def cross_overlap(values: np.ndarray, labels: list[str], title: str) -> tuple[Figure, str]:
    """Draw the Jaccard index of every two top sets.

    Parameters
    ----------
    values
        Square matrix.
    labels
        One per set.
    title
        Heading.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.2, 4.6))
        image = axis.imshow(values, vmin=0, vmax=1, cmap=SEQUENTIAL)
        axis.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
        axis.set_yticks(range(len(labels)), labels)
        for (i, j), value in np.ndenumerate(values):
            colour = "white" if value < 0.5 else "black"
            axis.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
        figure.colorbar(image, label="Jaccard index")
        axis.set_title(title)
    off = values[~np.eye(len(labels), dtype=bool)]
    alt = (
        f"Matrix of Jaccard indices between {len(labels)} top sets; off the diagonal they run "
        f"from {off.min():.2f} to {off.max():.2f}."
    )
    return figure, alt


def run_pairs(published: pd.DataFrame, corrected: pd.DataFrame) -> tuple[Figure, str]:
    """Draw paper A's Figure 3: the lower bound of every run-pair, published and corrected.

    Parameters
    ----------
    published
        ``tissue, granularity, pair, n, ratio``.
    corrected
        The same rows with ``residual, a_free, a_bound, estimable``.
    """
    labels = [
        f"{r.pair}, {r.tissue}, {'MLP' if r.granularity == 'mlp' else 'blocks'} (n = {r.n})"
        for r in published.itertuples()
    ]
    place = np.arange(len(labels))[::-1]
    with use_style():
        figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.8), sharey=True)
        alone = (published["n"] < 3).to_numpy()
        axes[0].barh(place, published["ratio"], color=np.where(alone, ORANGE, GREY))
        axes[0].set_title("published: A / |TE|")
        axes[0].set_yticks(place, labels)
        known = corrected["estimable"].to_numpy()
        axes[1].plot(corrected["residual"].abs()[known], place[known], "o", color=BLACK)
        axes[1].barh(place[known], corrected["a_free"][known], color=GREEN)
        axes[1].set_title("corrected: |R| and its bound")
        for y in place[~known]:
            axes[1].text(0.02, y, "not estimable", va="center", fontsize=8, color=VERMILLION)
        axes[1].set_xlabel("share of the total effect")
        axes[0].set_xlabel("ratio")
    alt = (
        f"Bars for {len(labels)} run-pairs. {int((published['ratio'] > 0).sum())} published bounds "
        f"are positive, {int(alone.sum())} of the run-pairs hold fewer than three cells; of the "
        f"estimable ones {int((corrected['a_free'][known] > 0).sum())} keep a positive bound if "
        f"components are taken as independent and {int((corrected['a_bound'][known] > 0).sum())} "
        "if no assumption is made."
    )
    return figure, alt


def certificates(published: pd.DataFrame, corrected: pd.DataFrame) -> tuple[Figure, str]:
    """Draw paper A's Figure 4: certified fraction against lambda, published and corrected.

    Parameters
    ----------
    published, corrected
        ``allocation, lambda, fraction``.
    """
    colours = dict(
        zip(("uniform", "proportional", "concentrated"), (BLUE, GREEN, ORANGE), strict=True)
    )
    with use_style():
        figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), sharey=True)
        for axis, table, title in zip(
            axes, (published, corrected), ("published", "corrected"), strict=True
        ):
            for name, part in table.groupby("allocation", sort=False):
                axis.plot(part["lambda"], part["fraction"], "o-", color=colours[name], label=name)
            axis.set_title(title)
            axis.set_xlabel("multiplier of the lower bound")
        axes[0].set_ylabel("certified fraction of pairs")
        axes[0].legend()
    alt = (
        "Certified fraction of component pairs against the multiplier for three allocations; "
        f"published values fall from {published['fraction'].max():.3f}, corrected ones from "
        f"{corrected['fraction'].max():.3f}."
    )
    return figure, alt


def tissue_scatter(panels: list[tuple[str, pd.DataFrame]]) -> tuple[Figure, str]:
    """Draw paper A's Figure 7: component effects of one tissue against another, depth coloured.

    Parameters
    ----------
    panels
        Title and table (``a, b, layer``) of each comparison; at most six.
    """
    with use_style():
        figure, axes = plt.subplots(2, 3, figsize=(8.6, 5.2))
        for axis, (title, table) in zip(axes.flat, panels, strict=True):
            points = axis.scatter(table["a"], table["b"], c=table["layer"], cmap=SEQUENTIAL, s=18)
            axis.axhline(0, color=GREY, linewidth=0.6)
            axis.axvline(0, color=GREY, linewidth=0.6)
            axis.set_title(title, fontsize=9)
        figure.colorbar(points, ax=axes, label="layer")
        figure.supxlabel("restoration / total effect, first tissue", fontsize=9)
        figure.supylabel("second tissue", fontsize=9)
    alt = (
        f"{len(panels)} scatter plots of component effects in one tissue against another, points "
        "coloured by layer: " + "; ".join(title.replace("\n", ", ") for title, _ in panels) + "."
    )
    return figure, alt


def rejection_rates(table: pd.DataFrame, level: float) -> tuple[Figure, str]:
    """Draw how often each rule rejects in worlds whose truth is known.

    Parameters
    ----------
    table
        Indexed by world, one column per rule, entries in [0, 1].
    level
        Nominal level, drawn as a line.
    """
    with use_style():
        figure, axis = plt.subplots(figsize=(6.4, 3.2))
        width = 0.8 / table.shape[1]
        for i, (rule, colour) in enumerate(zip(table.columns, (GREY, GREEN, BLUE), strict=False)):
            axis.bar(
                np.arange(len(table)) + i * width, table[rule], width, color=colour, label=rule
            )
        axis.axhline(level, color=BLACK, linestyle="--", linewidth=1)
        axis.set_xticks(np.arange(len(table)) + 0.4 - width / 2, table.index)
        axis.set_ylabel("share of simulations that reject")
        axis.set_ylim(0, 1.05)
        axis.legend()
    parts = [
        f"{world}: " + ", ".join(f"{rule} {row[rule]:.2f}" for rule in table.columns)
        for world, row in table.iterrows()
    ]
    return figure, "Share of rejections by rule. " + "; ".join(parts) + "."


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
