"""Tests mirror modules: who looks for the tests of a module finds them by its name."""

from pathlib import Path

import pytest

PACKAGES = ("bookkit", "helpers", "papers")
OTHERWISE = {
    "bookkit/test_page_tests.py": "what the tests of a page leave in four modules",
    "datasets/test_real_files.py": "all loaders on the files that data sheets describe",
    "extraction/test_official.py": "parity of whole extractions with the published model",
    "extraction/test_words.py": "extraction from models that spell a gene in several tokens",
    "models/test_full_size.py": "published shapes through loading and extraction",
    "models/test_hand_set.py": "models whose attention is set by hand, of every family",
    "models/test_official.py": "parity of tokens, values and outputs with the published code",
    "papers/archives/test_readers.py": "all readers of archived files",
    "papers/test_ledger_mended.py": "verdicts that were wrong once, through the whole ledger",
    "scorecard/test_audit_parts.py": "audits that are cut off and go on, whichever module is hit",
    "scorecard/test_chapter.py": "the chapter for users does what it says",
    "scorecard/test_malformed.py": "what users give by mistake, whichever module meets it",
    "scorecard/test_mouse.py": "cells and networks of mouse through reading, scoring and audit",
}


def rooms(root: Path) -> set[str]:
    """Folders that mirror code; the others are themes: pages, the book, hostile input."""
    inside = (path.parent.name for path in (root / "src" / "helpers").glob("*/__init__.py"))
    return {*PACKAGES, *inside}


def mirrored(root: Path) -> list[str]:
    """Test files that stand for one module."""
    tests, known = root / "tests", rooms(root)
    found = (path.relative_to(tests) for path in tests.rglob("test_*.py"))
    return sorted(path.as_posix() for path in found if path.parts[0] in known)


def module_of(root: Path, test: str) -> Path:
    """The module, or room, that the file names."""
    path = Path(test)
    inside = root / "src" if path.parts[0] in PACKAGES else root / "src" / "helpers"
    return inside / path.with_name(path.stem.removeprefix("test_"))


def test_every_file_names_a_module_of_its_room(root):
    lost = [
        test
        for test in mirrored(root)
        if test not in OTHERWISE
        and not (module := module_of(root, test)).is_dir()
        and not module.with_suffix(".py").is_file()
    ]
    assert lost == [], "named after no module; name the reason in OTHERWISE if there is none"


def test_exceptions_are_still_some(root):
    assert set(OTHERWISE) <= set(mirrored(root)), "listed, but there is no such file any more"
    for test in OTHERWISE:
        assert not module_of(root, test).with_suffix(".py").is_file(), f"{test} names a module"


def test_every_room_has_tests(root):
    empty = {room for room in rooms(root) if not any((root / "tests" / room).rglob("test_*.py"))}
    assert empty <= {"interventions"}, "rooms without a test file"


@pytest.mark.parametrize("test", ["statistics/test_no_such.py", "papers/test_no_such.py"])
def test_a_file_of_no_module_is_seen(root, test):
    assert not module_of(root, test).with_suffix(".py").is_file()
    assert module_of(root, test).parent.is_dir()
