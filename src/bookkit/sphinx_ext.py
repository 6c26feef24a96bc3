"""Sphinx extension of the book: what results put into prose, and pages and assets made at build.

The roles and directives are those of `bookkit.roles`.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from functools import partial
from pathlib import Path
from typing import Any

from docutils import nodes
from pybtex.backends.plaintext import Backend
from pybtex.plugin import register_plugin
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext import viewcode

from bookkit import figure_of, glossary_links, lighter, roles, staging, table_files
from helpers import __version__

SOURCE = "source.html"
_LITERAL = re.compile(r"(``.*?``|`[^`]*`)")
_MARKUP = re.compile(r"(?<!\\)\||(?<![\\*\w])\*(?=\w)(?![^*]*\*)")


def _drop_live_code(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave out the scripts for live code, which load from the network and stand there twice."""
    context["script_files"] = [
        script for script in context.get("script_files", []) if "thebe" not in str(script).lower()
    ]


def _plain_frame(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> str | None:
    """Give pages of source code a frame of their own; see ``book/_templates/source.html``.

    The theme, which comes later, would draw the table of contents for each: a quarter of the build.
    """
    if not pagename.startswith("_modules/"):
        return None
    context["sidebars"] = []
    return SOURCE


def _titles_beside(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Draw the contents beside a page from titles: all headings of all pages would be copied."""
    draw, whole = context["toctree"], app.env.tocs
    short = app.env.temp_data.setdefault("helpers titles", {})  # gone when a page is read again

    def drawn(titles_only: bool = False, **options: Any) -> str:
        if titles_only and not short:
            short.update({name: contents.deepcopy() for name, contents in whole.items()})
            for title in itertools.chain(*short.values()):
                if not any(title.findall(addnodes.toctree)):  # which leads to pages below
                    del title[1:]
        app.env.tocs = short if titles_only else whole
        try:
            return draw(titles_only=titles_only, **options)
        finally:
            app.env.tocs = whole

    context["toctree"] = drawn


def _finish(app: Sphinx, exception: Exception | None, since: float) -> None:
    """Put the tables' files where pages link to them; leave out what nobody reads."""
    if exception is None and app.builder.format == "html":
        table_files.copy(Path(app.outdir), *roles.chosen())
        lighter.lighten(Path(app.outdir), since)


def _one_page_knows_all_nodes(app: Sphinx) -> None:
    """Let the builder of a single page draw what extensions have registered for HTML."""
    drawn = app.registry.translation_handlers
    drawn["singlehtml"] = drawn.get("html", {}) | drawn.get("singlehtml", {})


def _escape(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Keep bars and lone stars of formulas in docstrings from being read as markup."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith(("|", "+")):
            continue  # a table
        parts = _LITERAL.split(line)
        parts[::2] = [_MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
        lines[number] = "".join(parts)


def _detach(app: Sphinx, doctree: nodes.document) -> None:
    """Cut what leads from a page, and from its exercises, to everything else that is known.

    Sphinx reads what it has kept of all pages when one changes. Parts that were read by themselves,
    documentation of modules for one, keep a document of their own, with the whole environment, and
    an exercise keeps its page: a copy would be written each time.
    """
    for part in doctree.findall(lambda node: node is not doctree):
        part._document = None  # its parents know
    for kept in getattr(app.env, "sphinx_exercise_registry", {}).values():
        if kept["docname"] == app.env.docname:
            kept["node"] = alone = kept["node"].deepcopy()
            for part in alone.findall():
                part._document = None


def _sources_stay(app: Sphinx) -> None:
    """Where a build is continued, leave pages of source code: it would import all modules.

    `bookkit.book` continues one only where no file of a package has changed.
    """
    for listener in list(app.events.listeners.get("html-collect-pages", [])):
        if app.env.all_docs and listener.handler.__module__ == viewcode.__name__:
            app.disconnect(listener.id)


def setup(app: Sphinx) -> dict[str, Any]:
    """Bring pages and assets into place, and register the roles."""
    if not os.environ.get(roles.STAGED):
        staging.stage(Path(app.srcdir), *roles.chosen())
    roles.register(app)
    figure_of.register(app)
    app.setup_extension("sphinx.ext.autodoc")  # which declares the event
    app.connect("autodoc-process-docstring", _escape, priority=900)
    app.connect("doctree-read", _detach, priority=950)  # after other extensions
    app.connect("builder-inited", _sources_stay)
    app.connect("builder-inited", _one_page_knows_all_nodes)
    app.connect("html-page-context", _drop_live_code, priority=900)
    app.connect("html-page-context", _plain_frame, priority=400)
    app.connect("html-page-context", _titles_beside)
    # Or packages are searched for it once for every citation.
    register_plugin("pybtex.backends", "plaintext", Backend, force=True)
    finish = partial(_finish, since=time.time())
    app.connect("build-finished", finish, priority=900)  # after the theme has
    app.connect("doctree-resolved", glossary_links.link_first_uses)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
