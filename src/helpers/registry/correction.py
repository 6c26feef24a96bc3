"""Correct the p values of the registry: within families, and over the whole book."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.statistics.multiplicity import adjust_bounds

ALPHA = 0.05
GLOBAL = {"q_bh": "bh", "q_by": "by", "q_holm": "holm"}


def bounds(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest p that each row allows.

    "p < x" is the interval [0, x], "p > x" is [x, 1], an exact p is a point.

    Parameters
    ----------
    table
        Rows with `p_raw` and `p_bound`; every `p_raw` present.
    """
    p = table["p_raw"].to_numpy(float)
    bound = table["p_bound"].to_numpy()
    return np.where(bound == "<", 0.0, p), np.where(bound == ">", 1.0, p)


def eligible(table: pd.DataFrame) -> pd.Series:
    """Return which rows enter a correction: confirmatory, estimable, with a p."""
    confirmatory = table["role"].eq("confirmatory")
    return confirmatory & table["estimable"].astype(bool) & table["p_raw"].notna()


def family_names(table: pd.DataFrame) -> pd.Series:
    """Return the family of each row; rows that reproduce a published value form their own."""
    published = table["variant"].eq("published")
    return table["family"].where(~published, table["family"] + " (published)")


def adjusted(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the lowest and highest adjusted p of rows that are corrected together."""
    low, high = adjust_bounds(*bounds(table), method)
    return pd.DataFrame({"low": low, "high": high}, index=table.index)


def correct(table: pd.DataFrame, alpha: float = ALPHA) -> pd.DataFrame:
    """Add adjusted p values to the registry.

    Parameters
    ----------
    table
        Registry as `helpers.registry.collect` returns it.
    alpha
        Level of the calls.

    Returns
    -------
    pandas.DataFrame
        The table with the columns

        - ``q_family``: BH within the family (published rows apart from corrected ones);
        - ``q_bh``, ``q_by``, ``q_holm``: BH, BY and Holm over all confirmatory rows of the variant
          ``corrected``;
        - ``..._low`` beside each: the smallest value that bounded p values allow (equal to it
          when all p are exact);
        - ``call``: ``"significant"``, ``"not significant"`` or ``"open"`` (the bounds straddle
          `alpha`) by ``q_bh``; ``"not corrected"`` for rows outside the global family.

        Rows that are not eligible hold NaN, and count nowhere.
    """
    result = table.copy()
    names = ["q_family", *GLOBAL]
    for name in names:
        result[name], result[f"{name}_low"] = np.nan, np.nan
    rows = eligible(table)
    for _, members in table[rows].groupby(family_names(table)[rows]):
        q = adjusted(members, "bh")
        result.loc[q.index, "q_family"] = q["high"]
        result.loc[q.index, "q_family_low"] = q["low"]
    everything = table[rows & table["variant"].eq("corrected")]
    for name, method in GLOBAL.items():
        q = adjusted(everything, method)
        result.loc[q.index, name] = q["high"]
        result.loc[q.index, f"{name}_low"] = q["low"]
    result["call"] = calls(result["q_bh_low"], result["q_bh"], alpha)
    return result


def calls(low: pd.Series, high: pd.Series, alpha: float = ALPHA) -> pd.Series:
    """Return the call that a range of adjusted p allows."""
    call = pd.Series("open", index=high.index, dtype=object)
    call[high <= alpha] = "significant"
    call[low > alpha] = "not significant"
    call[high.isna()] = "not corrected"
    return call


def family_summary(corrected: pd.DataFrame, alpha: float = ALPHA) -> pd.DataFrame:
    """Return one row per family: rows, tests with a p, and calls under each correction."""
    rows = eligible(corrected)
    grouped = corrected.groupby(family_names(corrected))

    def summary(members: pd.DataFrame) -> pd.Series:
        tested = members[rows[members.index]]
        return pd.Series(
            {
                "rows": len(members),
                "confirmatory": int(members["role"].eq("confirmatory").sum()),
                "not estimable": int((~members["estimable"].astype(bool)).sum()),
                "m": len(tested),
                "p <= alpha": int((tested["p_raw"] <= alpha).sum()),
                "BH in family": int((tested["q_family"] <= alpha).sum()),
                "BH over all": int((tested["q_bh"] <= alpha).sum()),
                "BY over all": int((tested["q_by"] <= alpha).sum()),
                "Holm over all": int((tested["q_holm"] <= alpha).sum()),
            }
        )

    if corrected.empty:
        columns = list(summary(corrected).index)
        return pd.DataFrame(columns=["family", *columns])
    found = [summary(members).rename(name) for name, members in grouped]
    return pd.DataFrame(found).rename_axis("family").reset_index()
