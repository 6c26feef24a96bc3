"""The files of the pages' tables, beside the pages that link to them."""

from __future__ import annotations

import shutil
from pathlib import Path

from bookkit import notebooks, staging

FOLDER = Path("_static") / "tables"


def copy(html: Path, profile: str, overlay: str | None = None) -> list[Path]:
    """Copy ``tables/*.csv`` of every notebook to ``_static/tables/NOTEBOOK``; return the copies."""
    made = []
    for name in notebooks.names():
        target = html / FOLDER / name
        for path in sorted((staging.results_of(name, profile, overlay) / "tables").glob("*.csv")):
            target.mkdir(parents=True, exist_ok=True)
            made.append(Path(shutil.copyfile(path, target / path.name)))
    return made
