"""Results of pages for tests that ask what a page found: the book's, where they are current."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bookkit import fingerprint, notebooks, runner
from helpers.files import results_dir

BOOK = results_dir() / "demo"
"""Results of the book, wherever a test then lets results be written."""


def book_result(name: str) -> Path | None:
    """Return the folder of the book's result, if it is that of the present code and data."""
    folder = BOOK / name
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPERS_RESULTS_DIR", str(BOOK.parent))
        parts = fingerprint.parts(name, "demo", notebooks.settled(name, "demo"))
        return folder if fingerprint.is_current(folder, parts["fingerprint"]) else None


def result_of(name: str, archive: bool = False) -> Path:
    """Return the book's result, or make one with the smallest parameters.

    With `archive`, one in which the archived files of the paper were present.
    """
    folder = book_result(name)
    if folder and (not archive or values_of(folder)["archive/present"]["value"]):
        return folder
    return runner.run(name, profile="smoke").folder


def values_of(folder: Path) -> dict:
    """Return what the page has stored."""
    return json.loads((folder / "values.json").read_text(encoding="utf-8"))
