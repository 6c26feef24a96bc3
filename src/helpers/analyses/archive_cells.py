"""Printed table cells beside the values that an archive gives for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from helpers.estimates import Estimate
from helpers.registry import TestRecord, links
from helpers.registry.claims import Printed, claim_of, load_claims, printed, table_rows
from helpers.registry.records import NOT_FETCHED

SLACK = 1e-9
"""Room for binary rounding at the border of a rounding interval."""


@dataclass(frozen=True)
class CellCheck:
    """A published table and its recomputation, cell by cell.

    Parameters
    ----------
    claim
        Identifier of the claim that holds the printed table or number.
    cells
        ``path, printed, low, high, recomputed, match, twice``; ``[low, high]`` is the set of
        values that round to the printed one, widened by the Monte-Carlo error of a printed
        permutation p; ``twice`` marks a match that needs rounding in two
        steps (0.71747 to 0.7175 to 0.718).
    function
        Dotted name of the function that recomputed it, without ``helpers.``.
    note
        What the archive really is where the paper's label differs; empty if it does not.
    """

    claim: str
    cells: pd.DataFrame
    function: str
    note: str = ""

    @property
    def n_cells(self) -> int:
        """Number of printed cells that were compared."""
        return len(self.cells)

    @property
    def n_match(self) -> int:
        """Number of cells whose recomputed value rounds to the printed one."""
        return int(self.cells["match"].sum())

    def sentence(self) -> str:
        """Say how many cells agree, and which do not."""
        wrong = self.cells.loc[~self.cells["match"], "path"].tolist()
        twice = self.cells.loc[self.cells["twice"], "path"].tolist()
        text = f"{self.n_match} of {self.n_cells} printed cells are reproduced"
        text += f" ({', '.join(twice)} only if rounded twice)" if twice else ""
        return text + (f"; not: {', '.join(wrong)}." if wrong else ".")


@dataclass(frozen=True)
class Section:
    """A published table or group of numbers, recomputed from an archive.

    Parameters
    ----------
    name
        Short name, fit for keys.
    checks
        Printed figures compared with the archive.
    table
        What the page shows: archived values with the corrected ones beside them.
    note
        What the archive really is: which model, which cells.
    verdict
        What the corrected values say, in one or two sentences.
    corrected
        Corrected values by key; where one answers a printed figure, its path stands in `answers`.
    answers
        Key of a corrected value and the path of the printed figure it answers.
    estimates
        Path of a printed figure and its corrected value with the interval that it lacks.
    words
        Path of a figure printed in words, and the text that the archive gives.
    function
        Dotted name of the function that made it.
    """

    name: str
    checks: list[CellCheck]
    table: pd.DataFrame
    note: str
    verdict: str
    function: str
    corrected: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    estimates: dict[str, Estimate] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def sentence(self) -> str:
        """Say what the archive is, how many printed figures it gives, and what is right."""
        total = sum(c.n_cells for c in self.checks)
        good = sum(c.n_match for c in self.checks)
        wrong = [p for c in self.checks for p in c.cells.loc[~c.cells["match"], "path"]]
        text = f"{self.note} {good} of {total} printed figures are reproduced"
        text += f"; not: {', '.join(f'`{p}`' for p in wrong)}" if wrong else ""
        return f"{text}. {self.verdict}"

    def cells(self) -> pd.DataFrame:
        """Return every printed figure beside the archived one."""
        return cells_table(self.checks)

    def claims_line(self) -> str:
        """Return links to the ledger entries that this section answers, in either variant."""
        return claims_line(self.checks, [*self.answers.values(), *self.estimates, *self.words])


def claims_line(checks: list[CellCheck], others: Iterable[str] = ()) -> str:
    """Return links to the ledger entries that compared figures answer.

    Parameters
    ----------
    checks
        Compared claims.
    others
        Paths of further printed figures that the same place answers.
    """
    paths = [path for one in checks for path in one.cells["path"]]
    return links.to_claims(claim_of(path) for path in [*paths, *others])


def check(
    claim: str,
    values: Mapping[str, float],
    *,
    function: str,
    note: str = "",
    decimals: Mapping[str, int] | None = None,
    errors: Mapping[str, float] | None = None,
) -> CellCheck:
    """Compare recomputed values with the printed ones.

    Parameters
    ----------
    claim
        Claim that the check belongs to.
    values
        Path of a printed number (as for `helpers.registry.claims.printed`) and what was
        recomputed for it.
    function, note
        See `CellCheck`.
    decimals
        Printed decimals of single paths where the claims file lost trailing zeros.
    errors
        Monte-Carlo error of single printed figures, on either side.
    """
    rows = []
    for path, value in values.items():
        target = _widened(printed(path, (decimals or {}).get(path)), (errors or {}).get(path, 0.0))
        once = _within(target, value, SLACK)
        match = once or _within(target, value, SLACK + _second_rounding(target))
        rows.append((path, target.value, target.low, target.high, float(value), match))
        rows[-1] += (match and not once,)
    columns = ["path", "printed", "low", "high", "recomputed", "match", "twice"]
    return CellCheck(claim, pd.DataFrame(rows, columns=columns), function, note)


def _widened(target: Printed, error: float) -> Printed:
    return replace(target, low=target.low - error, high=target.high + error)


def _within(target: Printed, value: float, room: float) -> bool:
    return bool(target.low - room <= value <= target.high + room)


def _second_rounding(target: Printed) -> float:
    """Half a unit of the digit after the last printed one: what rounding twice can add."""
    half = (target.high - target.low) / 2
    return half / 10 if target.low < target.value < target.high else 0.0


def table_paths(claim: str, columns: list[str], n_keys: int) -> list[tuple[tuple, str, str]]:
    """List the cells of a table claim.

    Parameters
    ----------
    claim
        Identifier of a claim that holds a table.
    columns
        Columns to list.
    n_keys
        How many leading cells name a row.

    Returns
    -------
    list
        ``(row key, column, path)`` for every cell that is not empty.
    """
    cells = []
    for row in table_rows(load_claims()[claim]):
        key = tuple(str(cell) for cell in list(row.values())[:n_keys])
        for column in columns:
            if row[column] is not None:
                cells.append((key, column, f"{claim}[{' '.join(key)}].{column}"))
    return cells


def fill(
    claim: str,
    table: pd.DataFrame,
    columns: list[str],
    *,
    function: str,
    note: str = "",
    errors: Mapping[str, float] | None = None,
) -> CellCheck:
    """Compare a recomputed table with the printed one, all cells of the named columns.

    Parameters
    ----------
    claim
        Claim that holds the printed table.
    table
        Recomputed values, indexed by the leading cells of the printed rows (as text).
    columns
        Columns that both tables have.
    function, note, errors
        See `check`.
    """
    n_keys = table.index.nlevels
    values = {}
    for key, column, path in table_paths(claim, columns, n_keys):
        values[path] = table.loc[key if n_keys > 1 else key[0], column]
    return check(claim, values, function=function, note=note, errors=errors)


def summary(checks: list[CellCheck]) -> pd.DataFrame:
    """Return one row per checked claim: cells compared and cells reproduced."""
    rows = [(c.claim, c.n_cells, c.n_match, c.note) for c in checks]
    return pd.DataFrame(rows, columns=["claim", "cells", "reproduced", "what the archive is"])


def absent(tests: list[str], notebook: str, family: str, reason: str) -> list[TestRecord]:
    """Return records of tests that could not be done because an archive is absent."""
    return [
        TestRecord(
            test_id=test,
            notebook=notebook,
            hypothesis="stated on the page; the archive it needs is absent",
            statistic="-",
            test="-",
            null="-",
            unit="cell",
            n_units=0,
            family=family,
            role="descriptive",
            estimable=False,
            reason=f"{NOT_FETCHED}: {reason}",
        )
        for test in tests
    ]


def cells_table(checks: list[CellCheck]) -> pd.DataFrame:
    """Return one row per printed figure: its path, the printed and the recomputed value."""
    cells = stacked(checks)
    agrees = cells["match"].map({True: "yes", False: "no"})
    agrees = agrees.mask(cells["twice"], "yes, if rounded twice")
    table = cells[["path", "printed", "recomputed"]].rename(columns={"path": "figure"})
    return table.assign(agrees=agrees)


def stacked(checks: list[CellCheck]) -> pd.DataFrame:
    """Return the cells of several checks as one table with their claim."""
    return pd.concat([c.cells.assign(claim=c.claim) for c in checks], ignore_index=True)


def absence_note(reason: str) -> str:
    """Say on a page that an archive is absent, why, and how to get it.

    Parameters
    ----------
    reason
        What the loader said.
    """
    return (
        "```{warning}\nThe archive this page reads is not here, so the parts that need it are "
        "left out and their tests are recorded as not estimable.\n\n"
        f"{reason}\n\n"
        "To get it: `helpers data fetch archives`, or name a folder that holds it in "
        "`HELPERS_DATA_MIRROR` (`helpers data list --files` shows every file); the next build "
        "then runs this page again.\n```"
    )
