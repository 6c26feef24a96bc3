"""Results of pages for tests that ask what a page found: the book's, where they are current."""

from __future__ import annotations

import json
from collections.abc import Callable
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


def smoke_run(folder: Path, name: str) -> Path:
    """Return a run with the smallest parameters below `folder`, made unless it is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPERS_RESULTS_DIR", str(folder))
        return runner.run(name, profile="smoke").folder


def values_of(folder: Path) -> dict:
    """Return what the page has stored."""
    return json.loads((folder / "values.json").read_text(encoding="utf-8"))


def rows_of(folder: Path) -> dict:
    """Return the tests of a page by their names and variants."""
    rows = map(json.loads, (folder / "tests.jsonl").read_text(encoding="utf-8").splitlines())
    return {f"{row['test_id']} {row['variant']}": row for row in rows}


def assert_same_twice(first: Path, second: Path, apart: Callable[[str, dict], bool]) -> None:
    """Assert that what the second run gave, but for what is `apart`, the first gave to the byte."""
    for read in (values_of, rows_of):
        known = read(first)
        again = {key: entry for key, entry in read(second).items() if not apart(key, entry)}
        assert again or read is rows_of
        assert json.dumps(again) == json.dumps({key: known.get(key) for key in again})
