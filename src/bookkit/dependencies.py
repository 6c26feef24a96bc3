"""Which of our own files a notebook depends on: its imports, theirs, and their data files."""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import helpers
from helpers.errors import RunError
from helpers.files import sha256_of

PACKAGE = Path(helpers.__file__).parent
DEPENDENCIES = "helpers.dependencies"
"""Group of entry points of further packages that belong to the project: functions that say what a
page depends on in part only. Each takes the page's text, the names that it imports and the files
that it depends on; it returns files that do not count as a whole, and what counts instead."""
_IGNORED = {".pyc"}


def modules_of_notebook(notebook: Mapping, name: str) -> set[str]:
    """Return the names under our packages that a notebook's code cells import.

    Raises
    ------
    RunError
        If a code cell is not valid Python.
    """
    found: set[str] = set()
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] != "code":
            continue
        lines = [
            "" if line.lstrip().startswith(("%", "!")) else line
            for line in cell["source"].splitlines()
        ]
        try:
            tree = ast.parse("\n".join(lines))
        except SyntaxError as error:
            raise RunError(f"{name}, cell {number}: {error.msg} (line {error.lineno})") from error
        found |= set(_imports(tree))
    return found


def files_of(modules: set[str], package: Path = PACKAGE) -> list[Path]:
    """Return every file that importing `modules` can touch, sorted.

    Parameters
    ----------
    modules
        Dotted names in our packages; names of functions are allowed and ignored.
    package
        Folder of the package ``helpers``; the others lie beside it.

    Notes
    -----
    Importing a module runs the ``__init__`` of every package above it, so those count too, and so
    do imports inside functions. A data file counts when a module that counts names it, or when no
    module of its package names it.
    """
    sources: set[Path] = set()
    waiting = list(modules)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in _sources_of(name, package):
            if path not in sources:
                sources.add(path)
                waiting += _imports_of(path, package)
    data = {file for path in sources if path.name == "__init__.py" for file in _data(path.parent)}
    return sorted(sources | {file for file in data if _counts(file, sources)})


def digest(files: list[Path], package: Path = PACKAGE) -> str:
    """Return one SHA-256 over names and contents of files."""
    total = hashlib.sha256()
    for path in files:
        content = _sha256(path, path.stat().st_mtime_ns)
        total.update(f"{os.path.relpath(path, package)} {content}\n".encode())
    return total.hexdigest()


@cache
def _sha256(path: Path, changed: int) -> str:
    return sha256_of(path)


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names if _ours(item.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and _ours(node.module or ""):
            yield node.module or ""
            yield from (f"{node.module}.{item.name}" for item in node.names)


@cache
def _parsed(path: Path, changed: int) -> tuple[str, ...]:
    return tuple(_imports(ast.parse(path.read_text(encoding="utf-8"))))


def _imports_of(path: Path, package: Path) -> tuple[str, ...]:
    return _parsed(path, path.stat().st_mtime_ns)


def packages() -> list[str]:
    """Return the names of our packages: methods, this one, and those with a function in `hooks`."""
    return ["helpers", "bookkit", *sorted({one.module.split(".")[0] for one in hooks()})]


@cache
def hooks() -> tuple[EntryPoint, ...]:
    """Return the functions of the group `DEPENDENCIES`, not loaded yet."""
    return tuple(sorted(entry_points(group=DEPENDENCIES)))


def _ours(name: str) -> bool:
    return name.split(".")[0] in packages()


def _sources_of(name: str, package: Path) -> Iterator[Path]:
    """Yield the files behind a dotted name, packages above it included."""
    top, *rest = name.split(".")
    folder = package.parent / top
    if (init := folder / "__init__.py").is_file():
        yield init
    for part in rest:
        if (module := folder / f"{part}.py").is_file():
            yield module
            return
        if module := _exported(folder / "__init__.py").get(part):
            yield folder / f"{module}.py"
            return
        folder = folder / part
        if not (init := folder / "__init__.py").is_file():
            return
        yield init


def _exported(init: Path) -> dict[str, str]:
    """Return name -> module of a package whose names load when they are used (`helpers.lazy`)."""
    return dict(_exports(init, init.stat().st_mtime_ns)) if init.is_file() else {}


@cache
def _exports(init: Path, changed: int) -> tuple[tuple[str, str], ...]:
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXPORTS":
            found = ast.literal_eval(node.value)
            return tuple((name, module) for module, names in found.items() for name in names)
    return ()


def _data(folder: Path) -> Iterator[Path]:
    """Yield files of a package that are no modules, also in subfolders that are no packages."""
    for path in folder.iterdir():
        if path.is_dir():
            if path.name != "__pycache__" and not (path / "__init__.py").is_file():
                yield from _data(path)
        elif path.suffix != ".py" and path.suffix not in _IGNORED:
            yield path


def _counts(data: Path, sources: set[Path]) -> bool:
    home = next(p for p in data.parents if (p / "__init__.py").is_file())
    modules = home.glob("*.py")
    naming = {one for one in modules if data.name in _text(one, one.stat().st_mtime_ns)}
    return not naming or bool(naming & sources)


@cache
def _text(path: Path, changed: int) -> str:
    return path.read_text(encoding="utf-8")
