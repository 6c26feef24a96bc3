"""Exercises that tell right from wrong, on the data of the page they stand on.

A page writes an exercise, a cell with a gap (``answer = ...``), a cell with a `Check`, and a folded
solution that hands its answer to `Check.solution`. While the gap is open, the check says so; an
answer is judged against what the page has computed; a solution that is not accepted stops the run.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import ExerciseError

_FAULTS = (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError)
"""What the function of a student may raise."""


@dataclass(frozen=True)
class Feedback:
    """What a check says about one answer.

    Attributes
    ----------
    exercise
        Label of the exercise.
    right
        Whether the answer is right; None while there is none.
    message
        What to read.
    """

    exercise: str
    right: bool | None
    message: str

    def __str__(self) -> str:
        """Return the message, after a word that says how the answer was judged."""
        word = {None: "Not answered yet", True: "Right", False: "Not yet"}[self.right]
        return f"{word}: {self.message}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        kind = {None: "open", True: "right", False: "wrong"}[self.right]
        return (
            f'<p class="feedback {kind}" role="status" data-exercise="{html.escape(self.exercise)}"'
            f">{html.escape(str(self))}</p>"
        )


@dataclass(frozen=True)
class Check:
    """A judge of answers to one exercise.

    Attributes
    ----------
    exercise
        Label of the exercise, ``"ex-10-ceiling"``.
    expected
        The right answer: a number, text, truth value, set, sequence or array, mapping of names to
        such, or a function.
    mistakes
        Hint -> the wrong answer that shows its reader needs this hint; at least one.
    rtol, atol
        How far numbers may be away, relative and absolute.
    on
        For functions: the arguments, one tuple a call, on which results are compared.
    why
        What to read after a right answer.

    Raises
    ------
    ExerciseError
        If no mistake is named, or a mistake would be accepted, so that the check tells nothing.

    Examples
    --------
    >>> share = Check("ex-share", 0.25, {"that is the number, not the share": 3}, why="3 of 12.")
    >>> share(...)
    Not answered yet: put your answer in place of the dots.
    >>> share(3)
    Not yet: that is the number, not the share.
    >>> share(0.2)
    Not yet: 0.2 is too small.
    >>> share.solution(3 / 12)
    Right: 3 of 12.
    """

    exercise: str
    expected: Any
    mistakes: Mapping[str, Any]
    rtol: float = 0.01
    atol: float = 0.0
    on: Sequence[tuple] = ()
    why: str = "this is what the page's own computation gives."

    def __post_init__(self) -> None:
        if not self.mistakes:
            raise ExerciseError(f"{self.exercise}: name at least one mistake, with a hint")
        if callable(self.expected) and not self.on:
            raise ExerciseError(f"{self.exercise}: give the arguments to compare functions on")
        if (fault := self._fault(self.expected)) is not None:
            raise ExerciseError(f"{self.exercise}: the expected answer is refused: {fault}")
        for hint, mistake in self.mistakes.items():
            if self._fault(mistake) is None:
                raise ExerciseError(
                    f"{self.exercise}: the mistake {hint!r} would be accepted; "
                    "use a smaller tolerance or another mistake"
                )

    def __call__(self, answer: Any) -> Feedback:
        """Judge an answer; dots or None are no answer."""
        if answer is ... or answer is None:
            return Feedback(self.exercise, None, "put your answer in place of the dots.")
        fault = self._fault(answer)
        if fault is None:
            return Feedback(self.exercise, True, self.why)
        for hint, mistake in self.mistakes.items():
            if self._alike(answer, mistake):
                return Feedback(self.exercise, False, f"{hint}.")
        return Feedback(self.exercise, False, f"{fault}.")

    def solution(self, answer: Any) -> Feedback:
        """Judge the solution that the page prints.

        Raises
        ------
        ExerciseError
            If it is not accepted: then exercise, check or page is wrong.
        """
        found = self(answer)
        if not found.right:
            raise ExerciseError(f"The solution of {self.exercise} is not accepted: {found}")
        return found

    def _alike(self, answer: Any, mistake: Any) -> bool:
        return self._compare(answer, mistake) is None

    def _fault(self, answer: Any) -> str | None:
        """Return what is wrong with an answer, None if nothing is."""
        return self._compare(answer, self.expected)

    def _compare(self, answer: Any, expected: Any) -> str | None:
        if callable(expected):
            return self._compare_calls(answer, expected)
        return difference(answer, expected, self.rtol, self.atol)

    def _compare_calls(self, answer: Any, expected: Callable) -> str | None:
        if not callable(answer):
            return f"a function is wanted, this is a {type(answer).__name__}"
        for arguments in self.on:
            try:
                given = answer(*arguments)
            except _FAULTS as error:
                return f"your function raised {type(error).__name__}: {error}"
            fault = difference(given, expected(*arguments), self.rtol, self.atol)
            if fault is not None:
                return f"on arguments {self.on.index(arguments) + 1} of {len(self.on)}, {fault}"
        return None


def difference(answer: Any, expected: Any, rtol: float = 0.01, atol: float = 0.0) -> str | None:
    """Say how an answer differs from what is expected; None where it does not.

    Parameters
    ----------
    answer, expected
        Numbers, texts (compared without case), truth values, sets, sequences, arrays or mappings.
    rtol, atol
        As in `numpy.isclose`.

    Examples
    --------
    >>> difference(0.5, 0.501) is None
    True
    >>> difference({"GATA1"}, {"GATA1", "KLF1"})
    '1 is missing and 0 do not belong'
    >>> difference([1, 2, 4], [1, 2, 3])
    'entry 3 of 3 differs: 4'
    """
    if isinstance(expected, str | bool | np.bool_):
        return _of_words(answer, expected)
    if isinstance(expected, Number):
        return _of_numbers(answer, float(expected), rtol, atol)
    if isinstance(expected, Set):
        return _of_sets(answer, expected)
    if isinstance(expected, Mapping):
        return _of_mappings(answer, expected, rtol, atol)
    return _of_arrays(answer, expected, rtol, atol)


def _of_words(answer: Any, expected: str | bool) -> str | None:
    kind = str if isinstance(expected, str) else bool | np.bool_
    if not isinstance(answer, kind):
        wanted = "text" if kind is str else "True or False"
        return f"{wanted} is wanted, this is a {type(answer).__name__}"
    if kind is str:
        same = answer.strip().casefold() == expected.strip().casefold()
    else:
        same = bool(answer) == bool(expected)
    return None if same else f"{answer} is not it"


def _of_numbers(answer: Any, expected: float, rtol: float, atol: float) -> str | None:
    if isinstance(answer, str | bool | np.bool_) or np.ndim(answer) or not _is_number(answer):
        return f"one number is wanted, this is a {type(answer).__name__}"
    given = float(answer)
    if np.isclose(given, expected, rtol=rtol, atol=atol):
        return None
    if np.isnan(given):
        return "this is not a number (NaN)"
    if expected and np.isclose(given, -expected, rtol=rtol, atol=atol):
        return f"{given:.4g} has the wrong sign"
    return f"{given:.4g} is too {'large' if given > expected else 'small'}"


def _is_number(answer: Any) -> bool:
    try:
        float(answer)
    except (TypeError, ValueError):
        return False
    return True


def _of_sets(answer: Any, expected: Set) -> str | None:
    if isinstance(answer, str) or not hasattr(answer, "__iter__"):
        return f"a set is wanted, this is a {type(answer).__name__}"
    given, wanted = set(answer), set(expected)
    if given == wanted:
        return None
    missing, extra = len(wanted - given), len(given - wanted)
    verb = "is" if missing == 1 else "are"
    return f"{missing} {verb} missing and {extra} do not belong"


def _of_mappings(answer: Any, expected: Mapping, rtol: float, atol: float) -> str | None:
    if not isinstance(answer, Mapping | pd.Series):
        return f"a mapping of names to values is wanted, this is a {type(answer).__name__}"
    if set(answer.keys()) != set(expected):
        return f"names {sorted(map(str, expected))} are wanted"
    for name, value in expected.items():
        if (fault := difference(answer[name], value, rtol, atol)) is not None:
            return f"under {name!r}, {fault}"
    return None


def _of_arrays(answer: Any, expected: Any, rtol: float, atol: float) -> str | None:
    given, wanted = np.asarray(answer), np.asarray(expected)
    if given.shape != wanted.shape:
        return f"an array of shape {wanted.shape} is wanted, this has {given.shape}"
    if wanted.dtype.kind in "fiu":
        if given.dtype.kind not in "fiub":
            return "numbers are wanted"
        same = np.isclose(given, wanted, rtol=rtol, atol=atol, equal_nan=True)
    else:
        same = given == wanted
    if same.all():
        return None
    first = int(np.flatnonzero(~same.ravel())[0])
    return f"entry {first + 1} of {wanted.size} differs: {given.ravel()[first]}"
