"""Make the built book smaller without a loss for readers.

Left out are files that no browser asks for, the drawings in notebooks for download that stand there
as pictures too, icons that no page shows, and marks of colour around operators and around code
that has the colour of its surroundings anyway. Pages and drawings are written with fewer bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from bookkit.drawings import compact
from bookkit.markup import bare_cells, smaller

UNREAD = (".map", ".ttf", ".po", ".mo", ".pot")
"""Endings of files that come with the theme: for its developers, or beside the same as woff2."""

DRAWING, PICTURE, TABLE = "image/svg+xml", "image/png", "text/html"
OPERATORS = {"o"}
_UNSEEN = re.compile(r"^fa-(?:brands|regular)-\d+\.woff2$")
_RULE = re.compile(r'html\[data-theme="(\w+)"\] \.highlight( \.\w+)? \{ ([^}]*) \}')
_COLOUR = re.compile(r"(?<![-\w])color: (#\w+)")
_ICON = re.compile(r'(?:"([\w-]+)"|(?<=[{,])([a-z]\w*)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",')
_LETTER = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"[^"]*"\}')
_NAMED = re.compile(r"fa-([a-z0-9-]+)")


def lighten(html: Path, since: float = 0) -> None:
    """Make all files below the folder of a built book as small as they may be.

    Parameters
    ----------
    html
        Folder of the book.
    since
        Time of the system; files that are older were made smaller by an earlier build.
    """
    static = html / "_static"
    for path in sorted(static.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and (path.suffix in UNREAD or _UNSEEN.search(path.name)):
            path.unlink()
    for path in _new(html / "_sources", "*.ipynb", since):
        _rewrite(path, without_drawings)
    for path in _new(html / "_images", "*.svg", since):
        _rewrite(path, compact)
    colours = static / "pygments.css"
    plain = plain_classes(colours.read_text(encoding="utf-8")) if colours.is_file() else set()
    for path in _new(html, "*.html", since):
        _rewrite(path, lambda text: smaller(text, plain | OPERATORS))
    seen = [*html.rglob("*.html"), *static.rglob("*.js"), *static.rglob("*.css")]
    texts = [
        path.read_text(encoding="utf-8")
        for path in seen
        if not {"fontawesome", "mathjax"} & set(path.parts)
    ]
    for path in static.glob("*.png"):
        if not any(path.name in text for text in texts):
            path.unlink()
    named = {name for text in texts for name in _NAMED.findall(text)}
    for path in static.rglob("fontawesome/*/js/all.min.js"):
        _rewrite(path, lambda text: with_icons(text, named))
    for path in static.rglob("fontawesome/*/css/all.min.css"):
        _rewrite(path, lambda text: with_letters(text, named))


def _new(folder: Path, pattern: str, since: float) -> list[Path]:
    return [path for path in sorted(folder.rglob(pattern)) if path.stat().st_ctime >= since]


def _rewrite(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    if (made := change(text)) != text:
        path.write_text(made, encoding="utf-8")


def without_drawings(notebook: str) -> str:
    """Return a notebook, as text, without the drawings that it holds as pictures too.

    Its tables lose what only the style and the script of the book read. Lines become one text.
    """
    content = json.loads(notebook)
    for cell in content["cells"]:
        cell["source"] = "".join(cell["source"])
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PICTURE in data:
                data.pop(DRAWING, None)
            for kind in set(data) & {PICTURE, TABLE, "text/markdown", "text/plain"}:
                data[kind] = "".join(data[kind])
            if TABLE in data:
                data[TABLE] = bare_cells(data[TABLE])
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


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


def with_letters(css: str, names: set[str]) -> str:
    """Return the style of Font Awesome with the letters of these names only.

    Examples
    --------
    >>> css = '.fa{a:b}.fa-0:before{content:"1"}.fa-x:before,.fa-y:before{content:"2"}'
    >>> with_letters(css, {"y"})
    '.fa{a:b}.fa-x:before,.fa-y:before{content:"2"}'
    """
    return _LETTER.sub(lambda rule: rule[0] if set(_NAMED.findall(rule[0])) & names else "", css)
