"""How the calls depend on which tests are corrected together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.registry.correction import ALPHA, adjusted, bounds, eligible
from helpers.statistics.multiplicity import hierarchical

DEFINITIONS = {
    "A": "all confirmatory tests",
    "B": "all tests with a p, descriptive ones included",
    "C": "one primary test per notebook and data set, named in advance",
    "D": "families by Simes' test, then BH inside the selected families",
}

PRIMARY: Mapping[str, str] = {
    "10_coexpression": "10.2",
    "11_cssi": "11.7",
    "12_null_models": "12.1",
}
"""Primary test of a notebook, named before its data were read; otherwise its first number."""


def is_primary(table: pd.DataFrame, primary: Mapping[str, str] = PRIMARY) -> pd.Series:
    """Return which rows are the primary test of their notebook, one per model and data set."""
    number = table["test_id"].str.replace(r"/.*", "", regex=True)
    first = table["notebook"].str.replace(r"_.*", ".1", regex=True)
    named = table["notebook"].map(dict(primary)).fillna(first)
    return number.eq(named)


def by_definition(
    table: pd.DataFrame, alpha: float = ALPHA, primary: Mapping[str, str] = PRIMARY
) -> pd.DataFrame:
    """Adjust the corrected variant under four definitions of the family.

    Parameters
    ----------
    table
        Registry as `helpers.registry.collect` returns it.
    alpha
        Level.
    primary
        Primary test number per notebook, for definition C.

    Returns
    -------
    pandas.DataFrame
        Rows = tests of the variant ``corrected`` that enter any definition; columns `test_id`,
        `p_raw`, `A`, `B`, `C` (adjusted p, NaN outside the family), `D` (boolean call, NaN
        outside), and `changes` (``True`` where the calls of the definitions that hold the test
        disagree). Bounded p values enter at their upper end.

    References
    ----------
    Benjamini Y, Bogomolov M (2014), J R Stat Soc B 76:297-318 (definition D).
    """
    rows = table[table["variant"].eq("corrected") & table["estimable"].astype(bool)]
    rows = rows[rows["p_raw"].notna()]
    confirmatory = eligible(rows)
    sets = {
        "A": rows[confirmatory],
        "B": rows,
        "C": rows[confirmatory & is_primary(rows, primary)],
    }
    result = rows[["test_id", "family", "p_raw"]].copy()
    for name, members in sets.items():
        result[name] = adjusted(members, "bh")["high"]
    result["D"] = hierarchical_calls(sets["A"], alpha)
    called = (result[["A", "B", "C"]] <= alpha).where(result[["A", "B", "C"]].notna())
    called["D"] = result["D"]
    votes = called.astype(float)
    result["changes"] = votes.max(axis=1) != votes.min(axis=1)
    return result.reset_index(drop=True)


def hierarchical_calls(members: pd.DataFrame, alpha: float = ALPHA) -> pd.Series:
    """Return the calls of the two-step procedure; the families are those of the rows."""
    upper = pd.Series(bounds(members)[1], index=members.index)
    groups = {name: upper[part.index] for name, part in members.groupby("family")}
    found = hierarchical({name: p.to_numpy() for name, p in groups.items()}, alpha)
    calls = pd.Series(np.nan, index=members.index)
    for name, p in groups.items():
        calls[p.index] = found[name].astype(float)
    return calls
