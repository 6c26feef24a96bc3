"""Error rates that take long to measure: one record per calibration, with its code's digest.

The records lie beside this module, so that an installed package has them. The calibration tests of
the repository measure them (``pytest -m calibration tests/calibration``) and write them here; pages
read them and say whether the code is still the one that was measured.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd

from bookkit import dependencies, notebooks
from helpers.errors import RunError
from helpers.files import atomic_write

RECORDS = Path(__file__).parent

PAGES = ("10_coexpression", "12_null_models")
"""Pages whose functions are measured."""

RESTS_ON = {
    "helpers.evaluation.crossed",
    "helpers.evaluation.crossed_model",
    "helpers.evaluation.matched",
    "helpers.evaluation.nulls",
    "helpers.registry.error_rates",
    "helpers.registry.null_worlds",
}


@dataclass(frozen=True)
class Record:
    """One calibration.

    Parameters
    ----------
    name
        File stem of the record.
    rates
        What was measured.
    current
        Whether the code is the measured one.
    """

    name: str
    rates: pd.DataFrame = field(repr=False)
    current: bool


def code_digest(modules: Iterable[str] = ()) -> str:
    """Return a digest of the code that rates rest on.

    Lists of the public names of a room, the names of units, comments and docstrings do not count:
    they compute nothing.

    Parameters
    ----------
    modules
        What was measured; by default the tests over pairs, the pages' functions included.
    """
    files = dependencies.files_of(set(modules) or RESTS_ON)
    named = [file for file in files if file.name not in ("__init__.py", "units.py")]
    parts = [f"{file.name}\n{computing(file.read_text(encoding='utf-8'))}" for file in named]
    for page in () if modules else PAGES:
        cells = (cell["source"] for cell in notebooks.load(page)["cells"])
        parts += [computing(cell) for cell in cells if cell.lstrip().startswith("def ")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def computing(source: str) -> str:
    r"""Return the syntax tree of Python code as text, without comments and strings that explain.

    Examples
    --------
    >>> computing("def f():\n    'Say one.'\n    return 1  # one") == computing(
    ...     "def f():\n    'Return one.'\n\n    return 1"
    ... )
    True
    """
    return ast.dump(_Silent().visit(ast.parse(source)))


class _Silent(ast.NodeTransformer):
    """Leaves out expressions that are nothing but a string."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node


def record_of(name: str) -> Record:
    """Return a record.

    Raises
    ------
    RunError
        If there is none of this name.

    Examples
    --------
    >>> list(record_of("hubs-fast").rates["world"].unique())
    ['relabelled, scgpt, sim', 'pareto']
    """
    path = RECORDS / f"{name}.json"
    if not path.is_file():
        known = sorted(file.stem for file in RECORDS.glob("*.json"))
        raise RunError(f"no calibration {name!r} is recorded; recorded are {known}")
    content = json.loads(path.read_text(encoding="utf-8"))
    current = content["digest"] == code_digest(content.get("rests_on", ()))
    return Record(name, pd.DataFrame(content["rates"]), current)


def records(pattern: str = "*") -> list[Record]:
    """Return the records whose names match, sorted by name."""
    return [record_of(path.stem) for path in sorted(RECORDS.glob(f"{pattern}.json"))]


def keep(name: str, rates: pd.DataFrame, rests_on: Iterable[str] = ()) -> Record:
    """Write a record of what was measured with the code as it is; see :func:`code_digest`."""
    content = {
        "digest": code_digest(rests_on),
        "rates": json.loads(rates.to_json(orient="records")),
    }
    if rests_on:
        content["rests_on"] = sorted(rests_on)
    with atomic_write(RECORDS / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return record_of(name)
