"""Words of the glossary become links where a page first uses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PAGES = re.compile(r"^pages/\d\d_")
_NOT_IN = (
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.title,
    nodes.caption,
    nodes.math,
    nodes.math_block,
    nodes.problematic,
    nodes.table,
)


def link_first_uses(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link the first use of every glossary term in the prose of a page of the book.

    Headings, code, outputs, tables, and what is a link already stay as they are.
    """
    if not PAGES.match(docname):
        return
    targets = {
        name: f"{app.builder.get_relative_uri(docname, home)}#{anchor}"
        for name, _, kind, home, anchor, _ in app.env.get_domain("std").get_objects()
        if kind == "term"
    }
    link_words(doctree, targets)


def link_words(doctree: nodes.document, targets: Mapping[str, str]) -> None:
    """Link the first use of every word; words that contain others go first.

    Parameters
    ----------
    doctree
        What to change.
    targets
        Word -> address. Words with capitals must be written so; all may have a plural s.
    """
    left = dict(sorted(targets.items(), key=lambda item: -len(item[0])))
    for text in list(doctree.findall(nodes.Text)):
        if not left:
            return
        if _is_prose(text):
            parts = _linked(str(text), left)
            if len(parts) > 1:
                text.parent.replace(text, parts)


def _is_prose(text: nodes.Text) -> bool:
    parent: Any = text.parent
    while parent is not None:
        if isinstance(parent, _NOT_IN) or "cell" in parent.get("classes", []):
            return False
        parent = parent.parent
    return True


def _linked(text: str, left: dict[str, str]) -> list[nodes.Node]:
    """Return a text in parts, of which some are links; words that were linked leave `left`."""
    parts: list[nodes.Node] = []
    while left and (match := _pattern(left).search(text)):
        word = next(name for name in left if _same(name, match[1]))
        link = nodes.reference(
            "", match[0], internal=True, refuri=left.pop(word), classes=["glossary-word"]
        )
        parts += [nodes.Text(text[: match.start()]), link]
        text = text[match.end() :]
    return [*parts, nodes.Text(text)]


def _pattern(words: Mapping[str, str]) -> re.Pattern[str]:
    either = "|".join(
        re.escape(word) if word != word.lower() else f"(?i:{re.escape(word)})" for word in words
    )
    return re.compile(rf"(?<![\w-])({either})s?(?![\w-])")


def _same(name: str, found: str) -> bool:
    return name == found or (name == name.lower() and name == found.lower())
