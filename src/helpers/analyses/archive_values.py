"""Keep what an archive gives as values of a page, linked to the printed figures it answers."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.analyses.archive_cells import CellCheck, Section
from helpers.registry.claims import printed


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
    for path, estimate in section.estimates.items():
        key = f"archive/{section.name}/corrected/{key_of(path, alone=False)}"
        meta = {"variant": "corrected", "function": section.function, "claim": path}
        run.value(key, estimate, **meta)


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
