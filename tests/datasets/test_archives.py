from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from helpers.datasets import archives
from helpers.datasets.archives import read_member
from helpers.errors import DataError


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], link: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize("make", [zipped, tarred])
def test_one_member_is_read_from_bytes_and_from_a_file(make, tmp_path: Path):
    data = make({"a/b.txt": b"text", "c": b"other"})
    assert read_member(data, "a/b.txt") == b"text"
    path = tmp_path / "archive"
    path.write_bytes(data)
    assert read_member(path, "c") == b"other"
    assert [p.name for p in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_missing_member_is_named(make):
    with pytest.raises(DataError, match=r"set\.zip has no member 'x'"):
        read_member(make({"a": b""}), "x", source="set.zip")


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../evil", "a\\..\\evil"])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_names_that_leave_the_archive_are_not_read(make, name):
    with pytest.raises(DataError, match="leaves the archive"):
        read_member(make({name: b"evil"}), name)


def test_links_and_folders_are_not_read():
    with pytest.raises(DataError, match="not a plain file"):
        read_member(tarred({}, link="link"), "link")
    with pytest.raises(DataError, match="not a plain file"):
        read_member(zipped({"folder/": b""}), "folder/")


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.7])
def test_a_truncated_archive_is_damaged(make, kept):
    data = make({"a": bytes(range(256)) * 100, "b": b"z" * 10_000})
    with pytest.raises(DataError, match="is damaged"):
        read_member(data[: int(kept * len(data))], "a", source="set")


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    for make in (zipped, tarred):
        with pytest.raises(DataError, match="would unpack to 1,001 bytes"):
            read_member(make({"a": b"\0" * 1001}), "a")
