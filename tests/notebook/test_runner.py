"""Real runs: what they leave, what reruns after a change, and what a failure leaves."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow


def test_a_run_leaves_everything(project):
    folder = project.results / "demo" / "00_first"
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert names == {
        "00_first.ipynb",
        "download/00_first.ipynb",
        "figures/line-0.png",
        "figures/line-0.svg",
        "figures/line-1.png",
        "figures/line-1.svg",
        "log",
        "run.json",
        "tables/numbers.csv",
        "tests.jsonl",
        "values.json",
    }
    notebook = nbformat.read(folder / "00_first.ipynb", as_version=4)
    about = [cell.metadata.mystnb for cell in notebook.cells if "mystnb" in cell.metadata]
    assert [a.figure.name for a in about] == ["fig-00-first-line-0", "fig-00-first-line-1"]
    assert all(a.image.alt == "A line through numbers" for a in about)
    assert project.values("90_last")["tests"]["value"] == 1


def test_provenance_is_complete(project):
    run = json.loads((project.results / "demo" / "01_second" / "run.json").read_text())
    assert run["parameters"]["seed"] == run["seed"] == 0
    assert run["minutes"] > 0 and run["peak_memory_mb"] > 50 and run["device"]
    assert {"python", "numpy", "torch"} <= set(run["versions"])
    assert len(run["source_sha256"]) == len(run["helpers_sha256"]) == 64
    assert set(run["git"]) == {"commit", "changed", "date"}
    assert [f["path"].rsplit("/", 1)[1] for f in run["files"]] == ["numbers.csv"]


def test_the_same_seed_gives_the_same_page_twice(project):
    folder = project.results / "demo" / "00_first"

    def page():
        notebook = nbformat.read(folder / "00_first.ipynb", as_version=4)
        outputs = [o for cell in notebook.cells[:-1] for o in cell.get("outputs", [])]
        figures = [p.read_bytes() for p in sorted((folder / "figures").iterdir())]
        return (folder / "values.json").read_text(), json.dumps(outputs), figures

    before = page()
    assert project.helpers("run", "00_first", "--force").returncode == 0
    assert page() == before
    assert project.helpers("run", "00_first", "-p", "seed=1").returncode == 0
    assert project.values("00_first", "custom")["mean"] != project.values("00_first")["mean"]


def test_runs_at_the_same_time_share_nothing(fresh):
    before = {path.name for path in fresh.folder.iterdir()}
    command = [sys.executable, "-m", "helpers.cli", "run"]
    runs = [
        subprocess.Popen([*command, name], cwd=fresh.folder, env=fresh.environment)
        for name in ("00_first", "01_second")
    ]
    assert [run.wait(timeout=300) for run in runs] == [0, 0]
    assert {path.name for path in fresh.folder.iterdir()} == before | {"results"}


def test_parameters_by_hand_never_replace_the_books_result(project):
    before = project.starts()
    done = project.helpers("run", "00_first", "-p", "n=3")
    assert done.returncode == 0 and "custom" in done.stdout
    assert project.values("00_first", "custom")["n"]["value"] == 3
    assert project.values("00_first")["n"]["value"] == 12
    assert project.starts() == before
    again = project.helpers("run", "00_first", "-p", "n=3")
    assert "nothing to do" in again.stdout


def test_only_what_a_change_reaches_runs_again(project):
    before = project.starts()
    assert project.snakemake().returncode == 0
    assert project.starts() == before, "an unchanged project ran again"

    project.set(**{"00_first": {"n": 14}})
    assert project.snakemake().returncode == 0
    changed = {name for name, start in project.starts().items() if start != before[name]}
    assert changed == {"00_first", "90_last"}
    assert project.values("00_first")["n"]["value"] == 14

    before = project.starts()
    (project.folder / "data" / "numbers.csv").write_text("x\n1\n2\n3\n")
    assert project.snakemake().returncode == 0
    changed = {name for name, start in project.starts().items() if start != before[name]}
    assert changed == {"01_second", "90_last"}
    assert project.values("01_second")["rows"]["value"] == 3


def test_a_failure_leaves_its_log_and_the_other_results(fresh):
    fresh.set(**{"01_second": {"fail": True}})
    done = fresh.snakemake()
    assert done.returncode != 0
    demo = fresh.results / "demo"
    assert (demo / "00_first" / "run.json").is_file()
    assert not (demo / "01_second").exists() and not (demo / "90_last").exists()
    log = (demo / "01_second.failed" / "log").read_text()
    assert "before the trouble" in log and "ValueError: asked to fail" in log
    assert not list(fresh.results.glob(".run-*"))

    before = fresh.starts()
    fresh.set()
    assert fresh.snakemake().returncode == 0
    assert fresh.starts()["00_first"] == before["00_first"]
    assert (demo / "90_last" / "run.json").is_file()
    assert not (demo / "01_second.failed").exists()


@pytest.mark.parametrize(
    ("pair", "message"), [("finish=false", "run.finish()"), ("die=true", "DeadKernelError")]
)
def test_other_ends_are_failures_too(fresh, pair, message):
    done = fresh.helpers("run", "01_second", "-p", pair)
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr
    assert (fresh.results / "custom" / "01_second.failed" / "log").is_file()
    assert not (fresh.results / "custom" / "01_second").exists()


def test_a_run_that_is_stopped_leaves_nothing(fresh):
    command = [sys.executable, "-m", "helpers.cli", "run", "00_first"]
    run = subprocess.Popen(command, env=fresh.environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(fresh.results.glob(".run-*/00_first")) and time.monotonic() < deadline:
        time.sleep(0.1)
    run.terminate()
    assert run.wait(timeout=120) != 0
    assert not list(fresh.results.glob(".run-*"))
    assert not (fresh.results / "demo" / "00_first").exists()


def test_a_second_run_at_once_is_refused_and_what_a_killed_one_left_goes(fresh):
    command = [sys.executable, "-m", "helpers.cli", "run", "00_first"]
    run = subprocess.Popen(command, env=fresh.environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(fresh.results.glob(".run-*/sockets")) and time.monotonic() < deadline:
        time.sleep(0.05)
    (left,) = fresh.results.glob(".run-*")
    run.send_signal(signal.SIGSTOP)  # it shall not end before the other one asks
    sockets = Path((left / "sockets").read_text())
    second = fresh.helpers("run", "00_first")
    run.kill()
    run.wait(timeout=60)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1 and f"process {run.pid} " in second.stderr
    assert left.is_dir() and sockets.is_dir()
    assert fresh.helpers("run", "00_first").returncode == 0
    assert not left.exists() and not sockets.exists()
    assert fresh.values("00_first")["n"]["value"] == 12
