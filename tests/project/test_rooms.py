"""Imports go one way between the packages and between the parts of the first."""

import ast
import re

import pytest

from bookkit.dependencies import PACKAGE

LEAVES = {"alone", "errors", "estimates", "files", "lazy", "schema"}
ROOMS = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}


def imported(room: str) -> dict[str, set[str]]:
    """File -> parts of the package imported at its top level."""
    found = {}
    for path in (PACKAGE / room).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers."):
                names.add(node.module.split(".")[1])
            elif isinstance(node, ast.ImportFrom) and node.module == "helpers":
                names |= {alias.name for alias in node.names}
        found[path.relative_to(PACKAGE).as_posix()] = names
    return found


def offenders(room: str, allowed: set[str]) -> dict[str, set[str]]:
    found = {name: parts - allowed - LEAVES - {room} for name, parts in imported(room).items()}
    return {name: parts for name, parts in found.items() if parts}


def test_statistics_know_arrays_only():
    assert offenders("statistics", set()) == {}
    for path in (PACKAGE / "statistics").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for module in ("anndata", "torch", "scanpy"):
            assert f"import {module}" not in source, path


@pytest.mark.parametrize(
    ("room", "allowed"),
    [
        ("datasets", {"statistics"}),
        ("models", {"datasets"}),
        ("extraction", {"datasets", "models"}),
        ("registry", {"statistics", "evaluation"}),  # null worlds are sets of pairs
    ],
)
def test_arrows(room, allowed):
    assert offenders(room, allowed) == {}


@pytest.mark.parametrize(
    ("package", "above"), [("helpers", "bookkit|papers"), ("bookkit", "papers")]
)
def test_packages_know_only_what_is_below_them(package, above):
    for path in (PACKAGE.parent / package).rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(rf"^\s*(from|import) ({above})\b", source, re.MULTILINE), path


def test_pages_compose_and_no_room_does():
    assert "analyses" not in ROOMS
