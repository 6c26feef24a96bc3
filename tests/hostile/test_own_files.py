"""Files that the project itself wrote, after a power cut, an editor or another version."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hostile_kit import JUNK, refuses

from bookkit import book, bookkeeping, fingerprint, recording
from bookkit.values import read_values
from helpers.datasets import cards
from helpers.datasets.orthologs import ortholog_table
from helpers.errors import DataError
from helpers.extraction.planned import PLAN, TOKENS, merge_jobs, read_plan, run_jobs
from helpers.extraction.token_store import open_tokens
from papers.answers import collect_links
from papers.archives.locate import read_json

NOTHING = {"an empty folder": None, **JUNK}
VALUES = {
    **JUNK,
    "a value that is a number": b'{"a": 3}',
    "a value of nothing": b'{"a": {}}',
    "a value that is a list": b'{"a": [{"value": 1}]}',
}


def put(path, content: bytes | None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if content is None else path.write_bytes(content)
    return path


@pytest.mark.parametrize("case", VALUES)
def test_values_of_a_page(tmp_path, case):
    path = put(tmp_path / "10_x" / "values.json", VALUES[case])
    text = refuses(lambda: read_values(path), tmp_path)
    assert "run it again: helpers run 10_x --force" in text


LINKS = VALUES | {"a claim that is none": b'{"a": {"value": 1, "claim": 3}}'}


@pytest.mark.parametrize("case", LINKS)
def test_answers_to_claims(tmp_path, case):
    put(tmp_path / "10_x" / "values.json", LINKS[case])
    assert "helpers run 10_x" in refuses(lambda: collect_links(tmp_path, ["10_x"]), tmp_path)


GOOD = {"fingerprint": "f", "files": [], "minutes": 0.1, "declares": []}
RUNS = {
    **{name: ("run.json", content) for name, content in NOTHING.items()},
    "no files": ("run.json", b'{"fingerprint": "f"}'),
    "files of another kind": ("run.json", b'{"fingerprint": "f", "files": [3]}'),
    "files that are a number": ("run.json", b'{"fingerprint": "f", "files": 3}'),
    **{f"values: {name}": ("values.json", content) for name, content in JUNK.items()},
    **{f"tests: {name}": ("tests.jsonl", c) for name, c in JUNK.items() if name != "empty"},
}


@pytest.mark.parametrize("case", RUNS)
def test_a_page_whose_results_are_damaged_is_run_again(tmp_path, case, caplog):
    for name, content in {"run.json": GOOD, "values.json": {}}.items():
        put(tmp_path / "10_x" / name, json.dumps(content).encode())
    assert fingerprint.is_current(tmp_path / "10_x", "f")
    name, content = RUNS[case]
    (tmp_path / "10_x" / name).unlink(missing_ok=True)
    put(tmp_path / "10_x" / name, content)
    assert not fingerprint.is_current(tmp_path / "10_x", "f")
    assert "run again" in caplog.text


@pytest.mark.parametrize("case", [case for case in RUNS if RUNS[case][0] != "values.json"])
def test_the_bookkeeping_of_damaged_results(tmp_path, case):
    name, content = RUNS[case]
    put(tmp_path / "10_x" / "run.json", json.dumps(GOOD).encode())
    (tmp_path / "10_x" / name).unlink(missing_ok=True)
    put(tmp_path / "10_x" / name, content)
    refuses(lambda: bookkeeping.bookkeeping(tmp_path, ["10_x"]), tmp_path)


@pytest.mark.parametrize("case", JUNK)
def test_the_words_of_the_last_build_and_facts_of_cards_are_made_again(tmp_path, case, monkeypatch):
    path = put(tmp_path / "words.json", JUNK[case])
    monkeypatch.setattr(book, "words_of", lambda results: {})
    book._report(path, None)
    assert json.loads(path.read_text()) == {}
    monkeypatch.setattr(cards, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(cards, "load", lambda name: None)
    monkeypatch.setattr(cards, "cell_facts", lambda cells: {"cells": 3})
    assert cards.counted("baron-human") == {"cells": 3}
    (kept,) = (tmp_path / "cards").iterdir()
    kept.write_bytes(JUNK[case])
    assert cards.counted("baron-human") == {"cells": 3}


@pytest.mark.parametrize("case", NOTHING)
def test_the_context_of_a_run(tmp_path, case, monkeypatch):
    path = put(tmp_path / "context.json", NOTHING[case])
    monkeypatch.setenv(recording.CONTEXT, str(path))
    refuses(lambda: recording.page("10_coexpression"), tmp_path)


@pytest.mark.parametrize("case", sorted({*NOTHING} - {"a list", "a number", "null"}))
def test_json_of_archives(tmp_path, case):
    path = put(tmp_path / "a.json", NOTHING[case])
    refuses(lambda: read_json(path), tmp_path)


@pytest.mark.parametrize("case", JUNK)
def test_orthologs(tmp_path, case):
    path = put(tmp_path / "pairs.tsv", JUNK[case])
    refuses(lambda: ortholog_table(str(path)), tmp_path)


@pytest.mark.parametrize("case", NOTHING)
def test_plans(tmp_path, case):
    put(tmp_path / PLAN, NOTHING[case])
    for action in (read_plan, run_jobs, merge_jobs):
        refuses(lambda do=action: do(tmp_path), tmp_path)


def tokens(folder):
    folder = folder / TOKENS
    folder.mkdir()
    meta = {"dtypes": {"ids": "<i8", "genes": "<i8"}, "genes": ["A", "B"], "digest": "0"}
    (folder / "tokens.json").write_text(json.dumps(meta))
    np.save(folder / "ends.npy", np.array([0, 2, 3]))
    np.save(folder / "cells.npy", np.arange(2))
    for name in ("ids", "genes"):
        np.array([0, 1, 0]).tofile(folder / f"{name}.bin")
    return folder


def header(shape: str) -> bytes:
    words = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    words = words.ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(words).to_bytes(2, "little") + words


STORED = {
    **{f"{file}: {name}": (file, content) for file in ("tokens.json", "ends.npy", "cells.npy")
       for name, content in JUNK.items()},
    "ends of objects": ("ends.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}"),
    "a trillion ends": ("ends.npy", header("(1000000000000,)")),
    "no such type": ("tokens.json", b'{"dtypes": {"ids": "magic"}, "genes": [], "digest": ""}'),
    "types of objects": ("tokens.json", b'{"dtypes": {"ids": "O"}, "genes": [], "digest": ""}'),
    "ids cut": ("ids.bin", b"\0" * 7),
    "no genes": ("genes.bin", b""),
}  # fmt: skip


@pytest.mark.parametrize("case", STORED)
def test_stored_tokens(tmp_path, case):
    folder = tokens(tmp_path)
    assert len(open_tokens(folder)) == 2
    name, content = STORED[case]
    (folder / name).write_bytes(content)
    refuses(lambda: open_tokens(folder), tmp_path)


@pytest.mark.parametrize("ends", [[0, 3, 2], [1, 2, 3], [0, 3], [0, 1, 2, 3], [0, -2, 3]])
def test_ends_of_tokens_that_do_not_fit(tmp_path, ends):
    folder = tokens(tmp_path)
    np.save(folder / "ends.npy", np.array(ends))
    with pytest.raises(DataError, match="plan again"):
        open_tokens(folder)
