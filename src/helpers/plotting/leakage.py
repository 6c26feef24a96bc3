"""Figure of the leakage page: what the sensitivity index reports without donors."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from helpers.plotting.style import BLACK, BLUE, GREY, ORANGE, use_style


def noise_null(curve: pd.DataFrame, published: dict[str, float]) -> tuple[Figure, str]:
    """Draw flagged and flipped shares without donor effects by size of the balanced set.

    Parameters
    ----------
    curve
        ``cells, flagged, flipped, r``.
    published
        Published flagged shares by tissue, drawn as lines.
    """
    with use_style():
        figure, axis = plt.subplots()
        axis.plot(curve["cells"], curve["flagged"], "o-", color=BLUE, label="flagged, no donors")
        axis.plot(curve["cells"], curve["flipped"], "s-", color=ORANGE, label="changed sign")
        for (name, share), colour in zip(published.items(), (BLACK, GREY), strict=False):
            axis.axhline(share, color=colour, linestyle="--", label=f"published, {name}")
        axis.set_xscale("log")
        axis.set_xlabel("cells in the balanced set, of 20,000")
        axis.set_ylabel("share of edges")
        axis.legend()
    first, last = curve.iloc[0], curve.iloc[-1]
    alt = (
        f"Without donor effects {first.flagged:.0%} of edges are flagged with {first.cells:.0f} "
        f"balanced cells and {last.flagged:.0%} with {last.cells:.0f}."
    )
    return figure, alt
