"""A copy of a notebook for reading outside the book: roles and directives have become text."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

from nbformat import NotebookNode

from bookkit import conditions, finding_tables
from bookkit.findings import Results
from bookkit.values import shown

_ROLE = re.compile(r"\{(val|finding|tally)\}`([^`]+)`")
_BLOCK = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>when|findings|tests)\}[ \t]*(?P<argument>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=fence)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)


def resolved(notebook: NotebookNode, page: str, results: Results) -> NotebookNode:
    """Return a copy of a notebook in which values, findings and conditions are resolved.

    Parameters
    ----------
    notebook
        Executed notebook.
    page
        Its name.
    results
        Where to look things up. What is not there (the results of a page that has not run) stays
        as it was written.
    """
    made = copy.deepcopy(notebook)
    for cell in made["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = text_of(cell["source"], page, results)
    return made


def text_of(markdown: str, page: str, results: Results) -> str:
    """Return Markdown with the project's roles and directives resolved."""

    def value(key: str) -> object:
        return results.value(key, page)

    def inner(body: str) -> str:
        return _BLOCK.sub(block, body)

    def block(found: re.Match) -> str:
        name, argument = found["name"], found["argument"].strip()
        make: dict[str, Callable[[], str]] = {
            "when": lambda: inner(found["body"]) if conditions.holds(argument, value) else "",
            "findings": lambda: finding_tables.findings_table(results, argument.split()) + "\n",
            "tests": lambda: finding_tables.declared_table(results.declared(page)) + "\n",
        }
        return _or_as_written(make[name], found[0])

    def role(found: re.Match) -> str:
        key, _, spec = found[2].strip().partition(":")
        make: dict[str, Callable[[], str]] = {
            "val": lambda: shown(value(key), spec),
            "finding": lambda: results.finding(found[2].strip()).words,
            "tally": lambda: finding_tables.tally(results, found[2]),
        }
        return _or_as_written(make[found[1]], found[0])

    return _ROLE.sub(role, inner(markdown))


def _or_as_written(make: Callable[[], str], written: str) -> str:
    try:
        return make()
    except finding_tables.FAILURES:
        return written
