"""Pages on the small models that come with the repository, from the records of their training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from bookkit.dependencies import PACKAGE

SHIPPED = PACKAGE / "models" / "shipped"


def cards() -> dict[str, str]:
    """Return model -> Markdown page, for every checkpoint with a ``card.yaml``."""
    return {
        path.parent.name: render(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(SHIPPED.glob("*/card.yaml"))
    }


def render(card: Mapping[str, Any]) -> str:
    """Return one card as a Markdown page.

    Parameters
    ----------
    card
        What training wrote: ``name``, ``use``, ``loss``, ``curve``, and further parts, each of
        which becomes a table.
    """
    name, loss = card["name"], card["loss"]
    lines = [f"(card-model-{name})=", f"# Model `{name}`", ""]
    lines += [str(card.get("use", "")), ""]
    lines += [
        f"Held-out loss {loss['held_out']:,.4g}, baseline {loss['baseline']:,.4g} "
        f"({loss['baseline_meaning']}), ratio {loss['ratio']:.3f}; a useful model is below 1.",
        "",
    ]
    for part, content in card.items():
        if part == "curve":
            continue
        if isinstance(content, Mapping):
            lines += [f"## {part.replace('_', ' ').capitalize()}", ""]
            lines += ["| what | value |", "|---|---|"]
            lines += [f"| {key} | {value} |" for key, value in _flat(content)] + [""]
    columns, rows = card["curve"]["columns"], card["curve"]["rows"]
    lines += ["## Loss while training", "", "| " + " | ".join(columns) + " |"]
    lines += ["|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(f"{value:,.5g}" for value in row) + " |" for row in rows]
    lines += ["", f"Licence: {card.get('licence', 'not stated')}."]
    return "\n".join(lines) + "\n"


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        name = f"{above}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}: ")
        elif isinstance(value, list):
            yield name, ", ".join(map(str, value))
        elif isinstance(value, str) and len(value) == 64:
            yield name, f"`{value[:16]}`"
        else:
            yield name, str(value).replace("|", "\\|")
