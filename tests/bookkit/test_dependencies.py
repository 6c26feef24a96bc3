"""What a result depends on: our own files, data that was read, and how that is noticed."""

import json
import os
import time

import pytest

from bookkit import dependencies, fingerprint, notebooks, provenance
from bookkit.book import stale
from bookkit.files_read import describe, unchanged, watch
from helpers.errors import RunError
from papers import dependencies as of_papers


@pytest.fixture
def package(tmp_path):
    root = tmp_path / "helpers"
    content = {
        "__init__.py": "",
        "alone.py": "x = 1",
        "a/__init__.py": "from helpers.b.deep import f",
        "a/one.py": "def g():\n    from helpers.c import h  # late",
        "b/__init__.py": "",
        "b/deep.py": "name = 'named.csv'",
        "b/other.py": "name = 'foreign.csv'",
        "b/named.csv": "1",
        "b/foreign.csv": "2",
        "b/shipped/weights.bin": "3",
        "c.py": "import helpers.alone",
        "d/__init__.py": "",
    }
    for name, text in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def names(package, *modules):
    return {p.relative_to(package).as_posix() for p in dependencies.files_of(set(modules), package)}


def test_imports_are_followed(package):
    found = names(package, "helpers.a.one.g")
    assert found == {
        "__init__.py",
        "alone.py",
        "a/__init__.py",
        "a/one.py",
        "b/__init__.py",
        "b/deep.py",
        "b/named.csv",
        "b/shipped/weights.bin",
        "c.py",
    }
    assert "b/foreign.csv" in names(package, "helpers.b.other")
    assert names(package, "helpers.d") == {"__init__.py", "d/__init__.py"}


def test_digest_changes_with_content_only(package):
    files = dependencies.files_of({"helpers.a"}, package)
    before = dependencies.digest(files, package)
    os.utime(package / "b" / "deep.py", (1, 1))
    assert dependencies.digest(files, package) == before
    (package / "b" / "deep.py").write_text("changed")
    assert dependencies.digest(files, package) != before


def test_modules_of_a_notebook():
    cells = [
        {"cell_type": "markdown", "source": "import helpers.no"},
        {
            "cell_type": "code",
            "source": "%pylab\nfrom helpers.a import b\nimport numpy",
        },
        {"cell_type": "code", "source": "import helpers.c as c"},
    ]
    found = dependencies.modules_of_notebook({"cells": cells}, "x")
    assert found == {"helpers.a", "helpers.a.b", "helpers.c"}
    with pytest.raises(RunError, match="cell 1"):
        dependencies.modules_of_notebook({"cells": [{"cell_type": "code", "source": "def"}]}, "x")


def test_reading_is_noticed_and_writing_is_not(tmp_path):
    for name in ("read.txt", "unread.txt", "own/read.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    watched = watch([tmp_path], besides=tmp_path / "own")
    (tmp_path / "read.txt").read_text()
    (tmp_path / "own" / "read.txt").read_text()
    (tmp_path / "written.txt").write_text("x")
    found = watched.files()
    watch([], besides=tmp_path)
    assert [f["path"] for f in found] == [str(tmp_path / "read.txt")]


def test_unchanged_compares_content(tmp_path):
    path, cache = tmp_path / "a.txt", tmp_path / "cache"
    path.write_text("one")
    known = [describe(path)]
    assert unchanged(known, cache)
    later = time.time() + 10
    os.utime(path, (later, later))
    assert unchanged(known, cache)
    path.write_text("two")
    os.utime(path, (later + 10, later + 10))
    assert not unchanged(known, cache)
    path.unlink()
    assert not unchanged(known, cache)
    assert unchanged(known, tmp_path)


def test_another_version_of_a_package_makes_a_result_old(root, results, monkeypatch):
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(root / "tests" / "fixture_book" / "notebooks"))
    monkeypatch.setenv("HELPERS_PARAMS_DIR", str(root / "tests" / "fixture_book" / "params"))
    given = notebooks.settled("00_first", "demo")
    now = fingerprint.parts("00_first", "demo", given)["fingerprint"]
    stamp = fingerprint.stamp("00_first", "demo")
    folder = results / "demo" / "00_first"
    folder.mkdir(parents=True)
    (folder / provenance.FILE).write_text(json.dumps({"fingerprint": now, "files": []}))
    (folder / "values.json").write_text("{}")  # as every run leaves one
    assert fingerprint.is_current(folder, now) and "00_first" not in stale("demo")
    real = provenance.version
    monkeypatch.setattr(
        provenance, "version", lambda name: "0.0" if name == "numpy" else real(name)
    )
    assert fingerprint.parts("00_first", "demo", given)["fingerprint"] != now
    assert fingerprint.stamp("00_first", "demo") != stamp
    assert "00_first" in stale("demo")


def test_archives_that_arrive_or_go_make_a_result_old(root, results, monkeypatch):
    """Of the pages whose code can read them, and of no other."""
    reads, reads_not = "20_scaling", "00_first"
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(results.parent / "notebooks"))
    monkeypatch.setenv("HELPERS_PARAMS_DIR", str(root / "tests" / "fixture_book" / "params"))
    (results.parent / "notebooks").mkdir()
    source = root / "tests" / "fixture_book" / "notebooks" / "00_first.md"
    plain = source.read_text()
    code = "from papers.archives.confound import FILES\nimport numpy as np"
    (results.parent / "notebooks" / f"{reads_not}.md").write_text(plain)
    (results.parent / "notebooks" / f"{reads}.md").write_text(
        plain.replace("import numpy as np", code)
    )
    here = {"confound": "absent", "attention": "absent"}

    def states(readers):
        return {name: state for name, state in here.items() if name in readers}

    monkeypatch.setattr(of_papers, "availability", states)

    def finish():
        for name in (reads, reads_not):
            found = fingerprint.parts(name, "demo", notebooks.settled(name, "demo"))
            folder = results / "demo" / name
            folder.mkdir(parents=True, exist_ok=True)
            kept = {"fingerprint": found["fingerprint"], "files": []}
            (folder / provenance.FILE).write_text(json.dumps(kept))
            (folder / "values.json").write_text("{}")
            fingerprint.stamp(name, "demo").parent.mkdir(exist_ok=True)
            fingerprint.stamp(name, "demo").touch()

    finish()
    without = fingerprint.stamp(reads, "demo")
    assert without.is_file() and stale("demo") == []
    here["attention"] = "a" * 64
    assert fingerprint.stamp(reads, "demo").is_file(), "it reads another archive"
    here["confound"] = "b" * 64
    assert stale("demo") == [reads]
    assert not fingerprint.stamp(reads, "demo").exists()
    assert fingerprint.stamp(reads_not, "demo").is_file()
    finish()
    here["confound"] = "absent"
    assert stale("demo") == [reads]
    assert fingerprint.stamp(reads, "demo") == without
    assert not without.exists(), "a marker of the earlier run without archives"
