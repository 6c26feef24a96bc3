"""Surroundings that are not as a program expects them: no home, no locale, no space, no right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

GENES = [f"G{i:02d}" for i in range(24)]


@pytest.fixture
def folder(tmp_path):
    """Edges and a network in a folder with a space and letters beyond ASCII."""
    folder = tmp_path / "my cells \u00e9\u00fc\u4e2d"
    folder.mkdir()
    rng = np.random.default_rng(0)
    pairs = [(a, b) for a in GENES[:8] for b in GENES if a != b]
    edges = pd.DataFrame(pairs, columns=["TF", "target"]).assign(weight=rng.random(len(pairs)))
    edges.to_csv(folder / "\u00e9dges.csv", index=False)
    edges.sample(40, random_state=0)[["TF", "target"]].to_csv(folder / "net.csv", index=False)
    return folder


def score(folder, output: str, **changes: str | None) -> subprocess.CompletedProcess:
    words = ["score", "\u00e9dges.csv", "-r", "net.csv", "--organism", "other"]
    words += ["--permutations", "99", "--rewired", "99", "-o", output]
    known = {**os.environ, **changes}
    environment = {name: value for name, value in known.items() if value is not None}
    call = [sys.executable, "-m", "helpers.cli", *words]
    return subprocess.run(
        call, cwd=folder, env=environment, capture_output=True, timeout=20, check=False
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
        {"HOME": None, "USER": None, "XDG_CACHE_HOME": None},
        {"HOME": "/no/such/home"},
        {"TMPDIR": "/no/such/folder"},
        {"COLUMNS": "10", "TERM": "dumb", "NO_COLOR": "1"},
    ],
    ids=["no locale", "no home", "a home that is none", "no temporary folder", "ten columns"],
)
def test_a_card_is_written_wherever(folder, changes):
    done = score(folder, "c\u00e4rd.html", **changes)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    page = (folder / "c\u00e4rd.html").read_text("utf-8")
    assert "<figure>" in page and page.rstrip().endswith("</html>")


def test_an_output_that_cannot_be_written_is_one_clear_error(folder):
    for output in ("net.csv/card.html", "/proc/card.html"):
        done = score(folder, output)
        text = done.stderr.decode()
        assert done.returncode == 1 and text.count("Error:") == 1 and "Traceback" not in text
    assert sorted(path.name for path in folder.iterdir()) == ["net.csv", "\u00e9dges.csv"]


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(folder, tmp_path):
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs root")
    small = tmp_path / "small"
    small.mkdir()
    how = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(small)]
    if subprocess.run(how, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        done = score(folder, str(small / "card.html"))
        assert done.returncode == 1 and b"cannot be written" in done.stderr
        assert b"Traceback" not in done.stderr and list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
