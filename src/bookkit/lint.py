"""Check notebook sources: ``python -m bookkit.lint FILE...``.

Code cells are checked with ruff, without changing their format; every exercise has a title, a
difficulty and minutes. A page that declares its tests in a file beside it follows the rules of
`bookkit.page_rules`, and its file those of `bookkit.declared`; the cells of other
pages are at most ten lines long, not counting imports and parameters.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import jupytext
from nbformat import NotebookNode

from bookkit import exercises, page_rules
from bookkit.declared import load
from helpers.errors import RegistryError

LONGEST = 10
_IGNORED = "B018,D,E402,F704,INP"


def problems(path: Path) -> list[str]:
    """Return what is wrong in one notebook, as lines of text."""
    notebook = jupytext.read(path)
    found = (
        _declared(path, notebook) if path.with_suffix(".yaml").is_file() else _short(path, notebook)
    )
    for exercise in exercises.of_text(path.stem, path.read_text(encoding="utf-8")):
        found += exercise.problems()
    return found + _ruff(path, notebook)


def _declared(path: Path, notebook: NotebookNode) -> list[str]:
    found = [f"{path}: cell {number}: {text}" for number, text in page_rules.problems(notebook)]
    try:
        load(path.with_suffix(".yaml"))
    except RegistryError as error:
        found.append(str(error))
    return found


def _short(path: Path, notebook: NotebookNode) -> list[str]:
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code" or "parameters" in cell.metadata.get("tags", []):
            continue
        lines = [line for line in cell.source.splitlines() if line.strip()]
        imports = any(line.startswith(("import ", "from ")) for line in lines)
        if len(lines) > LONGEST and not imports:
            found.append(f"{path}: cell {number} has {len(lines)} lines; at most {LONGEST}")
    return found


def _ruff(path: Path, notebook: NotebookNode) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{path.stem}.ipynb"
        jupytext.write(notebook, copy)
        command = [str(Path(sys.executable).with_name("ruff")), "check", "--output-format=concise"]
        command += ["--config", "pyproject.toml", "--extend-ignore", _IGNORED, str(copy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if done.returncode and copy.name in line]


def main(names: list[str]) -> int:
    """Print the problems of the named notebooks, or of all; return the exit code."""
    paths = [Path(name) for name in names] or sorted(Path("notebooks").glob("*.md"))
    found = [problem for path in paths for problem in problems(path)]
    sys.stdout.write("".join(f"{problem}\n" for problem in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
