"""Sphinx extension of the book: numbers in prose, and the pages and assets made at build time.

``{val}`10_coexpression/baron/auroc:.2f` `` prints a value that a notebook stored: page, key, and
after a colon a Python format. ``.low``, ``.high`` and other fields of an estimate follow the key.
A page that prints a value is built anew when the value changes; a key that does not exist is a
warning, which fails the build under ``-W``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from helpers import __version__
from helpers.errors import RunError
from helpers.running import glossary_links, pages, table_files
from helpers.running.values import FILE, lookup, read_values, shown

log = logging.getLogger(__name__)

PROFILE = "HELPERS_PROFILE"
OVERLAY = "HELPERS_OVERLAY"
_LITERAL = re.compile(r"(``.*?``|`[^`]*`)")
_MARKUP = re.compile(r"(?<!\\)\||(?<![\\*\w])\*(?=\w)(?![^*]*\*)")
_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')


class Val(SphinxRole):
    """A stored value, printed."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the value as text."""
        target, _, spec = self.text.strip().partition(":")
        page, _, key = target.partition("/")
        path = pages.results_of(page, *_chosen()) / FILE
        self.env.note_dependency(str(path))
        try:
            text = shown(lookup(read_values(path), key), spec)
        except (RunError, KeyError, ValueError, TypeError) as error:
            log.warning(
                "no value %r of page %r can be shown (%s: %s)",
                key,
                page,
                type(error).__name__,
                error,
                location=self.get_location(),
                type="helpers",
                subtype="val",
            )
            return [nodes.problematic(self.rawtext, self.rawtext)], []
        return [nodes.inline(self.rawtext, text, classes=["val"])], []


def _chosen() -> tuple[str, str | None]:
    """Return profile and overlay of this build."""
    return os.environ.get(PROFILE, "demo"), os.environ.get(OVERLAY) or None


def _drop_live_code(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave out the scripts for live code, which load from the network and stand there twice."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{getattr(script, 'filename', script)} {_body(script)}".lower()
    ]


def _body(script: Any) -> str:
    return str(getattr(script, "attributes", {}).get("body", ""))


def _drop_preloads(app: Sphinx, exception: Exception | None) -> None:
    """Leave out the theme's hints to load fonts early, which browsers refuse for files on disk."""
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if _PRELOAD.search(text):
            path.write_text(_PRELOAD.sub("", text), encoding="utf-8")


def _copy_tables(app: Sphinx, exception: Exception | None) -> None:
    """Put the tables' files where the pages link to them."""
    if exception is None and app.builder.format == "html":
        table_files.copy(Path(app.outdir), *_chosen())


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
    """Bring pages and assets into place, and register the role."""
    pages.stage(Path(app.srcdir), *_chosen())
    app.add_role("val", Val())
    app.setup_extension("sphinx.ext.autodoc")  # which declares the event
    app.connect("autodoc-process-docstring", _escape, priority=900)
    app.connect("builder-inited", _one_page_knows_all_nodes)
    app.connect("html-page-context", _drop_live_code, priority=900)
    app.connect("build-finished", _drop_preloads)
    app.connect("build-finished", _copy_tables)
    app.connect("doctree-resolved", glossary_links.link_first_uses)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
