"""Public names of a room that load the module they live in when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def exports(
    package: str, where: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package (PEP 562).

    Parameters
    ----------
    package
        ``__name__`` of the package.
    where
        Module of the package -> names that the package offers. It is written as a literal called
        ``EXPORTS``, which `bookkit.dependencies` reads too: a page depends on the modules of the
        names that it imports, not on the whole room.
    """
    home = {name: module for module, names in where.items() for name in names}

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return get, lambda: sorted(home), sorted(home)
