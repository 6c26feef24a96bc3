"""Sphinx: a figure of a notebook on another page, with its own caption and alternative text.

``{figure-of} 14_at_a_glance/levels``, as a directive, shows the figure that
``run.figure(..., "levels")`` has drawn; the caption links to the page that computes it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from docutils.statemachine import StringList
from sphinx.application import Sphinx

from bookkit import staging
from bookkit.findings import Results
from bookkit.publish import figure_label
from bookkit.roles import Block, chosen
from helpers.errors import RunError

FOLDER = "figures"


class FigureOf(Block):
    """Show a figure that a notebook has drawn."""

    required_arguments = 1

    def lines(self, results: Results) -> StringList:
        """Return a figure directive; the drawing is copied to where it is looked for."""
        page, _, name = self.arguments[0].strip().partition("/")
        folder = staging.results_of(page, *chosen())
        drawing, notebook = folder / "figures" / f"{name}.svg", folder / f"{page}.ipynb"
        results.seen.update((drawing, notebook))
        about = words_of(notebook, figure_label(page, name))
        if not drawing.is_file():
            raise RunError(f"{page} has run without drawing {drawing.name}; run it again")
        alt = " ".join(about["image"]["alt"].split())
        target = Path(self.env.srcdir) / staging.FOLDER / FOLDER / f"{page}-{name}.svg"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(drawing, target)
        return self.of(
            f"```{{figure}} /{staging.FOLDER}/{FOLDER}/{target.name}\n"
            f":alt: {alt}\n:class: {about['image']['classes']}\n\n"
            f"{about['figure']['caption']} From {{doc}}`/{staging.FOLDER}/{page}`.\n```\n"
        )


def words_of(notebook: Path, label: str) -> dict[str, Any]:
    """Return caption, alternative text and classes of a figure in an executed notebook.

    Raises
    ------
    RunError
        If the notebook has not been run, or has no such figure.
    """
    if not notebook.is_file():
        raise RunError(f"No notebook {notebook}; run it first (helpers run {notebook.stem})")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    found = [cell["metadata"]["mystnb"] for cell in cells if "mystnb" in cell["metadata"]]
    for about in found:
        if about["figure"]["name"] == label:
            return about
    names = [about["figure"]["name"] for about in found]
    raise RunError(f"{notebook.stem} has no figure {label!r}; it has {names}")


def register(app: Sphinx) -> None:
    """Make the directive known."""
    app.add_directive("figure-of", FigureOf)
