"""Pages that start as a copy of a process with the libraries: the same page, and the same ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bookkit import warm

pytestmark = pytest.mark.slow

SEES = """
```{code-cell} ipython3
import sys
import time

run.value("warm", "scanpy" in sys.modules)
run.value("backend", plt.get_backend())
run.value("thread", os.environ["OMP_NUM_THREADS"])
Path(os.environ["HELPERS_DATA_DIR"], "kernel").write_text(f"{os.getpid()}")
time.sleep(float(os.environ.get("HELPERS_TEST_SLEEP", 0)))
```

"""


@pytest.fixture
def seeing(fresh):
    """The small project; its second page also says how it was started."""
    page = fresh.folder / "notebooks" / "01_second.md"
    head, fence, tail = page.read_text().rpartition("```{code-cell}")
    page.write_text(head + SEES.lstrip("\n") + fence + tail)
    return fresh


@pytest.fixture(scope="module")
def socket():
    """The socket of a process with the libraries."""
    words = ["sh", "-c", f"echo ${warm.SOCKET}; read line"]
    command = [sys.executable, "-m", "bookkit.warm", *words]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    # As a user's terminal, not as these tests.
    known = {k: v for k, v in os.environ.items() if not k.startswith(("MPL", "PYTEST"))}
    with subprocess.Popen(command, env=known, **pipes) as running:
        yield running.stdout.readline().strip()
        running.stdin.close()


def started(project, socket, **environment):
    command = [sys.executable, "-m", "helpers.cli", "run", "01_second", "--force"]
    about = project.environment | {warm.SOCKET: socket} | environment
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(command, cwd=project.folder, env=about, **pipes)


def found(project):
    folder = project.results / "demo" / "01_second"
    values = json.loads((folder / "values.json").read_text())
    page = json.loads((folder / "01_second.ipynb").read_text())
    figures = {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}
    return values, [cell.get("outputs") for cell in page["cells"][:-1]], figures


def test_the_page_is_the_same_and_its_process_ends(seeing, socket):
    """Through Snakemake, which sets variables of its own, and alone."""
    made = replace(seeing, warm=socket).snakemake()
    assert made.returncode == 0, made.stderr[-2000:]
    values, outputs, figures = found(seeing)
    assert values["warm"]["value"] is True and values["thread"]["value"] == "1"
    assert state((seeing.folder / "data" / "kernel").read_text()) in GONE
    done = started(seeing, socket, HF_HOME="/nowhere")  # libraries read this on import
    assert not done.wait(timeout=120), done.stderr.read()[-2000:]
    cold, cold_outputs, cold_figures = found(seeing)
    assert cold.pop("warm")["value"] is False and values.pop("warm")
    assert (values, outputs, figures) == (cold, cold_outputs, cold_figures)


@pytest.mark.parametrize("who", ["the run", "the kernel"])
def test_what_is_killed_takes_the_other_along(seeing, socket, who):
    """Nothing waits for a kernel whose run was killed, and a run whose kernel was killed fails."""
    run, file = started(seeing, socket, HELPERS_TEST_SLEEP="100"), seeing.folder / "data" / "kernel"
    assert within(90, lambda: file.is_file() and file.read_text())
    kernel = int(file.read_text())
    server = parent(parent(kernel))
    # A copy has only the thread that made it: locks that others held would stay locked. This
    # allocator, which comes with pyarrow, is prepared for that.
    names = {path.read_text().strip() for path in Path(f"/proc/{server}/task").glob("*/comm")}
    assert names <= {Path(f"/proc/{server}/comm").read_text().strip(), "jemalloc_bg_thd"}
    os.kill({"the run": run.pid, "the kernel": kernel}[who], signal.SIGKILL)
    assert within(20, lambda: state(kernel) in GONE)
    _, trouble = run.communicate(timeout=30)
    assert run.returncode
    assert ("DeadKernelError" in trouble) == (who == "the kernel")
    assert state(server) not in GONE


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_command_ends_as_it_would_alone_and_nothing_stays(threads, tmp_path):
    command = [sys.executable, "-m", "bookkit.warm", "sh", "-c", f"echo ${warm.SOCKET}; exit 3"]
    environment = os.environ | {"OMP_NUM_THREADS": threads}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    path = done.stdout.strip()
    assert bool(path) == (threads == "1")  # with more, a process cannot be copied
    assert not Path(path, "x").parent.is_socket()
    assert warm.ask(["python"], {warm.SOCKET: path}, tmp_path) is None


def test_our_own_code_is_imported_by_each_page():
    assert not {name.partition(".")[0] for name in warm.LIBRARIES} & set(warm.OURS)


GONE = ("", "Z")
"""No such process, or only its entry, until somebody asks how it ended."""


def stat(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return ["", "0"]


def state(process):
    return stat(process)[0]


def parent(process):
    return int(stat(process)[1])


def within(seconds, holds):
    deadline = time.monotonic() + seconds
    while not (done := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return done
