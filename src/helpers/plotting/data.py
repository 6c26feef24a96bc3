"""Figures of the page on the data."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from helpers.plotting.style import BLUE, GREY, ORANGE, PALETTE, SEQUENTIAL, VERMILLION, use_style


def map_of_cells(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw cells on two principal components, coloured by type and by donor.

    Parameters
    ----------
    table
        ``pc1, pc2, cell_type, donor``; the seven most frequent types get a colour of their own.
    """
    frequent = table["cell_type"].value_counts().index[:7]
    first, second = (f"{share:.0%}" for share in table.attrs["explained"])
    with use_style():
        figure, axes = plt.subplots(1, 2, figsize=(8.6, 5.0), sharex=True, sharey=True)
        for axis, column, shown in (
            (axes[0], "cell_type", frequent),
            (axes[1], "donor", sorted(table["donor"].unique())),
        ):
            axis.scatter(table["pc1"], table["pc2"], s=4, color=GREY, alpha=0.5, label="others")
            for colour, name in zip(PALETTE, shown, strict=False):
                part = table[table[column] == name]
                axis.scatter(part["pc1"], part["pc2"], s=5, color=colour, label=name)
            axis.set_title(column.replace("_", " "))
            axis.set_xlabel(f"component 1 ({first} of variance)")
            handles, labels = axis.get_legend_handles_labels()
            if column == "donor":
                handles, labels = handles[1:], labels[1:]
            axis.legend(
                handles,
                labels,
                markerscale=3,
                ncols=3,
                columnspacing=1.0,
                handletextpad=0.3,
                loc="upper center",
                bbox_to_anchor=(0.5, -0.14),
            )
        axes[0].set_ylabel(f"component 2 ({second} of variance)")
    alt = (
        f"Two scatter plots of {len(table)} cells on the same two principal components. Left, "
        f"colours are the most frequent cell types; right, colours are donors."
    )
    return figure, alt


def donors_by_type(counts: pd.DataFrame) -> tuple[Figure, str]:
    """Draw the share of every cell type that each donor gives, with the number of cells.

    Parameters
    ----------
    counts
        Cells per donor (rows) and cell type (columns).
    """
    share = counts / counts.sum()
    overall = counts.sum(axis=1) / counts.to_numpy().sum()
    bars = pd.concat([overall.rename("all cells"), share], axis=1)
    with use_style():
        figure, axis = plt.subplots(figsize=(8.0, 3.8))
        left = np.zeros(bars.shape[1])
        for colour, donor in zip(PALETTE, bars.index, strict=False):
            axis.barh(
                np.arange(bars.shape[1]), bars.loc[donor], left=left, color=colour, label=donor
            )
            left += bars.loc[donor].to_numpy()
        sizes = [counts.to_numpy().sum(), *counts.sum()]
        axis.set_yticks(
            np.arange(bars.shape[1]),
            [f"{name} ({size:,})" for name, size in zip(bars.columns, sizes, strict=True)],
        )
        axis.invert_yaxis()
        axis.set_xlim(0, 1)
        axis.set_xlabel("share of cells")
        figure.legend(loc="outside upper center", ncols=len(bars))
    worst = share.max().idxmax()
    alt = (
        f"Stacked horizontal bars, one per cell type, of the share each of {len(counts)} donors "
        f"gives. The bars differ from that of all cells; {worst} is the most one-sided."
    )
    return figure, alt


def detection_of_genes(share: pd.Series, cells: pd.DataFrame, floor: float) -> tuple[Figure, str]:
    """Draw in how many cells genes are seen, and how many genes cells of each donor show.

    Parameters
    ----------
    share
        Share of cells with each gene.
    cells
        ``donor, genes`` per cell.
    floor
        Detection below which a gene is left out.
    """
    kept = int((share >= floor).sum())
    with use_style():
        figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.5))
        bins = np.logspace(np.log10(1 / len(cells)), 0, 40)
        axes[0].hist(share[share > 0], bins=bins, color=BLUE)
        axes[0].set_xscale("log")
        axes[0].axvline(floor, color=VERMILLION)
        axes[0].set_xlabel("share of cells with the gene")
        axes[0].set_ylabel("genes")
        axes[0].set_title(f"{kept:,} of {len(share):,} genes above the floor")
        donors = sorted(cells["donor"].unique())
        groups = [cells.loc[cells["donor"] == donor, "genes"].to_numpy() for donor in donors]
        axes[1].boxplot(
            groups, tick_labels=donors, showfliers=False, medianprops={"color": VERMILLION}
        )
        axes[1].set_ylabel("genes per cell")
        axes[1].set_ylim(0, None)
        axes[1].set_title("genes seen per cell, by donor")
    medians = ", ".join(f"{d} {np.median(g):,.0f}" for d, g in zip(donors, groups, strict=True))
    alt = (
        f"Left, a histogram of the share of cells in which a gene is seen, on a logarithmic scale; "
        f"a line at {floor:.0%} leaves {kept:,} genes to its right. Right, box plots of genes per "
        f"cell by donor; medians {medians}."
    )
    return figure, alt


def coverage(repairs: pd.DataFrame, overlap: pd.DataFrame) -> tuple[Figure, str]:
    """Draw detected edges before and after repair, and how much references share.

    Parameters
    ----------
    repairs
        ``as_they_come, edges_repaired, both_repaired`` per reference.
    overlap
        Share of the row's edges that the column has.
    """
    steps = {
        "as_they_come": ("as the files come", GREY),
        "edges_repaired": ("accessions resolved", ORANGE),
        "both_repaired": ("and hyphens restored", BLUE),
    }
    with use_style():
        figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.0), width_ratios=[1.35, 1])
        place = np.arange(len(repairs))
        for shift, (column, (label, colour)) in zip((-0.27, 0, 0.27), steps.items(), strict=True):
            bars = axes[0].bar(place + shift, repairs[column], 0.25, color=colour, label=label)
            axes[0].bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=1)
        axes[0].set_xticks(place, repairs.index)
        axes[0].set_ylabel("edges, both genes detected")
        axes[0].yaxis.set_major_formatter("{x:,.0f}")
        axes[0].legend(loc="upper left", ncols=1)
        image = axes[1].imshow(overlap, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(overlap.to_numpy()):
            colour = "black" if value > 0.5 else "white"
            axes[1].text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
        axes[1].set_xticks(range(len(overlap.columns)), overlap.columns, rotation=30, ha="right")
        axes[1].set_yticks(range(len(overlap)), overlap.index)
        axes[1].set_title("share of the row's edges in the column", fontsize=10)
        figure.colorbar(image, ax=axes[1], shrink=0.8)
    gains = ", ".join(
        f"{name} from {row.as_they_come:,} to {row.both_repaired:,}"
        for name, row in repairs.iterrows()
    )
    alt = (
        f"Left, bars of reference edges between detected genes before and after repair: {gains}. "
        f"Right, a matrix of the share of one reference's edges found in another."
    )
    return figure, alt


def gene_sets(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw what three choices of genes contain.

    Parameters
    ----------
    table
        Index choice; ``genes, tfs, genes_per_cell, edges``.
    """
    panels = {
        "genes": "genes",
        "genes_per_cell": "genes seen in\na median cell",
        "tfs": "transcription\nfactors",
        "edges": "reference edges\nbetween them",
    }
    with use_style():
        figure, axes = plt.subplots(1, 4, figsize=(9.2, 3.2), sharey=True)
        for axis, (column, label) in zip(axes, panels.items(), strict=True):
            bars = axis.barh(table.index, table[column], color=BLUE, height=0.6)
            axis.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=9)
            axis.set_xlim(0, 1.45 * table[column].max())
            axis.xaxis.set_major_locator(MaxNLocator(3))
            axis.set_xlabel(label)
        axes[0].invert_yaxis()
    first, last = table.iloc[0], table.iloc[-1]
    alt = (
        f"Bars for three choices of genes. From variable genes alone to variable genes with "
        f"transcription factors and targets, the reference edges inside rise from "
        f"{first['edges']:,.0f} to {last['edges']:,.0f} and the genes seen in a median cell from "
        f"{first['genes_per_cell']:,.0f} to {last['genes_per_cell']:,.0f}."
    )
    return figure, alt
