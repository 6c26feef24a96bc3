"""Figures of the archive pages: published estimates beside corrected ones."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting.style import (
    GREEN,
    VERMILLION,
    use_style,
)


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
