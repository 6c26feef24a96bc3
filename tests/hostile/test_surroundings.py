"""Surroundings that are not as a program expects them: no home, no locale, no space, no right."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
from extraction_models import cells, save_scgpt
from hostile_kit import refuses
from typer.testing import CliRunner

from helpers.cli import app, check_folders, stopping
from helpers.files import atomic_write

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


WORDS = ["score", "\u00e9dges.csv", "-r", "net.csv", "--organism", "other"]
WORDS += ["--permutations", "99", "--rewired", "99", "-o"]


def score(folder, output: str, **changes: str | None) -> subprocess.CompletedProcess:
    known = {**os.environ, **changes}
    environment = {name: value for name, value in known.items() if value is not None}
    call = [sys.executable, "-m", "helpers.cli", *WORDS, output]
    return subprocess.run(
        call, cwd=folder, env=environment, capture_output=True, timeout=20, check=False
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"}
        | {"HOME": None, "USER": None, "XDG_CACHE_HOME": None},
        {"HOME": "/no/such/home", "TMPDIR": "/no/such/folder"}
        | {"COLUMNS": "10", "TERM": "dumb", "NO_COLOR": "1"},
    ],
    ids=["no locale, no home", "home and temporary folder that are none, ten columns"],
)
def test_a_card_is_written_wherever(folder, changes):
    done = score(folder, "c\u00e4rd.html", **changes)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    page = (folder / "c\u00e4rd.html").read_text("utf-8")
    assert "<figure>" in page and page.rstrip().endswith("</html>")


@pytest.mark.parametrize("output", ["net.csv/card.html", "/proc/card.html"])
def test_an_output_that_cannot_be_written_is_one_clear_error(folder, output, monkeypatch):
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, [*WORDS, output])
    assert isinstance(done.exception, SystemExit) and done.exit_code == 1
    assert done.output.count("Error:") == 1 and "Traceback" not in done.output
    assert sorted(path.name for path in folder.iterdir()) == ["net.csv", "\u00e9dges.csv"]


@pytest.fixture
def small(tmp_path):
    """A disk of 8 kB."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs root")
    small = tmp_path / "small"
    small.mkdir()
    if mounted(small, "size=8k"):
        pytest.skip("this machine lets nobody mount a tmpfs")
    yield small
    subprocess.run(["umount", str(small)], check=True)


def mounted(folder, options: str) -> int:
    how = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(how, capture_output=True, check=False).returncode


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(folder, small):
    done = score(folder, str(small / "card.html"))
    assert done.returncode == 1 and b"cannot be written" in done.stderr
    assert b"Traceback" not in done.stderr and list(small.iterdir()) == []


@pytest.fixture
def extraction(tmp_path, monkeypatch):
    """A command that extracts the attention of small cells, but for where it writes to."""
    made = cells(6)
    monkeypatch.setattr("helpers.extraction.planned.load", lambda name: made)
    save_scgpt(tmp_path / "model")
    start = ["extract", f"scgpt:{tmp_path / 'model'}", "--cells", "held", "--min-count", "1"]
    return lambda out: CliRunner().invoke(app, [*start, "--shards", "2", "--out", str(out)])


def test_an_extraction_onto_a_full_disk_goes_on_once_there_is_room(extraction, small):
    done = extraction(small / "out")
    assert done.exit_code == 1 and "cannot be written" in done.output and "Error:" in done.output
    assert not [path for path in small.rglob(".*") if path.name != ".lock"]
    mounted(small, "remount,size=20m")
    done = extraction(small / "out")
    assert done.exit_code == 0, done.output
    assert (small / "out" / "edges.parquet").is_file()


def test_a_folder_that_may_only_be_read_is_one_clear_error(extraction, small):
    mounted(small, "remount,size=20m")
    assert extraction(small / "out").exit_code == 0
    mounted(small, "remount,ro")
    done = extraction(small / "other")
    assert done.exit_code == 1 and "cannot be written" in done.output
    assert extraction(small / "out").exit_code == 1


HOLDS = """
import sys
from pathlib import Path
from helpers.alone import alone
with alone(Path(sys.argv[1]), int(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_extractions_at_once_are_refused_and_what_a_killed_one_left_goes(extraction, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for place, left in ((0, out / ".tokens.x"), (2, out / "shards" / ".shard-00001.npz.x")):
        left.mkdir(parents=True)
        call = [sys.executable, "-c", HOLDS, str(out), str(place)]
        with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout.readline() == b"held\n"
            done = extraction(out)
            assert done.exit_code == 1 and "another process" in done.output
            assert left.is_dir()
            other.kill()
        done = extraction(out)
        assert done.exit_code == 0 and not left.exists(), done.output
        shutil.rmtree(out / "shards")
    assert not list(out.rglob(".*.*"))


@pytest.mark.parametrize("kind", [signal.SIGHUP, signal.SIGTERM])
def test_a_lost_terminal_leaves_nothing(tmp_path, kind, request):
    # under nohup it would be ignored, as the next test asks
    request.addfinalizer(partial(signal.signal, kind, signal.signal(kind, signal.SIG_DFL)))
    with pytest.raises(SystemExit) as caught, stopping(), atomic_write(tmp_path / "x") as held:
        held.write_text("half")
        os.kill(os.getpid(), kind)
        time.sleep(5)
    assert caught.value.code == 128 + kind
    assert list(tmp_path.iterdir()) == [] and signal.getsignal(kind) is signal.SIG_DFL


def test_nohup_is_respected(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("name", ["HELPERS_DATA_DIR", "HELPERS_RESULTS_DIR"])
@pytest.mark.parametrize("value", ["~nobody-here/x", "loop", "file", "file/x", "x" * 5000])
def test_folders_of_the_environment(tmp_path, monkeypatch, name, value):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    monkeypatch.setenv(name, value)
    refuses(check_folders, tmp_path, name)
    done = CliRunner().invoke(app, ["data", "list"])
    assert done.exit_code == 1 and done.output.startswith("Error: ") and name in done.output
