"""Paper A's printed tables from archived results, for the notebooks they belong to.

Every function takes a `Locate` and returns a `Section`: printed figures beside recomputed ones,
the table with corrected columns, a sentence on what the archive really is, and a verdict.

Examples
--------
>>> from helpers.analyses import published_tables as published
>>> found = published.open_sections("table5", "table6")  # doctest: +SKIP
>>> for section in found.sections:  # doctest: +SKIP
...     published.keep(run, section)
...     run.say(section.sentence())
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from helpers.analyses.archive_cells import CellCheck, Section, absence_note, stacked
from helpers.analyses.archive_values import keep
from helpers.analyses.published_levels import matched, table1, table5, table6
from helpers.archives import attention
from helpers.archives.locate import ATTENTION, Locate, locator, missing_message
from helpers.errors import ParameterError

__all__ = [
    "NAMES",
    "CellCheck",
    "Published",
    "Section",
    "absence_note",
    "keep",
    "matched",
    "open_sections",
    "stacked",
    "table1",
    "table5",
    "table6",
]

_PLAIN: dict[str, Callable[[Locate], Section]] = {
    "table1": table1,
    "table5": table5,
    "table6": table6,
    "matched": matched,
}
NAMES = tuple(_PLAIN)
"""Sections: notebook 10 (table1), 12 (table5, table6, matched)."""


@dataclass(frozen=True)
class Published:
    """Sections recomputed from an archive, or why there are none.

    Parameters
    ----------
    sections
        In the order asked for; empty if the archive is absent.
    missing
        Why the archive cannot be read; empty if it can.
    """

    sections: list[Section]
    missing: str

    def sentence(self) -> str:
        """Return what a page says: the sections' sentences, or how to get the archive."""
        if self.missing:
            return absence_note(self.missing)
        return "\n\n".join(f"**{s.name}.** {s.sentence()}" for s in self.sections)


def open_sections(*names: str, locate: Locate | None = None) -> Published:
    """Recompute sections from their archive.

    Parameters
    ----------
    *names
        Some of `NAMES`.
    locate
        Finds files of the archive; by default the project's registry does.
    """
    if unknown := [name for name in names if name not in NAMES]:
        raise ParameterError(f"No published section {unknown}; use some of {list(NAMES)}.")
    found = locate or locator(ATTENTION)
    missing = missing_message(found, *attention.FILES)
    if missing:
        return Published([], missing)
    return Published([_PLAIN[name](found) for name in names], "")
