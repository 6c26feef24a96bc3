"""Bring into place what the book is built from: executed notebooks and generated pages."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

import nbformat

from bookkit import api, assets, citation, exercises, notebooks
from bookkit.provenance import FILE
from bookkit.publish import with_prose
from helpers.files import atomic_write, project_root, results_dir

FOLDER = "pages"
CARDS = {"data": "helpers.datasets.cards", "model": "bookkit.model_cards"}
"""Kind of card -> module whose ``cards()`` returns name -> Markdown, title included."""


def results_of(name: str, profile: str, overlay: str | None = None) -> Path:
    """Return the folder of a notebook's results, the overlay's if it has one."""
    if overlay and (results_dir() / overlay / name / FILE).is_file():
        return results_dir() / overlay / name
    return results_dir() / profile / name


def missing(profile: str, overlay: str | None = None) -> list[str]:
    """Return the notebooks that have no result yet."""
    return [n for n in notebooks.names() if not (results_of(n, profile, overlay) / FILE).is_file()]


def stage(root: Path, profile: str, overlay: str | None = None) -> list[str]:
    """Put executed notebooks, generated pages and assets where the configuration expects them.

    Files that would not change are left alone, so that builds can be incremental.

    Parameters
    ----------
    root
        Folder with ``_config.yml`` and ``_toc.yml``.
    profile, overlay
        Whose results to take.

    Returns
    -------
    list of str
        Names of the pages from notebooks.
    """
    assets.bring_all(root)
    pages = {}
    for name in notebooks.names():
        folder = results_of(name, profile, overlay)
        if (folder / FILE).is_file():
            executed = nbformat.read(folder / f"{name}.ipynb", as_version=4)
            pages[f"{name}.ipynb"] = nbformat.writes(with_prose(executed, notebooks.load(name)))
    names = [name.removesuffix(".ipynb") for name in pages]
    pages["exercises.md"] = exercise_index(names)
    if (root / citation.FILE).is_file():
        pages["cite.md"] = citation.page(root)
    pages |= {f"api_{room}.md": text for room, text in api.pages().items()}
    for kind, module in CARDS.items():
        for name, text in import_module(module).cards().items():
            pages[f"card_{kind}_{name}.md".replace("-", "_")] = text
    _write(root / FOLDER, pages)
    return names


def _write(folder: Path, pages: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and path.name.startswith("."):  # of a killed build; Sphinx would read it
            shutil.rmtree(path)
        elif path.is_file() and path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            with atomic_write(path) as temporary:
                temporary.write_text(text, encoding="utf-8")


def exercise_index(names: list[str]) -> str:
    """Return a Markdown page that lists the exercises of the given notebooks."""
    lines = [
        "(exercises)=",
        "# Exercises",
        "",
        "Every exercise of the book, with its difficulty and the time to allow.",
        "Solutions are folded below each exercise.",
        "",
    ]
    found = [one for name in names for one in exercises.of_page(name)]
    if not found:
        return "\n".join([*lines, "No page with exercises has been run yet.", ""])
    minutes = sum(int(one.minutes or 0) for one in found)
    lines += [f"{len(found)} exercises, about {minutes / 60:.0f} hours.", ""]
    lines += ["| exercise | page | difficulty | minutes |", "|---|---|---|---|"]
    lines += [_exercise_row(one) for one in found]
    return "\n".join(lines) + "\n"


def _exercise_row(one: exercises.Exercise) -> str:
    title = one.title or "Exercise"
    link = f"[{title}](#{one.label})" if one.label else title
    return f"| {link} | {{doc}}`{one.page}` | {one.difficulty} | {one.minutes} |"


def first_page(root: Path | None = None) -> Path:
    """Return the HTML page that the book begins with."""
    return (root or project_root()) / "_build" / "html" / "index.html"
