"""One way to say that something malformed is refused, and leaves nothing behind."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.errors import HelpersError

JUNK = {
    "empty": b"",
    "a NUL byte": b"\0",
    "zeros after a power cut": b"\0" * 4096,
    "no JSON": b"{",
    "cut": b'{"a": 1, "b',
    "a list": b"[1, 2]",
    "a number": b"3",
    "null": b"null",
    "Latin-1": '{"\xe9": 1}'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "nested too deep": b'{"a":' * 100_000,
    "lists too deep": b"[" * 100_000,
    "HTML": b"<html><body>404</body></html>",
    "an LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "a huge number": b'{"a": ' + b"9" * 5000 + b"}",
}


class Payload:
    """Leaves a mark where it is run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def bomb(folder: Path) -> bytes:
    """A pickle that would make ``folder/RUN``."""
    return pickle.dumps(Payload(folder / "RUN"))


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refuses(action: Callable, folder: Path, words: str = "") -> str:
    """Assert that one clear error of ours is raised, nothing is left and nothing was run."""
    before = tree(folder)
    with pytest.raises(HelpersError, match=words) as caught:
        action()
    text = str(caught.value)
    assert len(text) > 20 and "Traceback" not in text and "object at 0x" not in text
    assert tree(folder) == before
    return text
