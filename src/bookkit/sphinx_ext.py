"""Sphinx extension of the book: what results put into prose, and pages and assets made at build.

The roles and directives are those of `bookkit.roles`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from bookkit import figure_of, glossary_links, lighter, roles, staging, table_files
from helpers import __version__

SOURCE = "source.html"
_LITERAL = re.compile(r"(``.*?``|`[^`]*`)")
_MARKUP = re.compile(r"(?<!\\)\||(?<![\\*\w])\*(?=\w)(?![^*]*\*)")
_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')
_ROLE = re.compile(r'(?<=<div )role="list" (?=class="citation-list")')


def _drop_live_code(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave out the scripts for live code, which load from the network and stand there twice."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{getattr(script, 'filename', script)} {_body(script)}".lower()
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


def _body(script: Any) -> str:
    return str(getattr(script, "attributes", {}).get("body", ""))


def _mend_html(app: Sphinx, exception: Exception | None) -> None:
    """Leave out what browsers refuse or screen readers stumble over, and what nobody reads.

    Hints to load fonts early are refused for files on disk; a bibliography says that it is a list
    but its entries do not say that they are items.
    """
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        mended = _ROLE.sub("", _PRELOAD.sub("", text))
        if mended != text:
            path.write_text(mended, encoding="utf-8")
    lighter.lighten(Path(app.outdir))


def _copy_tables(app: Sphinx, exception: Exception | None) -> None:
    """Put the tables' files where the pages link to them."""
    if exception is None and app.builder.format == "html":
        table_files.copy(Path(app.outdir), *roles.chosen())


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


def setup(app: Sphinx) -> dict[str, Any]:
    """Bring pages and assets into place, and register the roles."""
    if not os.environ.get(roles.STAGED):
        staging.stage(Path(app.srcdir), *roles.chosen())
    roles.register(app)
    figure_of.register(app)
    app.setup_extension("sphinx.ext.autodoc")  # which declares the event
    app.connect("autodoc-process-docstring", _escape, priority=900)
    app.connect("builder-inited", _one_page_knows_all_nodes)
    app.connect("html-page-context", _drop_live_code, priority=900)
    app.connect("html-page-context", _plain_frame, priority=400)
    app.connect("build-finished", _mend_html, priority=900)  # after the theme has
    app.connect("build-finished", _copy_tables)
    app.connect("doctree-resolved", glossary_links.link_first_uses)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
