"""Printed figures of a paper beside recomputed ones: looked up, decided and stored once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from helpers.errors import RegistryError
from papers.claims import Printed, claim_of, load_claims, printed, table_rows

SLACK = 1e-9
"""Room for binary rounding at the border of a rounding interval."""


@dataclass(frozen=True)
class Comparison:
    """Recomputed figures beside the printed ones of one claim.

    Parameters
    ----------
    claim
        Identifier of the claim that holds the printed table or number.
    figures
        ``path, printed, low, high, recomputed, match, twice``; ``[low, high]`` is the set of
        values that round to the printed one, widened by the Monte-Carlo error of a printed
        permutation p; ``twice`` marks a match that needs rounding in two steps (0.71747 to 0.7175
        to 0.718).
    note
        What the archive really is where the paper's label differs; empty if it does not.
    """

    claim: str
    figures: pd.DataFrame
    note: str = ""

    @property
    def n_figures(self) -> int:
        """Number of printed figures that were compared."""
        return len(self.figures)

    @property
    def n_match(self) -> int:
        """Number of figures whose recomputed value rounds to the printed one."""
        return int(self.figures["match"].sum())

    @property
    def claims(self) -> list[str]:
        """Claims whose figures were compared, each once."""
        return list(dict.fromkeys(claim_of(path) for path in self.figures["path"]))

    def table(self) -> pd.DataFrame:
        """Return what readers see: figure, printed, recomputed, and whether they agree."""
        agrees = self.figures["match"].map({True: "yes", False: "no"})
        agrees = agrees.mask(self.figures["twice"], "yes, if rounded twice")
        shown = self.figures[["path", "printed", "recomputed"]].rename(columns={"path": "figure"})
        return shown.assign(agrees=agrees)

    def entries(self) -> dict[str, dict]:
        """Return key -> value and meta data for ``values.json``: what the ledger reads."""
        columns = {path.rpartition("].")[2] for path in self.figures["path"]}
        alone = len(columns) == 1
        return {
            key_of(row.path, alone=alone): {
                "value": float(row.recomputed),
                "variant": "published",
                "claim": row.path,
                "printed": row.printed,
                "matches": bool(row.match),
                "tolerance": _tolerance(row),
                "note": self.note,
            }
            for row in self.figures.itertuples()
        }


def compare(
    claim: str,
    found: pd.DataFrame | Mapping[str, float],
    *,
    note: str = "",
    decimals: Mapping[str, int] | None = None,
    errors: Mapping[str, float] | None = None,
) -> Comparison:
    """Compare recomputed figures with the printed ones.

    Parameters
    ----------
    claim
        Identifier of the claim.
    found
        A table whose index holds the leading cells of the printed rows (as text) and whose columns
        are those of the printed table, or path of a printed figure (as for
        `papers.claims.printed`) -> recomputed value.
    note
        See `Comparison`.
    decimals
        Printed decimals of single paths where the claims file lost trailing zeros.
    errors
        Monte-Carlo error of single printed figures, on either side.

    Raises
    ------
    RegistryError
        If there is no such claim, row, column or figure.
    """
    if claim not in load_claims():
        raise RegistryError(f"no claim {claim!r}; claims.yaml has the identifiers")
    values = _by_path(claim, found) if isinstance(found, pd.DataFrame) else found
    rows = []
    for path, value in values.items():
        target = printed(path, (decimals or {}).get(path))
        room = (errors or {}).get(path, 0.0)
        target = replace(target, low=target.low - room, high=target.high + room)
        once = _within(target, value, SLACK)
        match = once or _within(target, value, SLACK + _second_rounding(target))
        bounds = (target.value, target.low, target.high)
        rows.append((path, *bounds, float(value), match, match and not once))
    columns = ["path", "printed", "low", "high", "recomputed", "match", "twice"]
    return Comparison(claim, pd.DataFrame(rows, columns=columns), note)


def _by_path(claim: str, table: pd.DataFrame) -> dict[str, float]:
    """Return path -> value for every printed cell that the table has a column for."""
    n_keys = table.index.nlevels
    values = {}
    for row in table_rows(load_claims()[claim]):
        key = tuple(str(cell) for cell in list(row.values())[:n_keys])
        if unknown := sorted(set(table.columns) - set(row)):
            raise RegistryError(f"claim {claim!r} has no columns {unknown}; it has {list(row)}")
        for column in table.columns:
            if row[column] is not None:
                path = f"{claim}[{' '.join(key)}].{column}"
                values[path] = table.loc[key if n_keys > 1 else key[0], column]
    return values


def _within(target: Printed, value: float, room: float) -> bool:
    return bool(target.low - room <= value <= target.high + room)


def _second_rounding(target: Printed) -> float:
    """Half a unit of the digit after the last printed one: what rounding twice can add."""
    half = (target.high - target.low) / 2
    return half / 10 if target.low < target.value < target.high else 0.0


def _tolerance(row) -> float:
    """Return the room that a figure has beyond rounding of the printed one as it is filed.

    Either it was rounded twice, or the claims file holds it with fewer decimals than it has.
    """
    filed = printed(row.path)
    extra = max(0.0, filed.low - row.low, row.high - filed.high)
    return extra + ((row.high - row.low) / 20 if row.twice else 0.0)


def key_of(path: str, *, alone: bool) -> str:
    """Turn the path of a printed figure into the key of its recomputed value.

    Parameters
    ----------
    path
        As for `papers.claims.printed`.
    alone
        Whether the table has a single column of figures, whose name is then left out.

    Examples
    --------
    >>> key_of("coexpression/table1[200].geneformer_trrust", alone=False)
    'table1/200/geneformer_trrust'
    """
    claim, _, rest = path.partition("[")
    parts = [claim.split("/", 1)[1]]
    if rest:
        row, _, column = rest.partition("].")
        parts += [word for word in row.replace("->", "-").split(" ") if word]
        parts += [] if alone else [column]
    text = "/".join(parts).lower().replace("#", "/")
    return "".join(c if c.isalnum() or c in "/_+-" else "_" for c in text)
