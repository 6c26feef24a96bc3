"""Printed table cells beside the values that an archive gives for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from helpers.analyses import links
from helpers.registry import TestRecord
from helpers.registry.claims import Printed, claim_of, load_claims, printed, table_rows

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
    words: dict[str, str] = field(default_factory=dict)

    def sentence(self) -> str:
        """Say what the archive is, how many printed figures it gives, and what is right."""
        total = sum(c.n_cells for c in self.checks)
        good = sum(c.n_match for c in self.checks)
        wrong = [p for c in self.checks for p in c.cells.loc[~c.cells["match"], "path"]]
        text = f"{self.note} {good} of {total} printed figures are reproduced"
        text += f"; not: {', '.join(f'`{p}`' for p in wrong)}" if wrong else ""
        return f"{text}. {self.verdict}"

    def claims_line(self) -> str:
        """Return links to the ledger entries that this section answers, in either variant."""
        return claims_line(self.checks, [*self.answers.values(), *self.words])


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


def keep(run, section: Section) -> None:
    """Store the published and corrected values of a section on a page, under ``archive/NAME``.

    Parameters
    ----------
    run
        Page of the notebook.
    section
        What to store.
    """
    store(run, section.checks, prefix=f"archive/{section.name}/")
    store_words(run, section.words, section.function, prefix=f"archive/{section.name}/")
    for key, value in section.corrected.items():
        claim = {"claim": section.answers[key]} if key in section.answers else {}
        run.value(
            f"archive/{section.name}/corrected/{key}",
            value,
            variant="corrected",
            function=section.function,
            **claim,
        )


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


def store(run, checks: list[CellCheck], prefix: str = "") -> None:
    """Keep every recomputed cell as a value of the page, linked to its printed figure.

    Keys follow the printed table: ``table4/heads/kidney-lung``, and the column last where a
    table has more than one.

    Parameters
    ----------
    run
        Page of the notebook.
    checks
        Compared claims.
    prefix
        What the keys begin with.
    """
    for one in checks:
        columns = {path.rpartition("].")[2] for path in one.cells["path"]}
        for row in one.cells.itertuples():
            run.value(
                prefix + key_of(row.path, alone=len(columns) == 1),
                row.recomputed,
                variant="published",
                claim=row.path,
                function=one.function,
                note=one.note,
                printed=row.printed,
                **_tolerance(row),
            )


def store_words(run, words: Mapping[str, str], function: str, prefix: str = "") -> None:
    """Keep recomputed texts, linked to what is printed, as values of the page.

    Parameters
    ----------
    run
        Page of the notebook.
    words
        Path of a figure printed in words (as for `helpers.registry.claims.printed_words`), and
        the text found for it.
    function, prefix
        Dotted name of the function that found it, and what the keys begin with.
    """
    for path, text in words.items():
        meta = {"variant": "published", "claim": path, "function": function}
        run.value(prefix + key_of(path, alone=False), text, **meta)


def _tolerance(row) -> dict[str, float]:
    """Return the room that a cell needs beyond rounding of the printed figure as it is filed.

    Either it was rounded twice, or the claims file holds it with fewer decimals than it has.
    """
    filed = printed(row.path)
    extra = max(0.0, filed.low - row.low, row.high - filed.high)
    extra += (row.high - row.low) / 20 if row.twice else 0.0
    return {"tolerance": extra} if extra else {}


def key_of(path: str, *, alone: bool) -> str:
    """Turn the path of a printed figure into the key of its recomputed value.

    Parameters
    ----------
    path
        As for `helpers.registry.claims.printed`.
    alone
        Whether the table has a single column of figures, whose name is then left out.
    """
    claim, _, rest = path.partition("[")
    parts = [claim.split("/", 1)[1]]
    if rest:
        row, _, column = rest.partition("].")
        parts += [word for word in row.replace("->", "-").split(" ") if word]
        parts += [] if alone else [column]
    text = "/".join(parts).lower().replace("#", "/")
    return "".join(c if c.isalnum() or c in "/_+-" else "_" for c in text)


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
            reason=reason,
        )
        for test in tests
    ]


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
        "To get it: run the page with a network connection, or name a folder that holds it in "
        "`HELPERS_DATA_MIRROR` (`helpers data list` shows origins and checksums).\n```"
    )
