"""Recompute the corrected p values and counts that the papers print from their own table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.statistics.multiplicity import adjust
from papers.claims import Printed, load_claims, printed, table_rows
from papers.completions import Completions, completions, q_range

TABLE = "registry/table9"
VERDICTS = ("recomputes", "bound only", "does not recompute", "not checkable")

Q_CLAIMS = {
    "multiplicity/q-scaling": "Scaling failure TRRUST",
    "multiplicity/q-mediation": "Non-additivity detection",
    "multiplicity/q-ortholog": "Global edge conservation",
    "multiplicity/q-pseudotime": "Overall directionality",
}
"""Claim of a q -> row of the table whose raw p it belongs to."""

NOT_CHECKABLE = {
    "registry/cssi-p": "its row is among those lost from the table; a raw p, not a q",
    "registry/robust-scaling": "stated in words; no number to recompute",
}


@dataclass(frozen=True)
class PublishedTable:
    """The appendix table of paper A, as far as it is legible.

    Parameters
    ----------
    rows
        Columns `group, section_as_printed, test, type, raw_p` and `low, high` (bounds of p, NaN
        for the rows that have none).
    m
        Number of tests the paper corrects for.
    missing, silent
        Rows lost from the printed table, and legible rows without a p.
    """

    rows: pd.DataFrame
    m: int
    missing: int
    silent: int

    @property
    def with_p(self) -> pd.DataFrame:
        """Rows that carry a p."""
        return self.rows[self.rows["high"].notna()].reset_index(drop=True)


def parse_p(text: str | float | None) -> tuple[float, float]:
    """Return the bounds of a printed p: ``"<0.001"`` -> (0, 0.001); NaN for a row without one."""
    if text is None:
        return np.nan, np.nan
    token = str(text).replace(" ", "")
    number = float(token.lstrip("<>"))
    return (0.0 if token.startswith("<") else number, 1.0 if token.startswith(">") else number)


def published_table() -> PublishedTable:
    """Return the legible rows of paper A's table of tests."""
    claims = load_claims()
    rows = pd.DataFrame(table_rows(claims[TABLE]))
    rows[["low", "high"]] = [parse_p(text) for text in rows["raw_p"]]
    m = int(claims["multiplicity/tests-total"].value)
    return PublishedTable(rows, m, m - len(rows), int(rows["high"].isna().sum()))


def recount(table: PublishedTable) -> tuple[pd.DataFrame, Completions]:
    """Recompute q of every legible row, and which completions give the printed count.

    Returns
    -------
    (rows, found)
        Rows with `q_low` and `q_high` over all completions of the lost rows; and the completions
        that have the printed number of significant tests, p at the upper end of its bound.
    """
    rows = table.with_p
    low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
    rows["q_low"], rows["q_high"] = q_range(low, high, table.missing, table.silent)
    count = int(load_claims()["registry/significant-count"].value)
    return rows, completions(high, table.missing, count, silent=table.silent)


def _judge(claim: Printed, low: float, high: float, bounded: bool) -> str:
    """Compare a printed q with the range that was recomputed."""
    inside = claim.low <= high and low <= claim.high
    if bounded:
        return "recomputes" if claim.low <= high <= claim.high else "bound only"
    return "recomputes" if inside else "does not recompute"


def raw_p_for(target: Printed, table: PublishedTable, count: int) -> tuple[float, float] | None:
    """Return the raw p of a lost row that give a printed q together with a printed count.

    All other lost rows are tried on {0, 1}; ``None`` if no raw p fits.
    """
    rows = table.with_p
    known = np.concatenate([rows["high"], np.ones(table.silent)])
    fitting = []
    for raw in np.round(np.arange(0.0005, 0.2, 0.0005), 6):
        for zeros in range(table.missing):
            others = np.r_[np.zeros(zeros), np.ones(table.missing - 1 - zeros)]
            p = np.concatenate([[raw], others, known])
            q = adjust(p, "bh")
            if int((q <= 0.05).sum()) == count and target.low <= q[0] <= target.high:
                fitting.append(raw)
    return (float(min(fitting)), float(max(fitting))) if fitting else None


def audit() -> pd.DataFrame:
    """Return one row per published q or count: printed, recomputed, verdict, why.

    Verdicts: ``"recomputes"`` (some completion of the lost rows rounds to the printed figure; for
    a p known as "< x", the upper end of the range does), ``"bound only"`` (p is only known to be
    below a number, so q is only bounded from above), ``"does not recompute"``, and ``"not
    checkable"``.
    """
    table = published_table()
    rows, found = recount(table)
    by_test = rows.drop_duplicates("test").set_index("test")
    entries = []

    def add(claim: str, shown: object, recomputed: str, verdict: str, why: str) -> None:
        entries.append(
            {
                "claim": claim,
                "printed": str(shown),
                "recomputed": recomputed,
                "verdict": verdict,
                "why": why,
            }
        )

    for claim, test in Q_CLAIMS.items():
        row, figure = by_test.loc[test], printed(claim)
        bounded = row["low"] < row["high"]
        recomputed = f"{row['q_low']:.4g} to {row['q_high']:.4g}"
        verdict = _judge(figure, row["q_low"], row["q_high"], bounded)
        add(
            claim,
            figure.value,
            recomputed,
            verdict,
            f"raw p {row['raw_p']} ({test}), m = {table.m}",
        )
    count = int(printed("registry/significant-count").value)
    numbers = f"{found.n_significant[0]} to {found.n_significant[-1]}"
    needed = ", ".join(str(number) for number in found.unknown_significant)
    verdict = "recomputes" if found.possible else "does not recompute"
    add(
        "registry/significant-count",
        count,
        numbers,
        verdict,
        f"needs {needed} of the {table.missing} lost rows significant",
    )
    share = printed("registry/significant-percent")
    value = 100 * count / table.m
    verdict = "recomputes" if share.low <= value <= share.high else "does not recompute"
    add(
        "registry/significant-percent", share.value, f"{value:.1f}", verdict, f"{count} / {table.m}"
    )
    cssi = printed("registry/cssi-real-q")
    raw = raw_p_for(cssi, table, count)
    shown = "no raw p fits" if raw is None else f"raw p {raw[0]:.4g} to {raw[1]:.4g}"
    add(
        "registry/cssi-real-q",
        cssi.value,
        shown,
        "recomputes" if raw else "does not recompute",
        f"a lost row with this q, {count} significant in all",
    )
    adjusted_row = by_test.loc["Dixit 13-day adjusted"]
    survivors = rows["group"].eq("5") & (rows["q_high"] <= 0.05)
    add(
        "perturbation/survivors",
        int(printed("perturbation/survivors").value),
        f"{int(survivors.sum())}, q {adjusted_row['q_low']:.4g} to {adjusted_row['q_high']:.4g}",
        "recomputes" if not survivors.any() else "does not recompute",
        f"raw p {adjusted_row['raw_p']} (Dixit 13-day adjusted); judged at its largest q",
    )
    for claim, why in NOT_CHECKABLE.items():
        add(claim, load_claims()[claim].value, "-", "not checkable", why)
    return pd.DataFrame(entries)
