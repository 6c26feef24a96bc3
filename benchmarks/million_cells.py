"""A million cells through ``helpers extract``: memory and time of the plan, of jobs and the merge.

Writes a sparse ``.h5ad`` of 1,000,000 cells x 2,000 genes with the marginals of a simulated world,
plans the extraction of all TFs by the shipped scGPT, does one job in a hundred, and adds up. The
shards that nobody computed are copies of those that were, under their own numbers: the time and
memory of the merge depend on how many and how large they are, not on what they say. Each step is
the command of a user in a process of its own, with one thread.

    python benchmarks/million_cells.py [--quick] [--sources all]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import pandas as pd
from own_cells import make

MODEL = "scgpt-baron"
GENES, DRAWN = 2000, 125
SHARE = 100
"""One job in so many is done."""
LIMITS = {"plan": 4000, "jobs": 4000, "merge": 2000}
"""Most memory of each step, in megabytes."""


def names() -> list[str]:
    """Return the genes that the model knows, and others up to 2,000."""
    from helpers.datasets.identifiers import known_symbols
    from helpers.models.load import load_model

    known = [name for name in load_model(MODEL).vocabulary if name[0] != "<"]
    return [*known, *sorted(known_symbols("human") - set(known))][:GENES]


def step(*arguments: object) -> dict:
    """Run ``helpers extract``; return seconds, peak memory in MB, and what it said."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "helpers.cli", "extract", MODEL, *map(str, arguments)]
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, env=os.environ | threads, stdout=said, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if status:
        raise SystemExit(f"{command} failed:\n{text[-2000:]}")
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "MB peak": used.ru_maxrss / 1024, "said": text}


def copy_shards(folder: Path) -> None:
    """Write every missing shard, with the sums of one that is there."""
    from helpers.extraction.planned import SHARDS, read_plan
    from helpers.extraction.shard_files import read_header, read_shard, shard_path, write_shard

    plan, folder = read_plan(folder), folder / SHARDS
    held = sorted(folder.glob("shard-*.npz"))
    table, sums = read_header(held[0])["provenance"], read_shard(held[0])
    for number in range(plan.shards):
        if not (path := shard_path(folder, number)).exists():
            write_shard(path, sums, table, number, plan.shards)


def main() -> None:
    """Make the file, run every step, print a table, the projected total and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20,000 cells")
    parser.add_argument("--sources", default="tfs", help="tfs or all")
    parser.add_argument("--shards", type=int, default=200)
    given = parser.parse_args()
    n_cells = 20_000 if given.quick else 1_000_000
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as place:
        path, out = Path(place) / "cells.h5ad", Path(place) / "out"
        make(path, n_cells, GENES, DRAWN, names())
        with h5py.File(path) as file:
            density = file["X/data"].shape[0] / n_cells / GENES
        about = ["--cells", path, "--out", out, "--sources", given.sources, "--min-count", 20]
        found = {"plan": step(*about, "--shards", given.shards, "--plan")}
        plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
        few = range(0, plan["shards"], SHARE)
        only = [word for number in few for word in ("--only", number)]
        found["jobs"] = step(*about, *only)
        copy_shards(out)
        shard = next((out / "shards").iterdir()).stat().st_size / 1e6
        found["merge"] = step(*about, "--merge")
        tokens = sum(part.stat().st_size for part in (out / "tokens").iterdir()) / 1e6
        size = path.stat().st_size / 1e6
    print(f"{n_cells:,} cells x {GENES:,} genes, {density:.1%} not zero, {size:,.0f} MB on disk")
    print(
        f"{len(plan['sources'])} sources x {len(plan['targets'])} targets, tokens {tokens:,.0f} MB"
    )
    print(f"plan: {found['plan']['said'].strip().splitlines()[-1]}")
    table = pd.DataFrame(found).T.drop(columns="said").astype(float).round(1)
    table["limit MB"] = LIMITS
    print(table.to_string())
    job = found["jobs"]["seconds"] / len(few)
    total = found["plan"]["seconds"] + job * plan["shards"] + found["merge"]["seconds"]
    print(f"one job of {plan['shard_cells']} cells takes {job:.0f} s, its shard {shard:.0f} MB")
    print(f"projected total of {plan['shards']} jobs, one after another: {total / 3600:.1f} hours")
    print(json.dumps({"benchmark": "million_cells", "ratios": {
        name: round(row["MB peak"] / LIMITS[name], 3) for name, row in found.items()
    }}))  # fmt: skip
    if over := [name for name, row in found.items() if row["MB peak"] > LIMITS[name]]:
        raise SystemExit(f"more memory than allowed: {', '.join(over)}")


if __name__ == "__main__":
    main()
