"""Archives and R objects: damaged, encrypted, far larger than they look, or no files at all."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
import zlib

import pytest
import rdata
from hostile_kit import JUNK, bomb, refuses

from helpers.datasets.archives import read_member
from helpers.datasets.robjects import load_r_objects

MEMBER = "pack/cells.csv"


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, b"a,b\n" * 500)
    return held.getvalue()


def tarred(size: int = 2000, name: str = MEMBER, kind: bytes = tarfile.REGTYPE) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.type = size, kind
        archive.addfile(entry, io.BytesIO(b"a" * size))
    return held.getvalue()


def patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """Change some bytes behind every header of a zip that begins with `signature`."""
    at = data.find(signature)
    while at >= 0:
        data = data[: at + offset] + value + data[at + offset + len(value) :]
        at = data.find(signature, at + 1)
    return data


def headers(data: bytes, offset: int, value: bytes) -> bytes:
    """Change a field that both the local (at `offset`) and the central header (2 behind) hold."""
    data = patched(data, b"PK\x03\x04", offset, value)
    return patched(data, b"PK\x01\x02", offset + 2, value)


def bomb_header(size: int = 3 * 10**9) -> bytes:
    """A tar that says it holds far more than it does."""
    entry = tarfile.TarInfo("pack/other.bin")
    entry.size = size
    return gzip.compress(entry.tobuf() + b"\0" * 4096)


def zeros(gigabytes: float) -> bytes:
    """Gzipped zeros, a thousandth of their size."""
    packer, parts = zlib.compressobj(1, zlib.DEFLATED, 31), []
    for _ in range(int(gigabytes * 1000)):
        parts.append(packer.compress(bytes(1_000_000)))
    return b"".join([*parts, packer.flush()])


ARCHIVES = {
    **JUNK,
    "cut zip": zipped()[:-40],
    "zip without its end": zipped()[:60],
    "encrypted zip": headers(zipped(), 6, b"\x01\x00"),
    "zip of a method that nobody knows": headers(zipped(), 8, b"\x63\x00"),
    "zip of a wrong checksum": headers(zipped(), 14, b"\x01\x02\x03\x04"),
    "zip that says it is larger": headers(zipped(), 22, b"\xff\xff\xff\x7f"),
    "zip whose member is elsewhere": patched(zipped(), b"PK\x01\x02", 42, b"\xff\xff\x00\x00"),
    "cut tar": tarred()[:-30],
    "a folder in a tar": tarred(0, kind=tarfile.DIRTYPE),
    "a link in a tar": tarred(0, kind=tarfile.SYMTYPE),
    "a pipe in a tar": tarred(0, kind=tarfile.FIFOTYPE),
    "a device in a tar": tarred(0, kind=tarfile.CHRTYPE),
    "tar of another member": tarred(name="pack/other.csv"),
    "tar with a bomb before the member": bomb_header(),
    "xz that is none": b"\xfd7zXZ\0" + b"\0" * 60,
    "bzip2 that is none": b"BZh9" + b"\0" * 60,
    "an empty zip": b"PK\x05\x06" + b"\0" * 18,
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_archives(tmp_path, case):
    (tmp_path / "pack.zip").write_bytes(ARCHIVES[case])
    refuses(lambda: read_member(tmp_path / "pack.zip", MEMBER), tmp_path)


@pytest.mark.parametrize(
    "member",
    ["", "/etc/passwd", "../x", "pack/../../x", "a\\b", "pack/", "x" * 5000, "pack/cells.csv/a"],
)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_names_of_members(tmp_path, make, member):
    (tmp_path / "pack").write_bytes(make())
    refuses(lambda: read_member(tmp_path / "pack", member), tmp_path)


NO_FILES = {
    "missing": lambda p: None,
    "a folder": lambda p: p.mkdir(),
    "a pipe": os.mkfifo,
    "endless zeros": lambda p: p.symlink_to("/dev/zero"),
    "a link to itself": lambda p: p.symlink_to(p.name),
    "larger than memory": lambda p: (p.touch(), os.truncate(p, 10**12)),
}


@pytest.mark.parametrize("read", [lambda p: read_member(p, MEMBER), load_r_objects])
@pytest.mark.parametrize("case", NO_FILES)
def test_what_is_no_file(tmp_path, case, read):
    NO_FILES[case](tmp_path / "pack")
    refuses(lambda: read(tmp_path / "pack"), tmp_path)


@pytest.fixture(scope="module")
def rds(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("r") / "x.rds"
    rdata.write_rds(path, {"a": [1, 2, 3], "b": "text"}, compression=None)
    return path.read_bytes()


R_FILES = {
    **{name: (lambda good, data=data: data) for name, data in JUNK.items()},
    "cut": lambda good: good[: len(good) // 2],
    "a length of minus nine": lambda good: good.replace(b"\0\0\0\x02", b"\xff\xff\xff\xf7", 1),
    "a huge length": lambda good: good[:-40] + b"\x7f\xff\xff\xff" * 10,
    "another version": lambda good: good[:5] + b"\x63" + good[6:],
    "no type of R": lambda good: good[:14] + b"\xee" * 12 + good[26:],
    "gzip that ends": lambda good: gzip.compress(good)[:-12],
    "bzip2 that ends": lambda good: bz2.compress(good)[:-12],
    "xz that ends": lambda good: lzma.compress(good)[:-12],
    "gzip of a wrong checksum": lambda good: gzip.compress(good)[:-8] + b"\0" * 8,
    "0.6 GB of gzipped zeros": lambda good: zeros(0.6),
    "RDX without more": lambda good: b"RDX3\nX\n",
}


@pytest.mark.parametrize("case", R_FILES)
def test_r_objects(tmp_path, rds, case):
    (tmp_path / "x.rds").write_bytes(R_FILES[case](rds))
    refuses(lambda: load_r_objects(tmp_path / "x.rds"), tmp_path)


def test_a_pickle_is_no_archive_and_no_object_of_r(tmp_path):
    (tmp_path / "x").write_bytes(bomb(tmp_path))
    refuses(lambda: load_r_objects(tmp_path / "x"), tmp_path)
    refuses(lambda: read_member(tmp_path / "x", MEMBER), tmp_path)
    assert not (tmp_path / "RUN").exists()
