"""Extraction and pages as jobs: on this machine, and through a real Slurm of one node."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from page_runs import book_result, values_of
from slurm_cluster import cluster, installed

from bookkit import fingerprint
from helpers.datasets import load
from helpers.files import data_dir, sha256_of

pytestmark = [pytest.mark.slow, pytest.mark.network]
PAGES = ("30_synthetic_validation", "93_outside_evidence")
SHARDS = 4
SOON = """\
import sys
from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
RemoteExecutor.next_seconds_between_status_checks = property(lambda self: 1, lambda *_: None)
sys.exit(main())
"""
"""Asks every second what became of jobs; the executor waits ten more each time that none ended."""
FIRST_WAIT = ("--slurm-init-seconds-before-status-checks", "1")


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """A file of 120 real cells."""
    path = tmp_path_factory.mktemp("cells") / "cells.h5ad"
    few = load("baron-human")[:120].copy()
    few.uns, few.var = {}, few.var[[]]
    few.write_h5ad(path)
    return path


@pytest.fixture(scope="module")
def slurm(root, tmp_path_factory):
    installed(root)
    with cluster(tmp_path_factory.mktemp("slurm")):
        yield


def snakemake(root: Path, *options: str, **variables: str) -> subprocess.CompletedProcess:
    by_slurm = {"slurm", "workflow/profiles/slurm"} & {*options}
    how = ("-c", SOON, *FIRST_WAIT) if by_slurm else ("-m", "snakemake")
    kept = os.environ | {"HELPERS_DATA_DIR": str(data_dir())} | variables
    return subprocess.run(
        [sys.executable, *how, "--nolock", *options],
        cwd=root,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )


def extracted(root: Path, profile: str, cells: Path, out: Path, *more: str):
    given = [f"model=scgpt-baron cells={cells} out={out} shards={SHARDS}"]
    return snakemake(
        root,
        *("-s", "workflow/extract.smk", "--profile", f"workflow/profiles/{profile}"),
        *more,
        *("--config", *given[0].split()),
    )


def sums_of(out: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in sorted((out / "shards").glob("*.npz"))}


@pytest.fixture(scope="module")
def local(root, cells, tmp_path_factory):
    out = tmp_path_factory.mktemp("local") / "out"
    done = extracted(root, "local", cells, out, "--cores", "1")
    assert done.returncode == 0, done.stderr[-3000:]
    assert (out / "edges.parquet").is_file() and len(sums_of(out)) == SHARDS
    return out


def test_a_second_run_does_nothing(root, local, cells):
    again = extracted(root, "local", cells, local, "--cores", "1")
    assert again.returncode == 0 and "Nothing to be done" in again.stderr + again.stdout


def test_slurm_survives_a_killed_job_and_gives_the_same_bytes(slurm, root, local, cells, tmp_path):
    out = tmp_path / "out"
    running = "squeue -h -t RUNNING -o '%i %k' | grep shard | head -1 | cut -d ' ' -f 1"
    script = f"until id=$({running}); [ $id ]; do sleep 0.2; done; scancel $id"
    with subprocess.Popen(["bash", "-c", script]) as watching:
        first = extracted(root, "slurm", cells, out)
        watching.kill()
    made = sums_of(out)
    assert first.returncode != 0 and len(made) == SHARDS - 1
    (out / "shards" / made.popitem()[0]).unlink()
    times = {name: (out / "shards" / name).stat().st_mtime_ns for name in made}
    again = extracted(root, "slurm", cells, out)
    assert again.returncode == 0, again.stderr[-3000:]
    assert again.stderr.count("with SLURM jobid") == 3, "two shards and the merge, nothing else"
    assert times == {name: (out / "shards" / name).stat().st_mtime_ns for name in made}
    assert sums_of(out) == sums_of(local)


def test_pages_through_slurm_have_the_values_of_the_book(slurm, root, tmp_path):
    books = {page: book_result(page) for page in PAGES}
    if absent := [page for page, book in books.items() if book is None]:
        pytest.skip(f"the book has no current result of {', '.join(absent)}: make book")
    results = tmp_path / "results"
    stamps = [
        results / fingerprint.stamp(page, "demo").relative_to(book.parent.parent)
        for page, book in books.items()
    ]
    done = snakemake(
        root,
        *("--executor", "slurm", "--jobs", "2", "--slurm-no-account", "--latency-wait", "30"),
        *("--slurm-status-command", "squeue"),
        *("--default-resources", "mem_mb=3000", "runtime=30", "--config", "profile=demo"),
        *("--", *map(str, stamps)),
        HELPERS_RESULTS_DIR=str(results),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for page, book in books.items():
        assert values_of(results / "demo" / page) == values_of(book)
