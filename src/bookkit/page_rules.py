"""Rules for the code of a page whose tests are declared beside it: short, and without words."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbformat import NotebookNode

LONGEST_CELL = 18
LONGEST_FUNCTION = 14
WIDEST = 88
LEVEL = 0.05


def problems(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    """Yield the number of a cell and what is wrong in it.

    A cell has at most 18 lines (imports and parameters are not counted) of at most 88 characters; a
    function 14, its docstring not counted. The level stands in the YAML file, so no 0.05 is written
    in code, and words that depend on results come from ``{finding}``, ``{tally}`` and ``{when}``,
    so no ``if`` chooses between texts and ``run.say`` is not called.
    """
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] != "code":
            continue
        given = "parameters" in cell["metadata"].get("tags", [])
        for problem in _of_cell(cell["source"], given):
            yield number, problem


def _of_cell(source: str, given: bool) -> Iterator[str]:
    for line in source.splitlines():
        if len(line) > WIDEST:
            yield f"a line has {len(line)} characters, at most {WIDEST}: {line.strip()[:40]} ..."
    if given:
        return
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    length = _lines(source.splitlines()) - sum(_length(node) for node in imports)
    if length > LONGEST_CELL:
        yield f"{length} lines, at most {LONGEST_CELL}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            lines = _lines(ast.get_source_segment(source, node).splitlines()) - _docstring(node)
            if lines > LONGEST_FUNCTION:
                yield f"function {node.name} has {lines} lines, at most {LONGEST_FUNCTION}"
        if isinstance(node, ast.Constant) and node.value == LEVEL and node.value is not True:
            yield f"{LEVEL} is written in code (line {node.lineno}); use run.alpha"
        if isinstance(node, ast.IfExp) and _words(node.body) and _words(node.orelse):
            yield f"an if chooses words (line {node.lineno}); use {{when}} or {{finding}}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "run.say":
            yield f"run.say (line {node.lineno}); write Markdown with {{val}} and {{when}}"


def _lines(lines: list[str]) -> int:
    return sum(bool(line.strip()) for line in lines)


def _length(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def _docstring(node: ast.FunctionDef) -> int:
    return _length(node.body[0]) if ast.get_docstring(node) is not None else 0


def _words(node: ast.expr) -> bool:
    """Return whether an expression is a text of more than one word."""
    if isinstance(node, ast.JoinedStr):
        return any(_words(part) for part in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
