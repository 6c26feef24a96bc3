"""Pages of the reference: one per part of the package, with every public object of its modules.

Packages beside this one have one page each.
"""

from __future__ import annotations

import ast
from pathlib import Path

from bookkit.dependencies import PACKAGE, packages


def pages() -> dict[str, str]:
    """Return part of the package -> Markdown page; single files stand under ``root``."""
    rooms = sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py"))
    found = {room: _page(f"helpers.{room}", PACKAGE / room) for room in rooms}
    single = [p for p in sorted(PACKAGE.glob("*.py")) if p.stem not in ("__init__", "__main__")]
    found["root"] = _render("helpers", "The package itself.", single, "")
    for other in packages()[1:]:
        found[other] = _page(other, PACKAGE.parent / other)
    return {room: text for room, text in found.items() if text}


def _page(name: str, folder: Path) -> str:
    purpose = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    modules = [p for p in sorted(folder.rglob("*.py")) if _is_public(p, folder)]
    return _render(name, purpose.split("\n\n")[0], modules, folder.name)


def _is_public(path: Path, folder: Path) -> bool:
    """Tell whether a module belongs on the page: no command lines, no empty ``__init__``."""
    relative = path.relative_to(folder)
    hidden = path.stem.startswith("_") or path.stem.endswith("commands")
    if hidden or path.stem == "no_build":
        return False
    return all((parent / "__init__.py").is_file() for parent in path.parents[: len(relative.parts)])


def _render(title: str, purpose: str, modules: list[Path], room: str) -> str:
    lines = [f"(api-{room or 'root'})=", f"# `{title}`", "", purpose, ""]
    for path in modules:
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        lines += [f"## {path.stem}", "", "```{eval-rst}", f".. automodule:: {name}"]
        lines += ["   :members:", "```", ""]
    return "\n".join(lines) if modules else ""
