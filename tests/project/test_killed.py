"""kill -9 at random moments: the next run succeeds, with the same bytes, and nothing is left.

Twelve moments by default; ``KILLS=all`` asks for sixty.
"""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from extraction_models import save_scgpt

pytestmark = pytest.mark.slow

KILLS = {"extraction": (5, 20), "page": (2, 12), "fetch": (3, 16), "book": (2, 12)}
KEPT = {".lock", ".locks", ".zgroup", ".zattrs", ".zarray", ".zmetadata"}
ROOT, KITS = Path(__file__).parents[2], Path(__file__).parents[1] / "kits"
DIFFERENT = ("plan.json", "run.json", ".lock", "00_first.ipynb", "00_first.py")
"""Files that say when, where or how fast something was made."""


class Worker:
    """A process whose children do one kind of work."""

    def __init__(self, kind: str, folder: Path, **environment: object) -> None:
        known = os.environ | {"OMP_NUM_THREADS": "1"}
        known |= {name: str(value) for name, value in environment.items()}
        # Short, because the paths of sockets may not be long, and its own, to see what is left.
        self.temporary = Path(tempfile.mkdtemp(prefix="k", dir="/tmp"))
        known["TMPDIR"] = str(self.temporary)
        known["PYTHONPATH"] = os.pathsep.join([str(KITS), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, str(KITS / "killed_worker.py"), kind, str(folder)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self.process = subprocess.Popen(command, env=known, **pipes)
        assert self.process.stdout.readline() == "ready\n"

    def run(self, argument: str, until: float | None = None) -> int:
        """Do a piece of work, killed after so many seconds; return its exit code."""
        self.process.stdin.write(f"{argument}\n")
        child = int(self.process.stdout.readline())
        if until is not None:
            time.sleep(until)
            with suppress(ProcessLookupError):  # it was faster
                os.kill(child, signal.SIGKILL)
        return int(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        shutil.rmtree(self.temporary)


class Slow(http.server.BaseHTTPRequestHandler):
    """Sends a file in pieces."""

    def do_GET(self) -> None:
        content = self.server.content
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for start in range(0, len(content), 50_000):
            try:
                self.wfile.write(content[start : start + 50_000])
            except OSError:
                return
            time.sleep(0.005)

    def log_message(self, *_) -> None:
        pass


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.name not in DIFFERENT and ".locks" not in path.parts
    }


def left(folder: Path) -> list[Path]:
    return [p for p in folder.rglob(".*") if p.name not in KEPT and ".locks" not in p.parts]


@pytest.fixture
def worker(request, tmp_path):
    kind, environment, server = request.param, {}, None
    if kind == "extraction":
        save_scgpt(tmp_path / "model")
    elif kind == "fetch":
        content = np.random.default_rng(0).bytes(2_000_000)
        (tmp_path / "served").write_bytes(content)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
        server.content = content
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment["SOURCE"] = f"http://127.0.0.1:{server.server_port}/file.bin"
        environment["HELPERS_DATA_MIRROR"] = ""
    else:
        named = {"NOTEBOOKS": "notebooks", "PARAMS": "params"}
        for name, folder in named.items():
            environment[f"HELPERS_{name}_DIR"] = ROOT / "tests" / "fixture_book" / folder
        environment["HELPERS_RESULTS_DIR"] = tmp_path / "results"
        environment["HELPERS_DATA_DIR"] = tmp_path / "data"
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "numbers.csv").write_text("x\n1\n2\n")
        if kind == "book":
            first = Worker("page", tmp_path, **environment)
            assert first.run("demo") == 0
            first.close()
    made = Worker(kind, tmp_path, **environment)
    yield kind, made
    made.close()
    if server:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("worker", KILLS, indirect=True)
def test_what_was_killed_is_made_to_the_same_bytes_and_nothing_is_left(worker, tmp_path):
    kind, made = worker
    rng = np.random.default_rng(len(kind))
    # A page goes below the results, everything else into a folder that is named whole.
    argument = (lambda name: name) if kind == "page" else (lambda name: str(tmp_path / name))
    place = tmp_path / "results" if kind == "page" else tmp_path
    began = time.perf_counter()
    assert made.run(argument("undisturbed")) == 0
    taken = time.perf_counter() - began
    expected = bytes_of(place / "undisturbed")
    assert expected
    few, all_of_them = KILLS[kind]
    wanted = all_of_them if os.environ.get("KILLS") else few
    killed = 0
    for number in range(20 * wanted):
        name, moment = f"killed{number}", rng.uniform(0, taken)
        began = time.perf_counter()
        code = made.run(argument(name), moment)
        if code == 0:  # It was faster than the first run, or than the last: draw from less time.
            taken = min(taken, time.perf_counter() - began)
        else:
            assert code == -signal.SIGKILL, moment
            killed += 1
        assert made.run(argument(name)) == 0, moment
        assert bytes_of(place / name) == expected, moment
        assert left(place) == [], moment
        if killed == wanted:
            break
    assert killed == wanted
    assert list(made.temporary.iterdir()) == []
