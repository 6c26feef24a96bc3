"""Make an executed notebook ready for the book: captions, alternative texts, one parameters cell.

Captions can hold computed numbers, so they travel in the outputs' metadata and move to the cell's
metadata, where the book looks for them, only after execution. What cells wrote to standard error
(progress, warnings with paths of this machine) is in the run's log and goes no further. Where a
page ran without its archive, code that only an archive makes run is not shown either.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from bookkit.show import MARK

POSITION = "helpers_code_cell"
"""Key of a code cell's metadata: its position among the code cells of the source."""

_CONTINUED = "# output of the cell above"
_OF_OUTPUTS = {"hide-output", "remove-output", "remove-cell"}


def tidy(
    notebook: NotebookNode, name: str, parameters: Mapping[str, Any], archived: bool = True
) -> NotebookNode:
    """Return the notebook as the book shows it.

    Parameters
    ----------
    notebook
        As papermill wrote it.
    name
        File stem; labels of figures begin with it.
    parameters
        Values of this run, which the parameters cell will show.
    archived
        Whether the archive that the page reads was there; without one, cells that hold nothing
        but ``if archive:`` (and the call that looks for it) are left out, or only their output
        is shown where they have any.
    """
    cells, position = [], 0
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "injected-parameters" in tags:
            continue
        if cell["cell_type"] == "code":
            cell["metadata"][POSITION] = position
            position += 1
        if not archived and cell["cell_type"] == "code" and needs_archive(cell["source"]):
            if not cell["outputs"]:
                continue
            cell["metadata"]["tags"] = [*tags, "remove-input"]
        for timing in ("papermill", "execution"):
            cell["metadata"].pop(timing, None)
        if "outputs" in cell:
            cell["outputs"] = [o for o in cell["outputs"] if o.get("name") != "stderr"]
        if "parameters" in tags:
            cell["source"] = with_values(cell["source"], parameters)
        cells += _split(cell, name) if cell["cell_type"] == "code" else [cell]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook["cells"] = cells
    notebook["metadata"].pop("papermill", None)
    return notebook


def with_prose(executed: NotebookNode, source: NotebookNode) -> NotebookNode:
    """Return an executed notebook with the prose of its present source.

    Parameters
    ----------
    executed
        As `tidy` returned it.
    source
        The notebook's source, whose code cells are the same.

    Returns
    -------
    NotebookNode
        Code cells as executed, all other cells and their order as in the source. Where the code
        of the two differs the executed notebook is returned as it is: it is stale, and its own
        prose belongs to it.
    """
    groups: dict[int, list[NotebookNode]] = {}
    for cell in executed["cells"]:
        if cell["cell_type"] == "code":
            groups.setdefault(cell["metadata"].get(POSITION, -1), []).append(cell)
    cells, position = [], 0
    for cell in source["cells"]:
        if cell["cell_type"] != "code":
            cells.append(cell)
            continue
        made = groups.pop(position, [])
        if not _same_code(made, cell):
            return executed
        cells += made
        position += 1
    if groups:
        return executed
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    executed["cells"] = cells
    return executed


def _same_code(made: list[NotebookNode], cell: NotebookNode) -> bool:
    """Return whether executed cells come from a code cell of the source as it is now."""
    if not made:
        return needs_archive(cell["source"])  # it was left out
    if "parameters" in cell["metadata"].get("tags", []):
        return True  # a run may have other values
    return made[0]["source"] == cell["source"]


def needs_archive(source: str) -> bool:
    """Return whether a cell does nothing without an archive: only ``if archive:`` blocks.

    The statement ``archive = run.archive(...)`` may stand before them.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # a magic command of Jupyter
        return False
    guarded = [
        isinstance(one, ast.If) and not one.orelse and ast.unparse(one.test) == "archive"
        for one in statements
    ]
    opened = [ast.unparse(one).startswith("archive = run.archive(") for one in statements]
    return any(guarded) and all(a or b for a, b in zip(guarded, opened, strict=True))


def with_values(source: str, parameters: Mapping[str, Any]) -> str:
    """Return a parameters cell with the values of a run in place of the defaults."""
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        if not isinstance(node, ast.AnnAssign) or node.value is None:
            continue
        name = ast.unparse(node.target)
        if name not in parameters or ast.literal_eval(node.value) == parameters[name]:
            continue
        first, last = node.value.lineno - 1, (node.value.end_lineno or node.value.lineno) - 1
        # Offsets of the syntax tree count bytes.
        head = lines[first].encode()[: node.value.col_offset].decode()
        tail = lines[last].encode()[node.value.end_col_offset :].decode()
        lines[first : last + 1] = [f"{head}{parameters[name]!r}{tail}"]
    return "\n".join(lines)


def _split(cell: NotebookNode, name: str) -> list[NotebookNode]:
    """Give every figure a cell of its own, because captions belong to cells, not to outputs."""
    groups: list[list[NotebookNode]] = [[]]
    for output in cell["outputs"]:
        if groups[-1] and (_is_figure(output) or _is_figure(groups[-1][-1])):
            groups.append([])
        groups[-1].append(output)
    cell["outputs"] = groups[0]
    _caption(cell, name)
    tags = ["remove-input", *(set(cell["metadata"].get("tags", [])) & _OF_OUTPUTS)]
    cells = [cell]
    for group in groups[1:]:
        further = new_code_cell(
            _CONTINUED,  # cells without any source would be left out of the page
            outputs=group,
            execution_count=cell["execution_count"],
            metadata={"tags": sorted(tags), POSITION: cell["metadata"][POSITION]},
        )
        _caption(further, name)
        cells.append(further)
    return cells


def _is_figure(output: NotebookNode) -> bool:
    return MARK in output.get("metadata", {})


def figure_label(page: str, name: str) -> str:
    """Return the label of a figure in the book.

    Examples
    --------
    >>> figure_label("10_coexpression", "units")
    'fig-10-coexpression-units'
    """
    return f"fig-{page}-{name}".replace("_", "-").lower()


def _caption(cell: NotebookNode, name: str) -> None:
    for output in cell["outputs"]:
        if not _is_figure(output):
            continue
        about = output["metadata"].pop(MARK)
        cell["metadata"]["mystnb"] = {
            "image": {"alt": about["alt"], "classes": f"narrowest-{about['narrowest']}"},
            "figure": {"caption": about["caption"], "name": figure_label(name, about["name"])},
        }
