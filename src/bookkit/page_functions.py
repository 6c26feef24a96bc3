"""What a notebook imports and defines, without running the rest of it."""

from __future__ import annotations

import ast
from typing import Any

from bookkit import notebooks
from helpers.errors import ParameterError

_KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def definitions(name: str, **parameters: Any) -> dict[str, Any]:
    """Return the imports, functions, classes and constants of a page.

    The functions of a page are tested, and measured by page 90, without running the page: what
    stands there and what is tested are the same code.

    Parameters
    ----------
    name
        File stem of the notebook, ``"10_coexpression"``.
    **parameters
        Parameters that differ from the page's defaults; functions see them as globals.

    Returns
    -------
    dict
        Name -> object. Assignments of literals to names in capitals count as constants.

    Raises
    ------
    ParameterError
        If the page has no parameter of a name, or its value is not allowed.
    RunError
        If there is no such page.
    """
    schema = notebooks.schema(name)
    if unknown := sorted(set(parameters) - set(schema)):
        raise ParameterError(f"{name} has no parameters {unknown}; it has {sorted(schema)}")
    space: dict[str, Any] = {"__name__": f"page_{name}"}
    space |= {key: p.check(parameters.get(key, p.default)) for key, p in schema.items()}
    for number, cell in enumerate(notebooks.load(name)["cells"], start=1):
        if cell["cell_type"] == "code":
            kept = [node for node in ast.parse(cell["source"]).body if _is_kept(node)]
            code = compile(ast.Module(kept, []), f"{name}, cell {number}", "exec")
            exec(code, space)  # noqa: S102 - our own notebook, the same code that a run executes
    return space


def _is_kept(node: ast.stmt) -> bool:
    if isinstance(node, _KEPT):
        return True
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return False
    target = node.targets[0]
    if not isinstance(target, ast.Name) or not target.id.isupper():
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return True
