"""Make the built book smaller without a loss for readers.

Left out are files that no browser asks for, the drawings in notebooks for download that stand there
as pictures too, icons that no page shows, and marks of colour around code that has the colour of
its surroundings anyway.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

UNREAD = (".map", ".ttf", ".po", ".mo", ".pot")
"""Endings of files that come with the theme: for its developers, or beside the same as woff2."""

DRAWING, PICTURE = "image/svg+xml", "image/png"
_RULE = re.compile(r'html\[data-theme="(\w+)"\] \.highlight( \.\w+)? \{ ([^}]*) \}')
_COLOUR = re.compile(r"(?<![-\w])color: (#\w+)")
_ICON = re.compile(r'(?:"([\w-]+)"|(?<=[{,])([a-z]\w*)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",')
_NAMED = re.compile(r"fa-([a-z0-9-]+)")


def lighten(html: Path) -> None:
    """Make all files below the folder of a built book as small as they may be."""
    static = html / "_static"
    for path in sorted(static.rglob("*")):
        if path.suffix in UNREAD and path.is_file():
            path.unlink()
    for path in sorted((html / "_sources").rglob("*.ipynb")):
        _rewrite(path, without_drawings)
    for path in sorted(html.rglob("*.svg")):
        _rewrite(path, without_indents)
    colours = static / "pygments.css"
    plain = plain_classes(colours.read_text(encoding="utf-8")) if colours.is_file() else set()
    named: set[str] = set()
    for path in sorted(html.rglob("*.html")):
        named |= set(_NAMED.findall(_rewrite(path, lambda text: without_marks(text, plain))))
    for path in [*static.rglob("*.js"), *static.rglob("*.css")]:
        if "fontawesome" not in path.parts:
            named |= set(_NAMED.findall(path.read_text(encoding="utf-8")))
    for path in static.rglob("fontawesome/*/js/all.min.js"):
        _rewrite(path, lambda text: with_icons(text, named))


def _rewrite(path: Path, change) -> str:
    text = path.read_text(encoding="utf-8")
    if (made := change(text)) != text:
        path.write_text(made, encoding="utf-8")
    return made


def without_drawings(notebook: str) -> str:
    """Return a notebook, as text, without the drawings that it holds as pictures too."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        for output in cell.get("outputs", []):
            if PICTURE in output.get("data", {}):
                output["data"].pop(DRAWING, None)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def without_indents(drawing: str) -> str:
    r"""Return a drawing without notes on the program that made it, and without indents.

    Examples
    --------
    >>> without_indents("<svg>\n <metadata>m</metadata>\n  <path/></svg>")
    '<svg>\n<path/></svg>'
    """
    bare = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", bare)


def plain_classes(css: str) -> set[str]:
    """Return the classes of code that have the colour of what is around them, in every theme.

    Examples
    --------
    >>> css = 'html[data-theme="light"] .highlight { background: #fff; color: #000 }'
    >>> css += 'html[data-theme="light"] .highlight .n { color: #000 }'
    >>> css += 'html[data-theme="light"] .highlight .k { color: #00f }'
    >>> plain_classes(css)
    {'n'}
    """
    ground: dict[str, str] = {}
    coloured: dict[str, dict[str, str]] = {}
    for theme, name, rule in _RULE.findall(css):
        if colour := _COLOUR.search(rule):
            if not name:
                ground[theme] = colour[1]
            elif rule.strip().rstrip(";") == f"color: {colour[1]}":
                coloured.setdefault(name.strip(" ."), {})[theme] = colour[1]
    return {name for name, colours in coloured.items() if ground and colours == ground}


def without_marks(page: str, classes: Iterable[str]) -> str:
    """Return a page without the spans of these classes around single words of code.

    Examples
    --------
    >>> without_marks('<span class="n">x</span><span class="o">=</span>', ["n"])
    'x<span class="o">=</span>'
    """
    if not (names := "|".join(sorted(classes))):
        return page
    return re.sub(rf'<span class="(?:{names})">([^<]*)</span>', r"\1", page)


def with_icons(script: str, names: set[str]) -> str:
    """Return the script of Font Awesome with the icons of these names only.

    Examples
    --------
    >>> with_icons('{"bars":[1,2,["nav"],"f0","M1"],house:[1,2,[],"f1",["M2","M3"]]}', {"nav"})
    '{"bars":[1,2,["nav"],"f0","M1"],}'
    """
    parts, end = [], 0
    for found in _ICON.finditer(script):
        if found.start() < end or {found[1] or found[2], *re.findall(r"[\w-]+", found[3])} & names:
            continue
        after = re.compile(r'(?:"[^"]*"|\["[^"]*","[^"]*"\])\],?').match(script, found.end())
        if after:
            parts.append(script[end : found.start()])
            end = after.end()
    return "".join(parts) + script[end:]
