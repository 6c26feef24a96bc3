"""Bring an artefact of the catalogue to this machine: mirror, cache, then pip or one URL."""

from __future__ import annotations

import csv
import logging
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import pooch
import requests

from helpers.alone import in_turn, remove_leftovers
from helpers.datasets.catalogue import Artefact, artefact
from helpers.errors import DataError, UnreachableError
from helpers.files import atomic_write, data_dir, sha256_of
from helpers.schema import foreign

VARIABLE = "HELPERS_DATA_MIRROR"


log = logging.getLogger(__name__)

# Build backends that the registered source distributions name, replaced by ``no_build``.
BACKENDS = ("setuptools/build_meta.py", "hatchling/build.py")

CONNECT_SECONDS = 15
"""How long an origin may take to answer at all."""


def artefact_path(name: str) -> Path:
    """Return the local path of a registered artefact, fetching it when needed.

    Raises
    ------
    DataError
        Unknown name, no network, or a checksum that does not match.
    """
    return fetch(artefact(name))


def fetch(item: Artefact) -> Path:
    """Return the path of a file with the artefact's checksum.

    The mirror directory is searched first, then the cache, then the origin. A cached file with
    another checksum is removed and fetched again; nothing else is ever written to the cache than a
    complete file with the right checksum.
    """
    if item.kind == "installed":
        return _installed(item)
    if found := find_in_mirror(item.path, item.sha256, item.bytes):
        return found
    cached = data_dir() / item.path
    if cached.is_file() and sha256_of(cached) == item.sha256:
        return cached
    cached.parent.mkdir(parents=True, exist_ok=True)
    with in_turn(cached.parent):
        remove_leftovers(cached)
        if cached.is_file():
            if sha256_of(cached) == item.sha256:  # another process was faster
                return cached
            log.warning("%s is damaged; it is removed and fetched again", cached)
            cached.unlink()
        _download(item, cached)
    return cached


def _download(item: Artefact, cached: Path) -> None:
    download = _from_url if item.kind == "url" else _from_index
    with atomic_write(cached) as target:
        download(item, target)
        if (got := sha256_of(target)) != item.sha256:
            raise DataError(_mismatch(item, f"sha256 {got}"))


def find_here(item: Artefact) -> Path | None:
    """Return the file of the mirror or the cache with the artefact's checksum, or ``None``.

    Nothing is fetched, removed or written.
    """
    if found := find_in_mirror(item.path, item.sha256, item.bytes):
        return found
    cached = data_dir() / item.path
    return cached if cached.is_file() and sha256_of(cached) == item.sha256 else None


def is_available(item: Artefact) -> bool:
    """Return whether the file can be had without the network (its checksum is not read)."""
    if item.kind == "installed":
        return find_spec(item.source.partition(":")[0]) is not None
    if (data_dir() / item.path).is_file():
        return True
    return find_in_mirror(item.path, item.sha256, item.bytes) is not None


def mirror_root() -> Path | None:
    """Return the mirror directory, or None where the variable is not set.

    Raises
    ------
    DataError
        If the variable names something that is not a directory.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    root = Path(named).expanduser().resolve()
    if not root.is_dir():
        raise DataError(f"{VARIABLE} names {root}, which is not a directory; correct or unset it")
    return root


def find_in_mirror(relative: str, sha256: str, size: int) -> Path | None:
    """Return the file of the mirror with this checksum, wherever it lies.

    Tried in turn: the relative path, the path that ``MANIFEST.tsv`` gives for the checksum, a file
    of the same name at the top (flat layout), any file of the same size. Only the checksum decides.

    Parameters
    ----------
    relative
        Path of the catalogue, for example ``"HelenaLC__muscat/data/kang_se.rda"``.
    sha256, size
        What the file must be.

    Raises
    ------
    DataError
        If a file lies exactly at the relative path but has another checksum.
    """
    root = mirror_root()
    if root is None:
        return None
    exact = root / relative
    if exact.is_file():
        if sha256_of(exact) == sha256:
            return exact
        raise DataError(
            f"{exact} in the mirror is damaged or another version: its sha256 is not {sha256}; "
            f"replace or remove the file, or unset {VARIABLE}"
        )
    listed = _manifest(root).get(sha256)
    candidates = [root / listed] if listed else []
    candidates += [root / Path(relative).name, *_by_size(root).get(size, ())]
    for candidate in dict.fromkeys(candidates):
        with suppress(OSError):  # any name may be listed
            if candidate.is_file() and sha256_of(candidate) == sha256:
                return candidate
    return None


def _manifest(root: Path) -> dict[str, str]:
    """Return sha256 -> path of an optional ``MANIFEST.tsv``."""
    listing = root / "MANIFEST.tsv"
    return _listed(listing, listing.stat().st_mtime_ns) if listing.is_file() else {}


@lru_cache(maxsize=2)
def _listed(listing: Path, changed: int) -> dict[str, str]:
    again = "write it again, or remove it: it only makes finding quicker"
    with foreign(listing, DataError, again), listing.open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["sha256"]: row["path"] for row in rows if row.get("sha256") and row.get("path")}


# One walk per process: a mirror may lie on slow shared storage.
@lru_cache(maxsize=2)
def _by_size(root: Path) -> dict[int, tuple[Path, ...]]:
    found: dict[int, list[Path]] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            if path.is_file():
                found.setdefault(path.stat().st_size, []).append(path)
    return {size: tuple(sorted(paths)) for size, paths in found.items()}


def _mismatch(item: Artefact, got: str) -> str:
    return (
        f"{item.name}: the file from {item.source} is not the registered one (it has {got}, "
        f"{item.sha256} was expected); nothing was kept. Try again; if it stays, the origin changed"
    )


def _unreachable(item: Artefact, why: str) -> str:
    return (
        f"{item.name}: could not fetch {item.source} ({why}). Connect to the network, or put the "
        f"file {Path(item.path).name} into a directory and name it in {VARIABLE}"
    )


def _installed(item: Artefact) -> Path:
    """Return a file that an installed package carries, without importing the package."""
    package, _, inner = item.source.partition(":")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(f"{item.name}: the package {package} is not installed; install it with pip")
    path = Path(spec.origin).parent / inner
    if not path.is_file():
        raise DataError(f"{item.name}: {package} is installed but lacks {inner}")
    if (got := sha256_of(path)) != item.sha256:
        raise DataError(_mismatch(item, f"sha256 {got}"))
    return path


def _from_url(item: Artefact, target: Path) -> None:
    """Download one file; pooch checks the hash."""
    pooch.get_logger().setLevel("WARNING")  # it announces every file with its temporary path
    log.info("fetching %s", item.source)
    try:
        pooch.retrieve(
            item.source,
            known_hash=f"sha256:{item.sha256}",
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, 60)),
        )
    except (requests.exceptions.RequestException, OSError) as error:
        raise UnreachableError(_unreachable(item, type(error).__name__)) from error
    except ValueError as error:  # pooch's word for a hash mismatch
        raise DataError(_mismatch(item, "another sha256")) from error


def _from_index(item: Artefact, target: Path) -> None:
    """Download a wheel or source distribution with pip, which checks the hash and builds nothing.

    pip is the client because it knows the reader's index, proxy and certificates. For a source
    distribution pip would run its build backend to learn the metadata; ``no_build`` stands in
    for the backends named in `BACKENDS`, and any other backend makes pip stop before running it.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        requirement = work / "requirement.txt"
        requirement.write_text(f"{item.source} --hash=sha256:{item.sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--requirement", str(requirement)]
        command += ["--dest", str(work / "got"), "--disable-pip-version-check", "--no-input"]
        environment = dict(os.environ)
        if item.kind == "sdist":
            command += ["--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
            environment["PYTHONPATH"] = str(_stand_ins(work / "backends"))
        else:
            command += ["--only-binary=:all:"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise _pip_failure(item, done.stderr)
        (work / "got" / Path(item.path).name).replace(target)


def _stand_ins(folder: Path) -> Path:
    """Write `no_build` under the names of the real build backends."""
    source = Path(__file__).with_name("no_build.py").read_text(encoding="utf-8")
    for backend in BACKENDS:
        path = folder / backend
        path.parent.mkdir(parents=True)
        path.parent.joinpath("__init__.py").touch()
        path.write_text(source, encoding="utf-8")
    return folder


def _pip_failure(item: Artefact, stderr: str) -> DataError:
    if "DO NOT MATCH THE HASHES" in stderr:
        return DataError(_mismatch(item, "another sha256"))
    errors = [line.strip() for line in stderr.splitlines() if line.lower().startswith("error")]
    unbuilt = any("build" in line or "metadata" in line for line in errors)
    if unbuilt or "BackendUnavailable" in stderr:  # older pip ends with a traceback instead
        return DataError(
            f"{item.name}: {item.source} names a build backend that is not run: {errors[-1]}"
        )
    return UnreachableError(_unreachable(item, f"pip: {errors[-1] if errors else 'no message'}"))
