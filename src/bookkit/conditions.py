"""Conditions on stored values, as ``{when}`` has them. A small language; nothing is run as code.

``CONDITION := TERM (" and " TERM)*``, ``TERM := KEY OP LITERAL``, with ``OP`` one of
``== != < <= > >=`` and ``LITERAL`` a number, ``true``, ``false``, ``none`` or a word.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.errors import RunError
from helpers.estimates import NotEstimable

_TERM = re.compile(r"^(\S+)\s+(==|!=|<=|>=|<|>)\s+(\S+)$")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Term:
    """One comparison: the value of a key with a literal."""

    key: str
    compare: str
    literal: bool | float | str | None

    def holds(self, value: Any) -> bool:
        """Return whether the comparison holds; what is not estimable counts as ``none``.

        Raises
        ------
        RunError
            If the two have no order, for example a word and a number.
        """
        value = None if isinstance(value, NotEstimable) else value
        try:
            return bool(_COMPARE[self.compare](value, self.literal))
        except TypeError as error:
            raise RunError(
                f"{self.key} is {value!r}, which cannot be compared by {self.compare} with "
                f"{self.literal!r}; ask whether it is none first"
            ) from error


def parse(text: str) -> list[Term]:
    """Return the terms of a condition.

    Raises
    ------
    RunError
        If it is none.

    Examples
    --------
    >>> parse("archive/present == true and table1/positives >= 5")[1].literal
    5.0
    """
    terms = []
    for part in re.split(r"\s+and\s+", text.strip()):
        matched = _TERM.match(part)
        if matched is None:
            raise RunError(
                f"{part!r} is no condition: write KEY, one of {' '.join(_COMPARE)}, and a number, "
                "true, false, none or a word, with spaces between them"
            )
        terms.append(Term(matched[1], matched[2], _literal(matched[3])))
    return terms


def _literal(text: str) -> bool | float | str | None:
    if text in _WORDS:
        return _WORDS[text]
    try:
        return float(text)
    except ValueError:
        return text


def holds(text: str, value: Callable[[str], Any]) -> bool:
    """Return whether a condition holds; terms after the first false one are not looked up.

    Parameters
    ----------
    text
        The condition.
    value
        Function of a key that returns its value or raises `KeyError`.
    """
    return all(term.holds(value(term.key)) for term in parse(text))
