"""The published claims, and the printed figures inside them with their rounding intervals."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import accumulate

import yaml

from helpers.errors import RegistryError
from helpers.schema import Text, check_fields, foreign

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?")
PATH = re.compile(
    r"^(?P<claim>[\w/.-]+)(?:\[(?P<row>[^\]]+)\]\.(?P<column>\w+))?(?:#(?P<part>\w+))?$"
)
WORDS = ("id", "paper", "section", "quantity", "kind")
AGAIN = "correct it, or install the project again"
DEEPEST = 1000
_OPENS = {"[": 1, "{": 1, "]": -1, "}": -1}
_STAIRS = re.compile(r"(?:[-?] ){1000}| {2000}")


@dataclass(frozen=True)
class Claim:
    """One quantitative statement of a paper.

    Parameters
    ----------
    id, paper, section, quantity, kind, tag
        Identifier, paper letter, section, what is stated, and the labels of the claims file.
    value, range, table, uncertainty, conditions, note
        The printed figures in whichever form the paper gives them; ``None`` where absent.
    repeats
        Claims whose figures this one prints again, where it does.
    """

    id: str
    paper: str
    section: str
    quantity: str
    kind: str
    tag: str | None = None
    value: object = None
    range: tuple[float, float] | None = None
    table: dict | None = None
    uncertainty: object = None
    conditions: str | None = None
    note: str | None = None
    repeats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Printed:
    """A printed number and the interval of values that round to it.

    Parameters
    ----------
    value
        The number as printed.
    low, high
        Half a unit of the last printed digit below and above; for ``"< x"`` the interval
        is [0, x], for ``"> x"`` it is [x, infinity).
    path
        Where it stands, for messages.
    """

    value: float
    low: float
    high: float
    path: str = ""


@cache
def load_claims() -> dict[str, Claim]:
    """Return all published claims by identifier: ``claims.yaml``, then ``targets.csv``.

    The targets are figures of the later text of paper A (``a2t/``) and of paper C's body
    (``c2t/``); each is kept as the text that is printed.

    Raises
    ------
    RegistryError
        If a file is damaged, an identifier occurs twice, or a target repeats a claim that does not
        exist.
    """
    fields = Claim.__dataclass_fields__
    claims: dict[str, Claim] = {}
    for number, row in enumerate(_listed()):
        where = f"claims.yaml, claim {number}"
        with foreign(where, RegistryError, AGAIN):
            check_fields(row, dict.fromkeys(WORDS, Text()), where, RegistryError, WORDS)
            kept = {key: value for key, value in row.items() if key in fields}
            if "range" in kept:
                low, high = kept["range"]
                kept["range"] = (low, high)
            _add(claims, Claim(**kept))
    listing = files("papers").joinpath("targets.csv")
    with foreign("targets.csv", RegistryError, AGAIN), listing.open("rb") as handle:
        targets = csv.DictReader(io.TextIOWrapper(handle, encoding="utf-8", newline=""))
        if lacking := {*WORDS, "repeats"} - set(targets.fieldnames or ()):
            raise RegistryError(f"targets.csv has no column {sorted(lacking)}; {AGAIN}")
        for row in targets:
            _add(claims, Claim(**row | {"repeats": tuple(row["repeats"].split())}))
    for claim in claims.values():
        if unknown := set(claim.repeats) - set(claims):
            raise RegistryError(f"{claim.id} repeats {sorted(unknown)}, which no claim is called.")
    return claims


def _listed() -> list[dict]:
    claims = own_yaml("papers", "claims.yaml", "claims")["claims"]
    if not isinstance(claims, list):
        raise RegistryError(f"claims.yaml: no list of claims; {AGAIN}")
    return claims


def own_yaml(package: str, name: str, *keys: str) -> dict:
    """Read a file of our own packages that people edit.

    Raises
    ------
    RegistryError
        If it is missing, no YAML, nested too deep, or lacks one of `keys`.
    """
    with foreign(name, RegistryError, AGAIN):
        text = files(package).joinpath(name).read_text(encoding="utf-8")
        depth = accumulate(_OPENS.get(letter, 0) for letter in text)
        if max(depth, default=0) > DEEPEST or _STAIRS.search(text):  # the loader would crash
            raise RegistryError(f"{name}: nested too deep; {AGAIN}")
        found = yaml.load(text, yaml.CSafeLoader)  # safe_load takes six times as long
    if not isinstance(found, dict) or set(keys) - set(found):
        raise RegistryError(f"{name}: names are needed, among them {', '.join(keys)}; {AGAIN}")
    return found


def _add(claims: dict[str, Claim], claim: Claim) -> None:
    if claim.id in claims:
        raise RegistryError(f"The claims list {claim.id!r} twice; keep one.")
    claims[claim.id] = claim


def claim_of(path: str) -> str:
    """Return the claim identifier at the start of a printed-figure path."""
    return path.split("[")[0].split("#")[0]


def table_rows(claim: Claim) -> list[dict]:
    """Return a table claim as a list of dictionaries by column name."""
    if claim.table is None:
        raise RegistryError(f"Claim {claim.id!r} holds no table.")
    return [dict(zip(claim.table["columns"], row, strict=True)) for row in claim.table["rows"]]


def printed(path: str, decimals: int | None = None) -> Printed:
    """Return the figure at `path` with its rounding interval.

    Parameters
    ----------
    path
        ``ID`` for a single value; ``ID#low`` and ``ID#high`` for the ends of a range, ``ID#span``
        for the range as one interval;
        ``ID#0``, ``ID#1`` ... for the n-th number in a text or list value; ``ID#u0`` ... for the
        n-th number in a text uncertainty; ``ID#sd``, ``ID#lo``, ``ID#hi`` for a structured one;
        ``ID[ROW].COLUMN`` for a table cell (``ROW`` = leading cells joined by spaces), where
        ``#n`` may follow for a text cell.
    decimals
        Printed decimals, where the claims file has lost trailing zeros.

    Raises
    ------
    RegistryError
        If the path names nothing, or something without a number.
    """
    match = PATH.match(path)
    claims = load_claims()
    if not match or match["claim"] not in claims:
        raise RegistryError(f"No claim at {path!r}; see claims.yaml for the identifiers.")
    claim, part = claims[match["claim"]], match["part"]
    if match["row"]:
        cell, column_decimals = _cell(claim, match["row"], match["column"])
        return _number(cell, part, path, column_decimals if decimals is None else decimals)
    if part in ("low", "high") and claim.range:
        widest = max(_decimals(number) for number in claim.range)
        return _number(claim.range[part == "high"], None, path, widest)
    if part == "span" and claim.range:
        return Printed(sum(claim.range) / 2, *claim.range, path)
    if part in ("sd", "lo", "hi"):
        key = "value" if part == "sd" else part
        return _number(claim.uncertainty[key], None, path, decimals)
    if part and part.startswith("u"):
        return _number(claim.uncertainty, part[1:], path, decimals)
    return _number(claim.value, part, path, decimals)


def printed_words(path: str) -> str:
    """Return the text at `path`: a claim's value, or a table cell, that is no number.

    Parameters
    ----------
    path
        ``ID``, ``ID[ROW].COLUMN``, or ``ID#n`` for the n-th text of a list, as for
        :func:`printed`.

    Raises
    ------
    RegistryError
        If the path names nothing, or something that is not text.
    """
    match = PATH.match(path)
    claims = load_claims()
    if not match or match["claim"] not in claims:
        raise RegistryError(f"No claim at {path!r}; see claims.yaml for the identifiers.")
    claim = claims[match["claim"]]
    text = _cell(claim, match["row"], match["column"])[0] if match["row"] else claim.value
    if isinstance(text, list) and match["part"] and match["part"].isdigit():
        text = text[int(match["part"])]
    if not isinstance(text, str):
        raise RegistryError(f"{path!r} holds no text: {text!r}.")
    return text


def _cell(claim: Claim, row: str, column: str) -> tuple[object, int | None]:
    rows = table_rows(claim)
    if column not in rows[0]:
        raise RegistryError(f"Claim {claim.id!r} has no column {column!r}; it has {list(rows[0])}.")
    hits = [
        r
        for r in rows
        if any(row == " ".join(str(c) for c in list(r.values())[:n]) for n in (1, 2, 3, 4))
    ]
    if len(hits) != 1:
        raise RegistryError(f"Row {row!r} matches {len(hits)} rows of claim {claim.id!r}, not one.")
    numbers = [r[column] for r in rows if isinstance(r[column], float)]
    decimals = max((_decimals(n) for n in numbers), default=None)
    if isinstance(hits[0][column], int) and decimals is not None:
        decimals = 0
    return hits[0][column], decimals


def _decimals(number: float | str) -> int:
    return max(0, -int(Decimal(str(number).replace(",", "")).normalize().as_tuple().exponent))


def _number(value: object, part: str | None, path: str, decimals: int | None) -> Printed:
    if isinstance(value, list):
        value = value[int(part or 0)]
        part = None
    text = str(value)
    found = NUMBER.findall(text)
    index = int(part or 0)
    if index >= len(found):
        raise RegistryError(f"{path!r} holds no number {index}: {text!r}.")
    token = found[index].replace(",", "")
    number = float(token)
    if isinstance(value, str):
        exact = token.lstrip("+-").isdigit()
        half = 0.0 if exact else 0.5 * 10.0 ** int(Decimal(token).as_tuple().exponent)
    else:
        half = 0.0 if isinstance(value, int) else 0.5 * 10.0 ** -_decimals(token)
    if decimals is not None:
        half = 0.5 * 10.0**-decimals
    before = text[: text.find(found[index])].rstrip()
    if before.endswith("<"):
        return Printed(number, 0.0, number, path)
    if before.endswith(">") and not before.endswith("->"):
        return Printed(number, number, float("inf"), path)
    return Printed(number, number - half, number + half, path)
