"""Write a drawing of matplotlib with fewer bytes; it looks the same to a hundredth of a point.

Names are short and only there where something refers to them, groups that group nothing are gone,
paths are written step by step, letters stand beside each other by a number, and what a shape says
of its own colours is not said again where it is used. Pixels in a drawing get 256 colours.
"""

from __future__ import annotations

import base64
import io
import itertools
import re
from string import ascii_letters
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
LINK = "{http://www.w3.org/1999/xlink}href"
PLACES = ("x", "y", "width", "height")
_DRAWN = re.compile(r"([MLQCz])([^MLQCz]*)")
_NUMBER = re.compile(r"-?\d+\.\d+(?!\d*e)")
_PNG = "data:image/png;base64,"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_MOVED = re.compile(r"translate\([^)]*\)")
_LETTER = "scale(0.015625)"
_TO_THE_RIGHT = re.compile(r"translate\((-?[\d.]+) 0\)")
_TWICE = re.compile(r"#(\w)\1(\w)\2(\w)\3(?!\w)")


def compact(drawing: str) -> str:
    """Return a drawing, as text, with the same look and fewer bytes."""
    root = ET.fromstring(drawing)
    styles = {one.get("id"): _properties(one) for one in root.iter() if one.get("id")}
    names = _short_names(root)
    for one in root.iter():
        _shorten(one, styles, names)
    _unnest(root)
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode").replace(" />", "/>") + "\n"


def _shorten(one: ET.Element, styles: dict[str, dict[str, str]], names: dict[str, str]) -> None:
    """Say the same of an element with less."""
    own, address = _properties(one), _address(one)
    one.attrib.pop(LINK, None)
    if one.tag.endswith("}use"):
        _place(one)
        own = {k: v for k, v in own.items() if k not in styles.get(address[1:], {})}
        address = "#" + names[address[1:]]
    elif address.startswith(_PNG):
        address = _few_colours(address)
    said = {
        "id": names.get(one.get("id", ""), ""),
        "href": address,
        "d": shorter_path(one.get("d", "")),
        "style": _TWICE.sub(r"#\1\2\3", ";".join(f"{k}:{v}" for k, v in own.items())),
        "clip-path": _REFERENCE.sub(lambda m: f"url(#{names[m[1]]})", one.get("clip-path", "")),
    }
    if one.get("transform") == _LETTER and "d" in one.attrib:
        said |= {"d": shorter_path(one.get("d", ""), 1, 8), "transform": "scale(.125)"}
    elif moved := one.get("transform"):
        said["transform"] = _MOVED.sub(lambda found: _rounded(found[0]), moved)
    said |= {key: _rounded(one.get(key, "")) for key in PLACES if key in one.attrib}
    one.attrib.update(said)
    for key in [key for key, value in one.attrib.items() if not value]:
        del one.attrib[key]
    one.tail = None
    one.text = one.text if (one.text or "").strip() else None


def shorter_path(steps: str, unit: int = 100, shrink: int = 1) -> str:
    """Return the data of a path in relative steps, in units of 1 / `unit`, `shrink` times smaller.

    A path with other commands than matplotlib's stays.

    Examples
    --------
    >>> shorter_path("M 10.126 20 L 30 20 L 30 25.5 L 31 26 z")
    'm10.13 20h19.87v5.5l1 .5z'
    """
    if re.search(r"[^MLQCz\d\s.e+-]", steps):
        return steps
    made, last, here, start = [], "", (0, 0), (0, 0)
    for command, numbers in _DRAWN.findall(steps):
        if command == "z":
            made.append("z")
            last, here = "", start
            continue
        values = [round(float(number) * unit / shrink) for number in numbers.split()]
        moved = [value - here[k % 2] for k, value in enumerate(values)]
        letter = command.lower()
        if letter == "l" and 0 in moved:
            letter, moved = ("v", moved[1:]) if not moved[0] else ("h", moved[:1])
        words = [_short(value / unit) for value in moved]
        made.append(_joined(["", *words]) if letter == last else letter + _joined(words))
        last, here = letter, (values[-2], values[-1])
        if command == "M":
            last, start = "", here
    return "".join(made)


def _joined(words: list[str]) -> str:
    return "".join(w if w.startswith("-") or not k else f" {w}" for k, w in enumerate(words))


def _rounded(text: str) -> str:
    return _NUMBER.sub(lambda found: _short(float(found[0])), text)


def _short(number: float) -> str:
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return re.sub(r"^(-?)0\.", r"\1.", text) if text not in ("-0", "") else "0"


def _properties(one: ET.Element) -> dict[str, str]:
    found = (part.split(":", 1) for part in one.get("style", "").split(";") if ":" in part)
    return {key.strip(): value.strip() for key, value in found}


def _short_names(root: ET.Element) -> dict[str, str]:
    """Return old name -> new one, of what is referred to."""
    named = [address[1:] for one in root.iter() if (address := _address(one)).startswith("#")]
    named += [name for one in root.iter() for name in _REFERENCE.findall(one.get("clip-path", ""))]
    short = (f"{letter}{n or ''}" for n in itertools.count() for letter in ascii_letters)
    return dict(zip(dict.fromkeys(named), short, strict=False))


def _address(one: ET.Element) -> str:
    return one.get(LINK) or one.get("href", "")


def _place(use: ET.Element) -> None:
    """Say by a number where a letter stands in its line."""
    if found := _TO_THE_RIGHT.fullmatch(use.get("transform", "")):
        del use.attrib["transform"]
        use.set("x", f"{float(found[1]):.0f}")


def _few_colours(address: str) -> str:
    from PIL import Image

    made = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(address.removeprefix(_PNG)))) as found:
        found.convert("RGBA").quantize(256, Image.Quantize.FASTOCTREE).save(
            made, "PNG", optimize=True
        )
    new = _PNG + base64.b64encode(made.getvalue()).decode("ascii")
    return min(address, new, key=len)


def _unnest(one: ET.Element) -> None:
    """Put the members of groups that say nothing of them in the groups' places."""
    children = []
    for child in one:
        _unnest(child)
        bare = child.tag.endswith("}g") and not child.attrib
        if not child.tag.endswith("}metadata"):
            children += list(child) if bare else [child]
    one[:] = children
