"""Sphinx: values, findings and conditions in prose.

======================================  ========================================================
``{val}`key:.2f```                      a stored value, of this page or ``PAGE/key``
``{finding}`10.2/scgpt/baron```         the declared words for the answer of a test, by its q
                                        over the whole book
``{tally}`10.2```                       "3 of 4": analyses whose answer is not ``open``
``{when} key > 0``                      a block that is shown where a condition holds
``{findings} 10.1 10.2``                a table: one row per analysis, one column per test
``{tests}``                             what the page declares, before any result
======================================  ========================================================

A page is built anew when a result that it shows changes; what cannot be shown is a warning, which
fails the build under ``-W``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from bookkit import conditions, finding_tables
from bookkit.findings import Results
from bookkit.values import shown

log = logging.getLogger(__name__)

PROFILE = "HELPERS_PROFILE"
OVERLAY = "HELPERS_OVERLAY"
STAGED = "HELPERS_STAGED"


def chosen() -> tuple[str, str | None]:
    """Return profile and overlay of this build."""
    return os.environ.get(PROFILE, "demo"), os.environ.get(OVERLAY) or None


class Lookup:
    """What roles and directives share: this page, its results, and warnings that fail the build."""

    env: Any
    name: str

    def get_location(self) -> str:  # both bases of Sphinx have it
        """Return file and line."""
        return super().get_location()  # type: ignore[misc]

    @property
    def page(self) -> str:
        """Name of the page that is being read."""
        return Path(self.env.docname).name

    def results(self) -> Results:
        """Return the results of this build, of which this page reads each file once."""
        return self.env.temp_data.setdefault("helpers results", Results(*chosen()))

    def note(self, results: Results) -> None:
        """Have this page built anew when one of the files changes."""
        for path in results.seen:
            self.env.note_dependency(str(path))

    def complain(self, text: str, error: Exception) -> list[nodes.Node]:
        """Warn, and return what stands in the place."""
        message = f"{{{self.name}}} {text!r} cannot be shown ({type(error).__name__}: {error})"
        log.warning(message, location=self.get_location(), type="helpers", subtype=self.name)
        return [nodes.problematic(text, text)]


class TextRole(Lookup, SphinxRole):
    """A role that puts text into a sentence."""

    def shown(self, results: Results) -> str:
        """Return the text."""
        raise NotImplementedError

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the text as one inline node."""
        results = self.results()
        try:
            text = self.shown(results)
        except finding_tables.FAILURES as error:
            return self.complain(self.text, error), []
        finally:
            self.note(results)
        return [nodes.inline(self.rawtext, text, classes=[self.name])], []


class Val(TextRole):
    """A stored value, printed."""

    def shown(self, results: Results) -> str:
        """Return the value as text."""
        key, _, spec = self.text.strip().partition(":")
        return shown(results.value(key, self.page), spec)


class Finding(TextRole):
    """The declared words for what a test found."""

    def shown(self, results: Results) -> str:
        """Return the words."""
        return results.finding(self.text.strip()).words


class Tally(TextRole):
    """In how many analyses a test has an answer."""

    def shown(self, results: Results) -> str:
        """Return "1 of 4"."""
        return finding_tables.tally(results, self.text)


class Block(Lookup, SphinxDirective):
    """A directive that has Markdown parsed."""

    final_argument_whitespace = True

    def lines(self, results: Results) -> StringList:
        """Return the Markdown."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return what the Markdown says."""
        results = self.results()
        try:
            lines = self.lines(results)
        except finding_tables.FAILURES as error:
            return [nodes.paragraph("", "", *self.complain(" ".join(self.arguments), error))]
        finally:
            self.note(results)
        found = nodes.container(classes=[self.name])
        self.state.nested_parse(lines, self.content_offset, found)
        return [found] if found.children else []

    def of(self, markdown: str) -> StringList:
        """Return text as lines of this page."""
        return StringList(markdown.splitlines(), source=self.env.docname)


class When(Block):
    """Show the content where a condition on stored values holds."""

    has_content = True
    required_arguments = 1

    def lines(self, results: Results) -> StringList:
        """Return the content, or nothing."""
        holds = conditions.holds(self.arguments[0], lambda key: results.value(key, self.page))
        return self.content if holds else StringList()


class Findings(Block):
    """What came out: words, estimates, p, and q over the whole book."""

    required_arguments = 1

    def lines(self, results: Results) -> StringList:
        """Return a table."""
        return self.of(finding_tables.findings_table(results, self.arguments[0].split()))


class Tests(Block):
    """What the page declares."""

    def lines(self, results: Results) -> StringList:
        """Return a table."""
        return self.of(finding_tables.declared_table(results.declared(self.page)))


def register(app: Sphinx) -> None:
    """Make the roles and directives known."""
    for name, role in {"val": Val, "finding": Finding, "tally": Tally}.items():
        app.add_role(name, role())
    for name, kind in {"when": When, "findings": Findings, "tests": Tests}.items():
        app.add_directive(name, kind)
