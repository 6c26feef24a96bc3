"""Cells of a file larger than memory: time and memory of a draw and of sums over all cells.

Writes a sparse ``.h5ad`` whose genes have the marginals of a simulated world, draws cells from it,
sums every gene and chooses the models' genes, each in a process of its own, and removes the file.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

CELLS_AT_ONCE = 20_000
STEPS = ("draw", "sums", "genes")


def make(
    path: Path, n_cells: int, n_genes: int, per_cell: int, names: list[str] | None = None
) -> None:
    """Write counts: genes detected and as high as in a simulated world, in blocks of cells."""
    from helpers.datasets.identifiers import known_symbols
    from helpers.datasets.simulate import world

    counts = world("state-grn", 0).adata.layers["counts"]
    counts = np.asarray(counts.todense() if sparse.issparse(counts) else counts)
    rng = np.random.default_rng(0)
    like = rng.integers(0, counts.shape[1], n_genes)  # the simulated gene that each is like
    weight = (counts > 0).mean(axis=0)[like] * rng.lognormal(0, 1.5, n_genes)
    ends = np.cumsum(weight) / weight.sum()
    rate = counts.sum(axis=0)[like] / np.maximum((counts > 0).sum(axis=0)[like], 1)
    stop = 1 / np.clip(rate, 1.01, 20)
    names = names or sorted(known_symbols("human"))[:n_genes]
    obs = pd.DataFrame({"cell_type": rng.choice(list("abcd"), n_cells)}).set_axis(
        [f"c{k}" for k in range(n_cells)]
    )
    empty = sparse.csr_matrix((n_cells, n_genes), dtype=np.float32)
    ad.AnnData(empty, obs=obs, var=pd.DataFrame(index=names)).write_h5ad(path)
    with h5py.File(path, "r+") as file:
        group, indptr = file["X"], [np.zeros(1, np.int64)]
        for name, kind in {"data": np.float32, "indices": np.int32}.items():
            del group[name]
            group.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(200_000,))
        for first in range(0, n_cells, CELLS_AT_ONCE):
            many = min(CELLS_AT_ONCE, n_cells - first)
            found = np.searchsorted(ends, rng.random((many, per_cell))).clip(max=n_genes - 1)
            found.sort(axis=1)
            new = np.ones(found.shape, bool)
            new[:, 1:] = found[:, 1:] != found[:, :-1]
            indices = found[new].astype(np.int32)
            start = indptr[-1][-1]
            for name, values in {
                "indices": indices,
                "data": rng.geometric(stop[indices]).astype(np.float32),
            }.items():
                group[name].resize((start + len(values),))
                group[name][start:] = values
            indptr.append(start + np.cumsum(new.sum(axis=1)))
        del group["indptr"]
        group["indptr"] = np.concatenate(indptr)


def measure(step: str, path: str, n_cells: int) -> dict:
    """Return seconds and peak memory (MB) of one step, and both before it began."""
    from helpers.datasets.blocks import gene_moments
    from helpers.datasets.own import open_own
    from helpers.models.recipes import training_genes

    begun = time.perf_counter()
    own = open_own(path)
    opened, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if step == "draw":
        own.take(np.random.default_rng(0).permutation(own.n_obs)[:n_cells])
    elif step == "sums":
        gene_moments(own.blocks())
    else:
        training_genes(own)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = time.perf_counter()
    seconds = {"opening": opened - begun, "seconds": done - opened}
    return {"step": step} | seconds | {"MB opened": before / 1024, "MB peak": peak / 1024}


def main() -> None:
    """Make the file, measure every step in a fresh process, print a table and a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="50,000 cells")
    parser.add_argument("--step", nargs=2, metavar=("STEP", "FILE"))
    parser.add_argument("--draw", type=int, default=5000)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(measure(*given.step, given.draw)))
        return
    n_cells = 50_000 if given.quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cells.h5ad"
        make(path, n_cells, 20_000, 220)
        with h5py.File(path) as file:
            values = file["X/data"].shape[0]
        rows = []
        for step in STEPS:
            command = [sys.executable, __file__, "--step", step, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout))
        size = path.stat().st_size / 2**20
    print(f"{n_cells:,} cells x 20,000 genes, {values:,} values, {size:,.0f} MB on disk")
    print(pd.DataFrame(rows).round(1).to_string(index=False))
    print(json.dumps({"file MB": size, **{row["step"]: row["MB peak"] / size for row in rows}}))


if __name__ == "__main__":
    main()
