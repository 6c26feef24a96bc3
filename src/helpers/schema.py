"""What files of others may hold: one reader of JSON, and tables of keys with their ranges."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import DataError, HelpersError

MOST_BYTES = 200_000_000
"""Largest JSON file that is read; published dictionaries have a few megabytes."""


@dataclass(frozen=True)
class Whole:
    """A whole number between two others, both allowed; True and 3.0 are none."""

    low: int
    high: int

    def fault(self, value: object) -> str:
        """Return what is wrong with a value, or an empty text."""
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{shown(value)} is no whole number"
        if not self.low <= value <= self.high:
            return f"{shown(value)} is not between {self.low} and {self.high}"
        return ""


@dataclass(frozen=True)
class Number:
    """A finite number between two others."""

    low: float
    high: float

    def fault(self, value: object) -> str:
        """Return what is wrong with a value, or an empty text."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{shown(value)} is no number"
        if not (math.isfinite(value) and self.low <= value <= self.high):
            return f"{shown(value)} is not between {self.low:g} and {self.high:g}"
        return ""


@dataclass(frozen=True)
class Among:
    """One of some values of JSON; 1 is not True."""

    values: tuple

    def fault(self, value: object) -> str:
        """Return what is wrong with a value, or an empty text."""
        if any(type(value) is type(one) and value == one for one in self.values):
            return ""
        return f"{shown(value)} is not one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class Text:
    """A text of at most so many characters."""

    longest: int = 1000

    def fault(self, value: object) -> str:
        """Return what is wrong with a value, or an empty text."""
        if not isinstance(value, str):
            return f"{shown(value)} is no text"
        return "" if len(value) <= self.longest else f"{len(value)} characters are too many"


FLAG = Among((True, False))
Field = Whole | Number | Among | Text


def check_fields(
    content: Mapping,
    fields: Mapping[str, Field],
    where: object,
    error: type[HelpersError] = DataError,
    needed: tuple[str, ...] = (),
) -> None:
    """Refuse an object whose keys are missing or out of range; unknown keys are not looked at.

    Raises
    ------
    HelpersError
        Of the given kind, naming the file, the keys, what was found and what to do.

    Examples
    --------
    >>> check_fields({"layers": 3.0}, {"layers": Whole(1, 9)}, "args.json")
    Traceback (most recent call last):
    ...
    helpers.errors.DataError: args.json: layers: 3.0 is no whole number; fetch or write it again
    """
    faults = [f"{name}: no whole number, or missing" for name in needed if name not in content]
    faults += [
        f"{name}: {fault}"
        for name, field in fields.items()
        if name in content and (fault := field.fault(content[name]))
    ]
    if faults:
        raise error(f"{where}: {'; '.join(faults[:5])}; fetch or write it again")


def read_object(
    path: Path, error: type[HelpersError] = DataError, again: str = "fetch it again"
) -> dict:
    """Read a JSON object from a regular file.

    Raises
    ------
    HelpersError
        Of the given kind, if the file is missing, no regular one, too large, no UTF-8 text, no
        JSON, nested too deep, or not an object.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise error(f"{path}: missing; {again}")
        if not path.is_file():
            raise error(f"{path}: not a regular file; copy the file itself")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise error(f"{path}: {size:,} bytes, at most {MOST_BYTES:,} are read")
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, OSError, RecursionError) as problem:
        reason = "nested too deep" if isinstance(problem, RecursionError) else str(problem)[:200]
        raise error(f"{path}: not readable as JSON ({reason}); {again}") from problem
    if not isinstance(content, dict):
        raise error(f"{path}: a JSON object was expected, not {shown(content)}; {again}")
    return content


@contextmanager
def foreign(
    where: object, error: type[HelpersError] = DataError, again: str = "fetch it again"
) -> Iterator[None]:
    """Turn whatever a library raises over a file of others into our own error."""
    try:
        yield
    except HelpersError:
        raise
    except Exception as problem:
        text = " ".join(str(problem).split())[:200]
        kind = type(problem).__name__
        raise error(f"{where}: cannot be used ({kind}: {text}); {again}") from problem


def shown(value: object) -> str:
    """Return a value as a short text for a message."""
    text = repr(value) if isinstance(value, str | int | float) else reprlib.repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
