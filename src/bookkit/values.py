"""Values that prose may cite: stored as plain JSON by a notebook, printed by the ``val`` role.

Every entry of ``values.json`` is an object: ``{"value": x, ...}``, with ``low`` and ``high``
where there is an interval, or ``{"not_estimable": reason}``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bookkit.numerals import with_format
from helpers.errors import RunError
from helpers.estimates import Estimate, NotEstimable
from helpers.schema import read_object

FILE = "values.json"
_KEY = re.compile(r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$")


def check_key(key: str) -> str:
    """Return `key` if it may name a value: words of letters, digits, ``_+-``, joined by slashes.

    Raises
    ------
    RunError
        If it may not.
    """
    if not _KEY.match(key):
        raise RunError(f"Value key {key!r}: use letters, digits, '_', '+', '-' and slashes only")
    return key


def plain(value: Any, where: str = "value") -> Any:
    """Turn numpy scalars, arrays and tuples into JSON types.

    Raises
    ------
    RunError
        If a number is not finite, or the type has no plain counterpart.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item, f"{where}[{name}]") for name, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item, where) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise RunError(f"{where} is {value}; return NotEstimable(reason) instead")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise RunError(f"{where} is of type {type(value).__name__}; store numbers, text or lists")


def is_plain(value: Any) -> bool:
    """Return whether a value is a number, a text or nothing, and may stand in ``values.json``."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (bool, int, str))


def entry(value: Any, where: str, **meta: Any) -> dict[str, Any]:
    """Return the stored form of a value: a number, text, list, Estimate or NotEstimable.

    Raises
    ------
    RunError
        If the value cannot be stored.
    """
    if isinstance(value, NotEstimable):
        return {"not_estimable": value.reason} | plain(meta, where)
    if isinstance(value, Estimate):
        return plain(value.as_dict() | meta, where)
    return {"value": plain(value, where)} | plain(meta, where)


def read_values(path: Path) -> dict[str, dict[str, Any]]:
    """Read a ``values.json``.

    Raises
    ------
    RunError
        If the file is absent or damaged.
    """
    if not Path(path).exists():
        raise RunError(f"No values at {path}; run the notebook first (helpers run NAME)")
    again = f"run it again: helpers run {Path(path).parent.name} --force"
    found = read_object(path, RunError, again)
    for key, value in found.items():
        if not (isinstance(value, dict) and {"value", "not_estimable"} & set(value)):
            raise RunError(f"{path}: {key!r} is no value of a page ({str(value)[:40]}); {again}")
    return found


def lookup(values: Mapping[str, Mapping], key: str) -> Any:
    """Return what `key` names: an entry, or with ``.field`` at its end one field of the entry.

    Raises
    ------
    KeyError
        If there is no such entry or field.
    """
    if key in values:
        stored = values[key]
        return stored["value"] if "value" in stored else NotEstimable(stored["not_estimable"])
    head, _, field = key.rpartition(".")
    if head in values:
        stored = values[head]
        if "not_estimable" in stored:
            return NotEstimable(stored["not_estimable"])
        if field in stored:
            return stored[field]
        return stored.get("detail", {})[field]
    raise KeyError(key)


def shown(value: Any, spec: str = "") -> str:
    """Return a value as text.

    Without `spec`: text as it is, whole numbers with thousands separators, other numbers with
    three significant digits, lists joined by commas.

    Raises
    ------
    ValueError
        If the specification does not fit the value.
    """
    if value is None:
        return "none"
    if isinstance(value, NotEstimable):
        return str(value)
    if isinstance(value, list):
        return ", ".join(shown(item, spec) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return with_format(value, spec or ".3g")
    if isinstance(value, int):
        return format(value, spec or ",d").replace("-", "\N{MINUS SIGN}")
    return format(value, spec)
