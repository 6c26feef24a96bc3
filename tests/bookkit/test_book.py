"""When the book is built: not at all, the changed pages, or everything."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from bookkit import book, notebooks, staging

CHAPTER, PAGE = "book/chapter.md", "00_first"


@pytest.fixture
def built(root, tmp_path, results, monkeypatch):
    """A project whose pages have run, and the calls of Sphinx that builds have made."""
    source = root / "tests" / "fixture_book"
    for folder in ("notebooks", "params"):
        shutil.copytree(source / folder, tmp_path / folder)
        monkeypatch.setenv(f"HELPERS_{folder.upper()}_DIR", str(tmp_path / folder))
    (tmp_path / "book").mkdir()
    (tmp_path / CHAPTER).write_text("# A chapter\n")
    for name in notebooks.names():
        folder = results / "demo" / name
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
        (folder / "values.json").write_text("{}")
    calls = []

    def sphinx(command, **options):
        calls.append(command[3:])
        first = staging.first_page(tmp_path)
        first.parent.mkdir(parents=True, exist_ok=True)
        first.touch()
        wrong = "wrong" in (tmp_path / CHAPTER).read_text()
        return subprocess.CompletedProcess(command, int(wrong), "", "WARNING: something")

    monkeypatch.setattr(book.subprocess, "run", sphinx)
    monkeypatch.setattr(book, "stale", lambda profile: [])
    monkeypatch.setattr(staging, "stage", lambda *_: None)

    def build() -> list[str] | None:
        """What Sphinx was asked for; nothing where it was not asked."""
        calls.clear()
        book.build("demo", root=tmp_path)
        assert book.is_current("demo", tmp_path)
        return calls[0] if calls else None

    return tmp_path, build


def test_a_second_build_does_nothing(built):
    folder, build = built
    assert not book.is_current("demo", folder)
    assert build() == [str(folder)] and build() is None


def test_a_changed_result_or_sentence_concerns_its_page(built, results):
    folder, build = built
    build()
    (results / "demo" / PAGE / "values.json").write_text('{"a": {"value": 1}}')
    assert not book.is_current("demo", folder)
    assert build() == [str(folder), "--changed"] and build() is None
    source = folder / "notebooks" / f"{PAGE}.md"
    source.write_text(source.read_text() + "\nOne more sentence.\n")
    assert build() == [str(folder), "--changed"]


def test_a_heading_or_a_chapter_concerns_all_pages(built):
    folder, build = built
    build()
    source = folder / "notebooks" / f"{PAGE}.md"
    source.write_text(source.read_text() + "\n## One more heading\n")
    assert build() == [str(folder)]
    (folder / CHAPTER).write_text("# Another chapter\n")
    assert build() == [str(folder)] and build() is None


def test_after_a_failure_everything_is_built(built):
    folder, build = built
    build()
    (folder / CHAPTER).write_text("# A wrong chapter\n")
    with pytest.raises(book.RunError):
        build()
    (folder / CHAPTER).write_text("# A chapter\n")
    assert build() == [str(folder)], "pages of the failed build are not to be trusted"


def test_a_page_that_is_stale_is_not_current(built, monkeypatch):
    folder, build = built
    build()
    monkeypatch.setattr(book, "stale", lambda profile: [PAGE])
    assert not book.is_current("demo", folder)
