"""Run Sphinx for the book as ``jupyter-book build`` does, or for changed pages only.

Called as a program, because Sphinx keeps what it knows of a book for the life of its process. One
core: sphinx-proof says that pages may be read at once, but cannot put together what was read.
"""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from jupyter_book.sphinx import REDIRECT_TEXT, build_sphinx
from sphinx_external_toc.parsing import parse_toc_yaml


def main() -> int:
    """Build the book of a folder; return what Sphinx returns: 0 where nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bookkit.sphinx_run", description=__doc__)
    parser.add_argument("root", type=Path, help="folder with _config.yml and _toc.yml")
    parser.add_argument("--changed", action="store_true", help="only what has changed")
    chosen = parser.parse_args()
    root, html = chosen.root.resolve(), chosen.root.resolve() / "_build" / "html"
    contents = root / "_toc.yml"
    gc.set_threshold(100_000, 20)  # pages are many objects: looking for garbage takes a fifth
    done = build_sphinx(
        root,
        html,
        noconfig=True,
        path_config=root / "_config.yml",
        confoverrides={
            "external_toc_path": contents.as_posix(),
            "latex_individualpages": False,
            "nitpicky": True,
        },
        freshenv=not chosen.changed,
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    if not done:
        first = f"{parse_toc_yaml(contents).root.docname}.html"
        (html / "index.html").write_text(REDIRECT_TEXT.format(first_page=first), encoding="utf-8")
    return int(bool(done))


if __name__ == "__main__":
    sys.exit(main())
