"""The exercises of the pages, as their sources state them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bookkit import notebooks

_EXERCISE = re.compile(
    r"^(?P<fence>```+|:::+)\{exercise(?:-start)?\}[ \t]*(?P<title>[^\n]*)\n"
    r"(?P<body>.*?)(?=^(?:```+|:::+)\{(?:solution|exercise-end)|^#|\Z)",
    re.DOTALL | re.MULTILINE,
)
_LABEL = re.compile(r"^:label:\s*(\S+)", re.MULTILINE)
_EFFORT = re.compile(
    r"\b(?P<difficulty>easy|medium|hard)\b[^\n]*?\b(?P<minutes>\d+)\s*min", re.IGNORECASE
)


@dataclass(frozen=True)
class Exercise:
    """One exercise; what its source does not state is empty.

    Attributes
    ----------
    page
        File stem of the notebook.
    title, label, difficulty, minutes
        As written; minutes in digits.
    checked
        Whether code checks an answer to it and hands in the printed solution.
    """

    page: str
    title: str
    label: str
    difficulty: str
    minutes: str
    checked: bool

    def problems(self) -> list[str]:
        """Return what its source lacks, as lines of text."""
        where = f"notebooks/{self.page}.md: exercise {self.label or self.title or '?'}"
        lacks = [
            what for what in ("title", "label", "difficulty", "minutes") if not getattr(self, what)
        ]
        return [f"{where} has no {what}" for what in lacks]


def of_page(name: str) -> list[Exercise]:
    """Return the exercises of a notebook, in reading order."""
    return of_text(name, notebooks.source_path(name).read_text(encoding="utf-8"))


def of_text(name: str, source: str) -> list[Exercise]:
    """Return the exercises in the source of a notebook."""
    return [_exercise(name, found, source) for found in _EXERCISE.finditer(source)]


def _exercise(name: str, found: re.Match[str], source: str) -> Exercise:
    label, effort = _LABEL.search(found["body"]), _EFFORT.search(found["body"])
    return Exercise(
        page=name,
        title=found["title"].strip(),
        label=label[1] if label else "",
        difficulty=effort["difficulty"].lower() if effort else "",
        minutes=effort["minutes"] if effort else "",
        checked=bool(label) and _is_checked(label[1], source),
    )


def _is_checked(label: str, source: str) -> bool:
    """Return whether a name is bound to a `Check` of this label and given a solution."""
    bound = re.search(rf"^(\w+) = Check\(\s*[\"']{re.escape(label)}[\"']", source, re.MULTILINE)
    return bool(bound) and f"{bound[1]}.solution(" in source
