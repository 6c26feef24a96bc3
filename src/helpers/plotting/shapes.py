"""Shapes of figures: each is a function of a table and returns the figure and its words.

The sizes of `helpers.plotting.canvas` keep text readable on a telephone, and panels stand below
each other for the same reason. The alternative text names what is drawn and gives the numbers, so
that the figure can be read without being seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting.canvas import (
    add_legend,
    label_of,
    legend_height,
    most_lines,
    name_rows,
    numbers,
    panels,
    words_of,
)
from helpers.plotting.style import (
    BLUE,
    DIVERGING,
    GREY,
    ORANGE,
    PALETTE,
    SEQUENTIAL,
    VERMILLION,
)

MARKERS = "osD^vP*X"

Drawn = tuple[Figure, str]
"""A figure and its alternative text."""


def bars(
    table: pd.DataFrame,
    xlabel: str,
    *,
    band: tuple[float, float] | None = None,
    band_label: str = "expected by chance",
) -> Drawn:
    """Draw horizontal bars: one group per row, one colour per column.

    Parameters
    ----------
    table
        Numbers; the index names the rows.
    xlabel
        What is drawn, with its unit.
    band, band_label
        Range to set the bars against, and its meaning.
    """
    n, k = table.shape
    row = 0.24 * max(k, 1.6, 0.9 * most_lines(table.index))
    with panels(height=1.3 + row * n) as (figure, (axis,)):
        size, at = 0.8 / k, np.arange(n)
        for j, (name, colour) in enumerate(zip(table, cycle(PALETTE))):
            offset = size * (j - (k - 1) / 2)
            axis.barh(at + offset, table[name], size * 0.92, color=colour, label=str(name))
        if band is not None:
            axis.axvspan(*band, color=ORANGE, alpha=0.3, zorder=0, label=band_label)
        name_rows(axis, table.index)
        axis.set_xlabel(xlabel)
        if k > 1 or band is not None:
            add_legend(figure)
    more = "" if band is None else f" Shaded, {band_label}: {band[0]:.3g} to {band[1]:.3g}."
    return figure, f"Bars of {xlabel}. {words_of(table)}.{more}"


def points(table: pd.DataFrame, xlabel: str, *, line: float | None = None) -> Drawn:
    """Draw the columns of a table as points, one row of the figure per row of the table.

    Parameters
    ----------
    table
        Numbers; the index names the rows, the columns what is compared.
    xlabel
        What is drawn, with its unit.
    line
        Value to mark: chance, or no difference.
    """
    with panels(height=1.3 + 0.42 * len(table)) as (figure, (axis,)):
        for name, colour, marker in zip(table, cycle(PALETTE), cycle(MARKERS)):
            axis.plot(table[name], np.arange(len(table)), marker, color=colour, label=str(name))
        if line is not None:
            axis.axvline(line, color=GREY, linestyle="--", linewidth=1)
        name_rows(axis, table.index)
        axis.set_xlabel(xlabel)
        add_legend(figure)
    return figure, f"Points of {xlabel}. {words_of(table)}."


def forest(
    table: pd.DataFrame,
    value: str,
    xlabel: str,
    *,
    by: str | None = None,
    line: float | None = None,
    margin: tuple[float, float] | None = None,
) -> Drawn:
    """Draw a forest plot: points and their intervals, one row per name.

    Parameters
    ----------
    table
        Columns `value`, ``low`` and ``high`` (missing where there is no interval); the index names
        the rows. Rows of the same name, which then differ in `by`, stand in one place of the plot.
    value, xlabel
        Column to draw, and what it is, with its unit.
    by
        Column that gives colour and marker.
    line, margin
        Value to mark, and range to shade.
    """
    places, names = pd.factorize(table.index)
    groups = table[by].to_numpy() if by else np.full(len(table), "")
    kinds = pd.unique(groups)
    shared = len(names) < len(table)
    marks = 0.36 * len(table) * (0.6 if shared else 1)
    height = 1.5 + max(marks, 0.2 * most_lines(names) * len(names)) + legend_height(len(kinds))
    with panels(height=height) as (figure, (axis,)):
        for k, (name, colour, marker) in enumerate(zip(kinds, cycle(PALETTE), cycle(MARKERS))):
            part, rows = table[groups == name], places[groups == name].astype(float)
            if shared:
                rows += (k - (len(kinds) - 1) / 2) * 0.7 / len(kinds)
            about = {"color": colour, "capsize": 3, "label": str(name)}
            axis.errorbar(part[value], rows, xerr=_sizes(part, value), fmt=marker, **about)
        if line is not None:
            axis.axvline(line, color=GREY, linestyle="--", linewidth=1)
        if margin is not None:
            axis.axvspan(*margin, color=ORANGE, alpha=0.2, zorder=0)
        name_rows(axis, names)
        axis.set_xlabel(xlabel)
        if by:
            add_legend(figure)
    said = table.set_index(by, append=True) if shared and by else table
    shown = said[[value, "low", "high"]].astype(float)
    return figure, f"{xlabel} with intervals. {words_of(shown)}."


def intervals(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    by: str,
    panels_by: Sequence[str] = (),
    line: float | None = 0.5,
    log_x: bool = False,
) -> Drawn:
    """Draw `y` with its interval against `x`, one colour per `by`, one panel per combination.

    Parameters
    ----------
    table
        Columns `x`, `y`, ``low``, ``high``, `by` and `panels_by`.
    x, y
        Columns; their names are the labels of the axes.
    by, panels_by
        Columns that give colours and panels.
    line
        Value to mark.
    log_x
        Whether x is logarithmic.
    """
    return _panelled(table, x, y, by, panels_by, line, log_x, with_intervals=True)


def lines(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    by: str,
    panels_by: Sequence[str] = (),
    line: float | None = None,
    log_x: bool = False,
) -> Drawn:
    """Draw `y` against `x` as lines; arguments as `intervals`, but no interval is needed."""
    return _panelled(table, x, y, by, panels_by, line, log_x, with_intervals=False)


def _panelled(table, x, y, by, panels_by, line, log_x, *, with_intervals: bool) -> Drawn:
    groups = list(table.groupby(list(panels_by), sort=False)) if panels_by else [((), table)]
    names = {name: k for k, name in enumerate(pd.unique(table[by]))}
    span = float(np.ptp(table[x])) if with_intervals else 0.0
    height = 2.7 + legend_height(len(names)) / len(groups)
    with panels(len(groups), height, sharex=True) as (figure, axes):
        for axis, (title, part) in zip(axes, groups, strict=True):
            for name, rows in part.groupby(by, sort=False):
                k = names[name]
                look = {"color": PALETTE[k % len(PALETTE)], "marker": MARKERS[k % len(MARKERS)]}
                if with_intervals:
                    aside = k - (len(names) - 1) / 2  # or intervals would cover each other
                    at = rows[x] * 1.02**aside if log_x else rows[x] + 0.015 * aside * span
                    size = _sizes(rows, y)
                    axis.errorbar(at, rows[y], yerr=size, capsize=3, label=str(name), **look)
                else:
                    axis.plot(rows[x], rows[y], label=str(name), **look)
            if line is not None:
                axis.axhline(line, color=GREY, linestyle="--", linewidth=1)
            axis.set(title=label_of(title), ylabel=y, xscale="log" if log_x else "linear")
        axes[-1].set_xlabel(x)
        if log_x and table[x].nunique() <= 6:
            at = np.sort(table[x].unique())
            axes[-1].set_xticks(at, [f"{value:g}" for value in at])
            axes[-1].minorticks_off()
        add_legend(figure, axes[0])
    shown = table.set_index([*panels_by, by, x])[[y]].astype(float)
    return figure, f"{y} against {x}. {words_of(shown)}."


def density_and_null(
    x: np.ndarray, y: np.ndarray, outcome: Any, *, xlabel: str, ylabel: str, statistic: str
) -> Drawn:
    """Draw the density of y, as ranks, against x, and the statistic beside its null draws.

    Parameters
    ----------
    x, y
        (n,) values of the same pairs.
    outcome
        A `helpers.statistics.results.Outcome` with draws under its null.
    xlabel, ylabel, statistic
        What x, y and the statistic are, with units.
    """
    draws = np.asarray(outcome.draws)
    with panels(2, 3.0) as (figure, (above, below)):
        ranks = pd.Series(y).rank(pct=True)
        dots = above.hexbin(x, ranks, gridsize=40, bins="log", cmap=SEQUENTIAL)
        above.set(xlabel=xlabel, ylabel=f"{ylabel},\nrank from 0 to 1")
        figure.colorbar(dots, ax=above, label="pairs")
        below.hist(draws, bins=30, color=GREY, label=f"null: {outcome.null}")
        below.axvline(outcome.estimate, color=VERMILLION, label="observed")
        below.set(xlabel=statistic, ylabel="draws")
        add_legend(figure, below)
    return figure, (
        f"Above: density of {len(x):,} pairs, {xlabel} across and rank of {ylabel} upwards. Below: "
        f"{draws.size} draws of {statistic} with {outcome.null}, from {draws.min():.3g} to "
        f"{draws.max():.3g}; observed {outcome.estimate:.3g}."
    )


def heatmap(
    table: pd.DataFrame, label: str, *, centre: float | None = None, show_values: bool = False
) -> Drawn:
    """Draw a table of numbers as colours.

    Parameters
    ----------
    table
        Numbers; index and columns name rows and columns.
    label
        What the colours mean, with its unit.
    centre
        Value that is white; colours then say on which side of it a number lies.
    show_values
        Whether the numbers stand in the cells.
    """
    values = table.to_numpy(float)
    span: dict[str, Any] = {"cmap": SEQUENTIAL}
    if centre is not None:
        far = float(np.nanmax(np.abs(values - centre))) or 1.0
        span = {"cmap": DIVERGING, "vmin": centre - far, "vmax": centre + far}
    with panels(height=1.6 + 0.32 * len(table)) as (figure, (axis,)):
        image = axis.imshow(values, aspect="auto", **span)
        figure.colorbar(image, ax=axis, label=label)
        name_rows(axis, table.index, inverted=False)
        axis.set_xticks(range(table.shape[1]), [label_of(c) for c in table], rotation=90)
        for (i, j), value in np.ndenumerate(values if show_values else np.empty((0, 0))):
            if np.isfinite(value):
                light = image.cmap(image.norm(value))[:3] @ np.array([0.3, 0.6, 0.1]) > 0.5
                colour = "black" if light else "white"
                axis.text(j, i, f"{value:.2g}", ha="center", va="center", color=colour)
    at = np.unravel_index(np.nanargmax(values), values.shape)
    largest = f"{label_of(table.index[at[0]])}, {label_of(table.columns[at[1]])}"
    return figure, (
        f"{label} for {len(table)} rows and {table.shape[1]} columns, from {np.nanmin(values):.3g} "
        f"to {np.nanmax(values):.3g}, the largest at {largest}."
    )


def histogram(
    values: Mapping[str, np.ndarray], xlabel: str, *, marks: Mapping[str, float] | None = None
) -> Drawn:
    """Draw histograms, one panel each, on one axis.

    Parameters
    ----------
    values
        Name -> numbers.
    xlabel
        What they are, with their unit.
    marks
        Name -> value to mark in every panel.
    """
    found = {name: np.asarray(v, float)[np.isfinite(v)] for name, v in values.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(found.values())), bins=30)
    with panels(len(found), 2.2, sharex=True) as (figure, axes):
        for axis, (name, v) in zip(axes, found.items(), strict=True):
            axis.hist(v, bins=edges, color=BLUE)
            for (mark, value), colour in zip((marks or {}).items(), cycle(PALETTE[1:])):
                axis.axvline(value, color=colour, label=mark)
            axis.set(title=str(name), ylabel="count")
        axes[-1].set_xlabel(xlabel)
        if marks:
            add_legend(figure, axes[0])
    said = "; ".join(
        f"{n}: {v.size} values from {v.min():.3g} to {v.max():.3g}, median {np.median(v):.3g}"
        for n, v in found.items()
    )
    marked = f" Marked: {numbers(marks)}." if marks else ""
    return figure, f"Histograms of {xlabel}. {said}.{marked}"


def scatter(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    by: str | None = None,
    apart: bool = False,
    diagonal: bool = False,
    log_x: bool = False,
    log_y: bool = False,
) -> Drawn:
    """Draw one point per row.

    Parameters
    ----------
    table
        Columns `x` and `y`, whose names are the labels of the axes, and `by`.
    by
        Column that gives colour and marker.
    apart
        Whether each of its values has a panel of its own, as clouds need that cover each other.
    diagonal
        Whether to draw the line y = x.
    log_x, log_y
        Whether an axis is logarithmic.
    """
    groups = list(table.groupby(by, sort=False)) if by else [("", table)]
    rows = len(groups) if apart else 1
    with panels(rows, 4.2, sharex=True, sharey=True) as (figure, axes):
        looks = zip(groups, cycle(PALETTE), cycle(MARKERS), axes if apart else cycle(axes))
        for (name, part), colour, marker, axis in looks:
            look = {"color": colour, "marker": marker, "alpha": 0.7, "label": str(name)}
            axis.scatter(part[x], part[y], s=22, **look)
            axis.set_title(str(name) if apart else "")
        for axis in axes:
            if diagonal:
                low, high = table[x].min(), table[x].max()
                axis.axline((low, low), (high, high), color=GREY, linewidth=1)
            axis.set(xscale="log" if log_x else "linear", yscale="log" if log_y else "linear")
            axis.set_ylabel(y)
        axes[-1].set_xlabel(x)
        if by and not apart:
            add_legend(figure)
    rho = table[[x, y]].corr(method="spearman").iloc[0, 1]
    span = words_of(table[[x, y]].agg(["min", "max"]).T)
    return figure, f"{len(table)} points, {y} against {x}. {span}. Rank correlation {rho:.2f}."


def _sizes(table: pd.DataFrame, value: str) -> np.ndarray:
    """Return the arms of the error bars, (2, n); 0 where there is no interval."""
    centre = table[value].to_numpy(float)
    low, high = (table[name].to_numpy(float) for name in ("low", "high"))
    return np.clip(np.nan_to_num([centre - low, high - centre]), 0, None)
