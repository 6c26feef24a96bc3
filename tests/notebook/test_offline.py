"""The whole chain with the network cut: cached data, one notebook, the HTML."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from bookkit import assets
from helpers.files import data_dir

pytestmark = [pytest.mark.offline, pytest.mark.slow]

TOC = """\
format: jb-book
root: book/bibliography
chapters:
  - glob: pages/0*
  - glob: pages/9*
  - file: pages/exercises
"""
LOOPBACK = """\
import fcntl, socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running
"""
_SUM = re.compile(r'\?v=[0-9a-f]{8}|"')
CUT = 'import socket; socket.create_connection(("192.0.2.1", 80), timeout=5)'


def inside(script: str, environment: dict[str, str], **options) -> subprocess.CompletedProcess:
    """Run a shell script in a network namespace that has a loopback device only."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    command = [*unshare, "bash", "-euc", f'"$PYTHON" -c "$LOOPBACK"\n{script}']
    return subprocess.run(
        command,
        env=environment | {"PYTHON": sys.executable, "LOOPBACK": LOOPBACK},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.fixture
def cut():
    """Skip where no network namespace can be made, or nothing is cached yet."""
    if not shutil.which("unshare") or inside("true", dict(os.environ)).returncode:
        pytest.skip("no network namespaces here: root or unprivileged user namespaces are needed")
    if not (data_dir() / assets.MATHJAX.path).is_file():
        pytest.skip(f"nothing cached in {data_dir()}; run: make data")
    return inside


def test_the_network_is_really_cut(cut):
    done = cut(f"\"$PYTHON\" -c '{CUT}'", dict(os.environ))
    assert done.returncode != 0 and "unreachable" in done.stderr


def test_fetch_from_the_cache(cut):
    done = cut('"$PYTHON" -m helpers.cli data fetch', dict(os.environ))
    assert done.returncode == 0, done.stderr[-2000:]


def test_run_and_build(cut, fresh, root):
    book = fresh.folder / "book"
    shutil.copytree(root / "book", book, ignore=shutil.ignore_patterns("mathjax", "*.min.js"))
    shutil.copy(root / "_config.yml", fresh.folder)
    (fresh.folder / "_toc.yml").write_text(TOC)
    script = """
    for name in 00_first 01_second 90_last; do "$PYTHON" -m helpers.cli run $name; done
    "$PYTHON" -m bookkit.sphinx_run "$FOLDER"
    cp -r "$FOLDER/_build/html" "$FOLDER/before"
    echo "One more sentence." >> "$FOLDER/notebooks/00_first.md"
    "$PYTHON" -m bookkit.sphinx_run "$FOLDER" --changed
    """
    environment = fresh.environment | {"FOLDER": str(fresh.folder)}
    environment["HELPERS_DATA_DIR"] = str(data_dir())
    done = cut(script, environment)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    pages, before = fresh.folder / "_build" / "html" / "pages", fresh.folder / "before" / "pages"
    assert "INSRR" in (pages / "00_first.html").read_text()
    added = "One more sentence."
    assert added in (pages / "00_first.html").read_text()
    assert added not in (before / "00_first.html").read_text()
    for path in sorted(before.glob("*.html")):
        # Style sheets bear a checksum, and quotes for it, from the second time on.
        old, new = (_SUM.sub("", one.read_text()) for one in (path, pages / path.name))
        assert (old == new) == (path.name != "00_first.html"), path.name
    assert (fresh.folder / "_build" / "html" / "_static" / "mathjax" / "es5").is_dir()
