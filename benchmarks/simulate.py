"""Time the simulated world: 1,000 genes x 10,000 cells, alone and against sergio-rs.

Run with ``python benchmarks/simulate.py``; the last line is one JSON object. ``limit`` is our
time over the 60 s that the project allows; ``sergio_rs`` is the time of sergio-rs over ours on
1,000 genes, 100 TFs and 1,000 cells (its dynamics are serial in time, so cells are fewer).
"""

import argparse
import json
import time

import numpy as np
import sergio_rs

from helpers.datasets.simulate import WorldSpec, draw
from helpers.datasets.simulate.network import make_network

LIMIT_SECONDS = 60.0


def ours(n_cells: int) -> float:
    """Return the seconds for one world of 1,000 genes, 100 TFs."""
    spec = WorldSpec(name="benchmark", n_genes=1000, n_tfs=100, n_cells=n_cells)
    start = time.perf_counter()
    made = draw(spec, 0)
    seconds = time.perf_counter() - start
    assert made.adata.shape == (n_cells, 1000)
    return seconds


def theirs(n_cells: int, n_states: int = 6) -> float:
    """Return the seconds of sergio-rs on a network of the same size, without technical noise."""
    spec = WorldSpec(name="benchmark", n_genes=1000, n_tfs=100, feedback=0.0)
    weight = make_network(spec, np.random.default_rng(0)).weight
    grn = sergio_rs.GRN()
    genes = [sergio_rs.Gene(f"g{i}", 1.0) for i in range(spec.n_genes)]
    for tf, target in zip(*np.nonzero(weight), strict=True):
        grn.add_interaction(genes[tf], genes[target], 10.0 * float(weight[tf, target]), None, 2)
    grn.set_mrs()
    masters = sergio_rs.MrProfile.from_random(grn, n_states, (5.0, 10.0), (15.0, 20.0), 0)
    start = time.perf_counter()
    sergio_rs.Sim(grn, n_cells // n_states, 150, 10, 0.01, 1, 0).simulate(masters)
    return time.perf_counter() - start


def main() -> None:
    """Print the times and, last, the ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    large = np.median([ours(10_000) for _ in range(repeats)])
    small = np.median([ours(1_000) for _ in range(repeats)])
    other = np.median([theirs(1_000) for _ in range(repeats)])
    print(f"1,000 genes x 10,000 cells: {large:.1f} s")
    print(f"1,000 genes x 1,000 cells: {small:.2f} s; sergio-rs {other:.2f} s")
    ratios = {"limit": round(large / LIMIT_SECONDS, 3), "sergio_rs": round(other / small, 1)}
    print(json.dumps({"benchmark": "simulate", "ratios": ratios}))


if __name__ == "__main__":
    main()
