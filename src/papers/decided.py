"""Figures that archived draws decide, and that no page of a topic reads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

Answers = dict[str, float | str]
"""Path of a printed figure, as for `papers.claims.printed`, and what was found."""

NEAR_PERFECT = 0.9
"""F1 that the text itself calls the floor of CSSI-max."""


def of_draws(table2: pd.DataFrame) -> Answers:
    """Return what the draws behind Table 2 say of Figure 1 and of two rows of Table 9.

    Parameters
    ----------
    table2
        One row a draw: ``n_states, pool_f1, cssi_max_f1``.

    Returns
    -------
    dict
        Figure 1 in words (whether mean pooled F1 falls at every step, and whether CSSI-max stays at
        0.9 or more), and p of Spearman's rho of F1 with the number of states.
    """
    mean = table2.groupby("n_states")[["pool_f1", "cssi_max_f1"]].mean()
    falling = (mean["pool_f1"].diff().iloc[1:] < 0).all()
    pooled = "pooled falls monotonically" if falling else "pooled does not keep falling"
    near = "near-perfect" if mean["cssi_max_f1"].min() >= NEAR_PERFECT - 1e-9 else "imperfect"
    row = "registry/table9[10 4.10 {} Spearman].raw_p"
    rows = {"Synthetic scaling mitigation (CSSI)": "cssi_max_f1"}
    rows["Pooled scaling (hypothesis text cut)"] = "pool_f1"
    p = {
        row.format(test): float(spearmanr(table2["n_states"], table2[column]).pvalue)
        for test, column in rows.items()
    }
    return {"cssi/fig1": f"{pooled}; CSSI-max {near}", **p}


def of_cells(by_cells: pd.DataFrame, p: float) -> Answers:
    """Return what the archived means by number of cells say of the later text.

    Parameters
    ----------
    by_cells
        Mean AUROC ``cssi_max`` and ``pooled`` by number of cells; the text has the first five.
    p
        The archived p of the comparison.
    """
    rows = by_cells.head(5).reset_index()[["cssi_max", "pooled", "index"]]
    values = rows.to_numpy(float).ravel()
    figures = {f"a2t/cssi-s6#{n}": float(value) for n, value in enumerate(values)}
    return {"registry/cssi-p": p, **figures}


def of_first_edges(first: pd.DataFrame, design: pd.DataFrame) -> Answers:
    """Return what the archived counts of true edges among the first k say of the later text.

    Parameters
    ----------
    first
        ``cssi_max_tp`` and ``pooled_tp`` by k.
    design
        ``n_cells`` by number of cell types.
    """
    counts = first.iloc[0]
    values = {0: counts["cssi_max_tp"], 2: counts["pooled_tp"], 4: first.index[0]}
    values |= {5: design["n_cells"].iloc[-1], 7: design.index[-1]}
    return {f"a2t/cssi-pbmc#{n}": float(value) for n, value in values.items()}


def of_layers(gain: pd.Series) -> Answers:
    """Return what the archived gains by layer say of the later text, in its order of layers."""
    order = (8, 10, 6, 11, 5, 9, 12, 15)
    figures = {f"a2t/cssi-s7#{n}": float(gain[layer]) for n, layer in enumerate(order)}
    return figures | {"a2t/cssi-s7#9": float(gain[[13, 14]].abs().max())}


def of_rate(rate: float) -> Answers:
    """Return the numbers of cells at which an exponential has made 50 % and 90 % of its rise."""
    ends = {"low": np.log(2) / rate, "high": np.log(10) / rate}
    return {f"scaling/threshold#{end}": float(value) for end, value in ends.items()}


ROOM: Mapping[str, float] = {
    "a2t/cssi-s6": 5e-4,
    "a2t/cssi-s7#9": 5e-3,
}
"""Half a unit of the last digit where a figure is printed without it ("1", "about 0")."""


def room(path: str) -> float:
    """Return what a figure may differ beyond the rounding of its printed text."""
    return next((value for start, value in ROOM.items() if path.startswith(start)), 0.0)


def key(path: str) -> str:
    """Return the key under which a page keeps the answer to a printed figure."""
    return "".join(c if c.isalnum() else "_" for c in path.lower())
