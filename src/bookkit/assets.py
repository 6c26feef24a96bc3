"""Scripts that the book's pages need, brought in at build time so that pages load nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

from helpers.datasets.catalogue import Artefact
from helpers.datasets.fetch import fetch
from helpers.files import atomic_write, project_root

MATHJAX = Artefact(
    name="mathjax",
    version="3.2.2",
    kind="wheel",
    source="django-static-mathjax==3.2.2.1",
    path="django_static_mathjax-3.2.2.1-py3-none-any.whl",
    sha256="05ad109fd9e5d9d380c76389689b7f523e9ccb7f7a85c1eb962c7564eac7601d",
    bytes=10249768,
    licence="Apache-2.0",
    citation="MathJax 3.2.2, the MathJax Consortium",
    note="Draws the formulas; a wheel is the copy that pip can fetch by hash.",
)
AXE = Artefact(
    name="axe-core",
    version="4.12.1",
    kind="wheel",
    source="axe-playwright-python==0.1.8",
    path="axe_playwright_python-0.1.8-py3-none-any.whl",
    sha256="fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8",
    bytes=160681,
    licence="MPL-2.0",
    citation="axe-core, Deque Systems",
    note="Rules of accessibility for the tests; a wheel is the copy that pip can fetch by hash.",
)
_ROOT = "mathjax/static/mathjax/"
_WANTED = (
    "es5/tex-mml-chtml.js",
    "es5/output/chtml/fonts/",
    "es5/input/tex/extensions/",
    "LICENSE",
)
_UNREAD = ("es5/output/chtml/fonts/tex.js", "es5/input/tex/extensions/all-packages.js")
"""Contained in the main script, or never loaded by itself."""


def bring_mathjax(static: Path) -> Path:
    """Unpack the parts of MathJax that pages use into ``static/mathjax``; return that folder.

    Raises
    ------
    DataError
        If it is neither in the cache nor to be fetched.
    """
    folder = static / "mathjax"
    stamp, content = folder / "sha256.txt", f"{MATHJAX.sha256} without {_UNREAD}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == content:
        return folder
    with zipfile.ZipFile(fetch(MATHJAX)) as archive, atomic_write(folder) as temporary:
        for name in archive.namelist():
            inside = name.removeprefix(_ROOT)
            wanted = name.startswith(_ROOT) and inside.startswith(_WANTED)
            if wanted and not inside.endswith(("/", *_UNREAD)):
                target = temporary / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
        (temporary / stamp.name).write_text(content, encoding="utf-8")
    return folder


def axe() -> str:
    """Return the script that looks for barriers in a page; only the tests use it.

    Raises
    ------
    DataError
        If it is neither in the cache nor to be fetched.
    """
    with zipfile.ZipFile(fetch(AXE)) as archive:
        return archive.read("axe_playwright_python/axe.min.js").decode("utf-8")


def bring_all(root: Path | None = None) -> None:
    """Bring every script into ``book/_static`` of a checkout.

    Raises
    ------
    DataError
        If one is neither in the cache nor to be fetched.
    """
    bring_mathjax((root or project_root()) / "book" / "_static")
