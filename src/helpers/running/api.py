"""Pages of the reference: one per part of the package, with every public object of its modules."""

from __future__ import annotations

import ast
from pathlib import Path

from helpers.running.closure import PACKAGE


def pages() -> dict[str, str]:
    """Return part of the package -> Markdown page; single files stand under ``root``."""
    rooms = sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py"))
    found = {room: _page(room, PACKAGE / room) for room in rooms}
    single = [p for p in sorted(PACKAGE.glob("*.py")) if p.stem not in ("__init__", "__main__")]
    found["root"] = _render("helpers", "The package itself.", single, "")
    return {room: text for room, text in found.items() if text}


def _page(room: str, folder: Path) -> str:
    purpose = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    modules = [p for p in sorted(folder.rglob("*.py")) if _is_public(p, folder)]
    return _render(f"helpers.{room}", purpose.split("\n\n")[0], modules, room)


def _is_public(path: Path, folder: Path) -> bool:
    """Tell whether a module belongs on the page: no command lines, no empty ``__init__``."""
    relative = path.relative_to(folder)
    if path.stem in ("__init__", "commands", "no_build") or path.stem.startswith("_"):
        return False
    return all((parent / "__init__.py").is_file() for parent in path.parents[: len(relative.parts)])


def _render(title: str, purpose: str, modules: list[Path], room: str) -> str:
    lines = [f"(api-{room or 'root'})=", f"# `{title}`", "", purpose, ""]
    for path in modules:
        name = ".".join(["helpers", *path.relative_to(PACKAGE).with_suffix("").parts])
        lines += [f"## {path.stem}", "", "```{eval-rst}", f".. automodule:: {name}"]
        lines += ["   :members:", "```", ""]
    return "\n".join(lines) if modules else ""
