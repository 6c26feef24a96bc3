"""Where notebooks and their parameters live, and how a run's values are settled."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bookkit.parameters import Parameter, read_parameters, settle
from helpers.errors import ParameterError, RunError
from helpers.files import project_root

if TYPE_CHECKING:
    from nbformat import NotebookNode

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)")
_STEM = re.compile(r"^\d\d_[a-z0-9_]+$")
_PROFILE = re.compile(r"^[a-z0-9][a-z0-9_-]*$")
RESERVED = ("interactive",)


def notebooks_dir() -> Path:
    """Return the folder of notebook sources: ``HELPERS_NOTEBOOKS_DIR``, else ``notebooks/``."""
    return Path(os.environ.get("HELPERS_NOTEBOOKS_DIR") or project_root() / "notebooks")


def params_dir() -> Path:
    """Return the folder of profiles: ``HELPERS_PARAMS_DIR``, else ``params/``."""
    return Path(os.environ.get("HELPERS_PARAMS_DIR") or project_root() / "params")


def names() -> list[str]:
    """Return the stems of all notebooks, in reading order."""
    return sorted(p.stem for p in notebooks_dir().glob("*.md") if _STEM.match(p.stem))


def profiles() -> list[str]:
    """Return the names of all profiles."""
    return sorted(p.stem for p in params_dir().glob("*.yaml"))


def upstream(name: str, among: list[str] | None = None) -> list[str]:
    """Return the notebooks whose results `name` may read; they run before it.

    Those of 90 to 99 that ask for ``run.earlier`` read the results of every notebook that does not,
    and of those that do and have a lower number; all others read nobody's.
    """
    if not _reads(name):
        return []
    among = names() if among is None else among
    return [other for other in among if other[:2] < name[:2] or not _reads(other)]


def _reads(name: str) -> bool:
    return name.startswith("9") and "run.earlier" in code_of(name)


def source_path(name: str) -> Path:
    """Return the source of a notebook.

    Raises
    ------
    RunError
        If there is no such notebook.
    """
    path = notebooks_dir() / f"{name}.md"
    if not _STEM.match(name) or not path.is_file():
        raise RunError(f"No notebook {name!r} in {notebooks_dir()}; there are: {names()}")
    return path


def statements_path(name: str) -> Path:
    """Return the file in which a notebook declares its tests; pages without tests have none.

    Outside a checkout that is the one beside the notebook, where Jupyter runs it.
    """
    path = notebooks_dir() / f"{name}.yaml"
    beside = Path.cwd() / path.name
    return beside if beside.is_file() and not path.is_file() else path


def load(name: str) -> NotebookNode:
    """Read a notebook's source."""
    path = source_path(name)
    return copy.deepcopy(_read(path, path.stat().st_mtime_ns))


@cache
def _read(path: Path, changed: int) -> NotebookNode:
    import jupytext  # takes a quarter of a second

    return jupytext.read(path)


def code(name: str) -> dict[str, list]:
    """Read a notebook's code cells alone, as ``load`` reads them; a hundredth of its time.

    Raises
    ------
    RunError
        If the options of a cell are no YAML.
    """
    path = source_path(name)
    return {"cells": _cells(path, path.stat().st_mtime_ns)}


@cache
def _cells(path: Path, changed: int) -> list[dict[str, Any]]:
    cells: list[list[str]] = []
    fence, lines = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        found = _FENCE.fullmatch(line)
        if not fence and found:
            fence, lines = found[1], []
            if line.startswith(fence) and found[2].strip().startswith("{code-cell}"):
                cells.append(lines)
        elif fence and found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
        elif fence:
            lines.append(line)
    return [_cell(lines, path) for lines in cells]


def _cell(lines: list[str], path: Path) -> dict[str, Any]:
    """Return a code cell of its lines: ``:key: value`` or a block between ``---``, then code."""
    options = []
    if lines and lines[0].startswith("---"):
        end = next((k for k, one in enumerate(lines[1:], 1) if one.startswith("---")), len(lines))
        options, lines = lines[1:end], lines[end + 1 :]
    elif lines and lines[0].startswith(":"):
        count = next((k for k, one in enumerate(lines) if not one.startswith(":")), len(lines))
        options, lines = [one[1:] for one in lines[:count]], "\n".join(lines[count:]).splitlines()
    try:
        metadata = (options and yaml.safe_load("\n".join(options))) or {}
    except yaml.YAMLError as error:
        raise RunError(f"{path}: the options of a cell are no YAML: {error}") from error
    source = "\n".join(lines if not lines or lines[0].strip() else lines[1:])
    return {"cell_type": "code", "source": source, "metadata": metadata}


def code_of(name: str) -> str:
    """Return what a run of a notebook depends on: its code cells with their tags, not its prose."""
    cells = code(name)["cells"]
    return json.dumps([[cell["source"], cell["metadata"].get("tags", [])] for cell in cells])


def schema(name: str) -> dict[str, Parameter]:
    """Read the parameters of a notebook, with types, limits and defaults."""
    return read_parameters(code(name), name)


def check_profile_name(profile: str) -> str:
    """Return `profile` if it may name a folder of results.

    Raises
    ------
    ParameterError
        If it may not.
    """
    if not _PROFILE.match(profile) or profile in RESERVED:
        raise ParameterError(
            f"{profile!r} cannot name a profile: lower-case letters, digits, '-' and '_' only, "
            f"and not {list(RESERVED)}"
        )
    return profile


def check_profile(profile: str) -> Path:
    """Return the file of a profile.

    Raises
    ------
    ParameterError
        If there is no such profile.
    """
    path = params_dir() / f"{check_profile_name(profile)}.yaml"
    if not path.is_file():
        raise ParameterError(f"No profile {profile!r}: {path} is missing; there are {profiles()}")
    return path


def profile_values(profile: str, name: str) -> dict[str, Any]:
    """Read what a profile sets for a notebook.

    Raises
    ------
    ParameterError
        If the profile does not exist, is malformed, or names a notebook that does not exist.
    """
    path = check_profile(profile)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ParameterError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, Mapping) or not all(
        isinstance(values, Mapping) for values in content.values()
    ):
        raise ParameterError(f"{path}: write NOTEBOOK, then its parameters indented below")
    if unknown := sorted(set(content) - set(names())):
        raise ParameterError(f"{path} names notebooks that do not exist: {unknown}")
    return dict(content.get(name, {}))


def settled(name: str, profile: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the value of every parameter: defaults, then the profile's, then `given`.

    Raises
    ------
    ParameterError
        If a name is unknown, or a value has the wrong type or is not allowed.
    """
    values = profile_values(profile, name) | dict(given or {})
    return settle(schema(name), values, name)
