"""Speed of the statistics against loops over scikit-learn and scipy, on the same numbers.

Run ``python benchmarks/statistics.py`` (a few minutes) or with ``--quick`` (smaller problems).
A slow loop is timed on a few draws and scaled to the number of draws of the fast path; the table
says so. Both sides are compared on the same resamples to 1e-10. Where a loop can be written in more
than one way, the fastest counts: a resample as an index or as weights. For permutations a second
line shows a loop in numpy that ranks once and sums the ranks of random places.
"""

# ruff: noqa: E402  (the number of threads must be set before numpy is imported)
from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial

# Before numpy: both sides run on the same two threads at most.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "2")

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from helpers.statistics.auroc import DRAWS_AT_ONCE, auroc_many, presort
from helpers.statistics.clusters import cluster_counts, cluster_tables
from helpers.statistics.crossed import crossed_auroc
from helpers.statistics.curveball import curveball
from helpers.statistics.permutation import permutation_null
from helpers.statistics.relabel import relabel_null

TOLERANCE = 1e-10
EDGES = {"trrust": 7_759, "dorothea": 27_980, "collectri": 36_638}
"""Edges of the references among their 500 largest TFs and 5,000 most regulated targets."""


def seconds(function: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def fastest(*functions: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest wall time of several ways to do the same, each tried `repeats` times."""
    return min(seconds(function) for function in functions for _ in range(repeats))


def row(name: str, ours: float, theirs: float | None, note: str, gap: float | None) -> dict:
    """Return one line of the table; times are per draw (or per matrix)."""
    return {
        "name": name,
        "ours": ours,
        "theirs": theirs,
        "ratio": None if theirs is None else theirs / ours,
        "gap": gap,
        "note": note,
    }


def edges(rng: np.random.Generator, n: int, scores: int = 1):
    """Return (scores (k, n), labels, clusters) with ties and 100 TFs."""
    labels = rng.random(n) < 0.01
    values = np.round(rng.normal(size=(scores, n)) + 0.3 * labels, 4)
    return values, labels, np.repeat(np.arange(100), n // 100)


def permutations(rng: np.random.Generator, n: int, draws: int, loops: int) -> dict:
    """AUROC under permuted labels."""
    scores, labels, _ = edges(rng, n)
    shuffled = [rng.permutation(labels) for _ in range(loops)]
    expected = [roc_auc_score(part, scores[0]) for part in shuffled]
    gap = max(abs(auroc_many(scores, p)[0] - e) for p, e in zip(shuffled, expected, strict=True))
    permutation_null(scores, labels, rng, 2)
    ours = fastest(lambda: permutation_null(scores, labels, rng, draws)) / draws

    def loop() -> None:
        for _ in range(loops):
            roc_auc_score(rng.permutation(labels), scores[0])

    name = f"permutation AUROC, n = {n:,}"
    return row(name, ours, fastest(loop) / loops, f"loop timed on {loops}", gap)


def rank_loop(rng: np.random.Generator, n: int, draws: int, loops: int) -> dict:
    """AUROC under permuted labels beside a loop in numpy that ranks once."""
    scores, labels, _ = edges(rng, n)
    positives = int(labels.sum())
    expected = permutation_null(scores, labels, rng, 2).observed[0]
    ranks = rankdata(scores[0])

    def auroc(rank_sum: float) -> float:
        return (rank_sum / positives - (positives + 1) / 2) / (n - positives)

    def loop() -> None:
        again = rankdata(scores[0])
        for _ in range(loops):
            auroc(again[rng.permutation(n)[:positives]].sum())

    gap = abs(auroc(ranks[labels].sum()) - expected)
    ours = fastest(lambda: permutation_null(scores, labels, rng, draws)) / draws
    name = f"permutation AUROC, n = {n:,}, ranked once"
    return row(name, ours, fastest(loop) / loops, f"numpy, loop timed on {loops}", gap)


def pair_counts(n: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return (draws, n) counts of resamples of n pairs with replacement."""
    counts = np.empty((draws, n), dtype=np.uint16)
    for line in counts:
        line[:] = np.bincount(rng.integers(0, n, size=n, dtype=np.uint32), minlength=n)
    return counts


def pair_draws(
    scores: np.ndarray, labels: np.ndarray, rng: np.random.Generator, draws: int
) -> np.ndarray:
    """Return AUROC draws (draws, k) from resampling single pairs, common to all k scores."""
    sorted_once = presort(scores, labels)
    sizes = [min(DRAWS_AT_ONCE, draws - start) for start in range(0, draws, DRAWS_AT_ONCE)]
    return np.concatenate(
        [sorted_once.weighted(pair_counts(labels.size, rng, size)) for size in sizes]
    )


def pair_bootstrap(rng: np.random.Generator, n: int, draws: int, loops: int, heads: int) -> dict:
    """AUROC of one or many scores under resampled pairs, sorting included."""
    scores, labels, _ = edges(rng, n, heads)
    counts = pair_counts(n, rng, loops)
    expected = [[roc_auc_score(labels, s, sample_weight=c) for s in scores[:2]] for c in counts]
    gap = np.abs(presort(scores[:2], labels).weighted(counts) - expected).max()
    pair_draws(scores[:1], labels, rng, 2)
    ours = fastest(lambda: pair_draws(scores, labels, rng, draws), repeats=2) / draws
    timed = min(heads, 4)

    def weights() -> None:
        for _ in range(loops):
            count = pair_counts(n, rng, 1)[0]
            for one in scores[:timed]:
                roc_auc_score(labels, one, sample_weight=count)

    def indices() -> None:
        for _ in range(loops):
            chosen = rng.integers(0, n, n)
            for one in scores[:timed]:
                roc_auc_score(labels[chosen], one[chosen])

    theirs = fastest(weights, indices) / loops * heads / timed
    note = f"loop timed on {loops} draws x {timed} scores"
    return row(f"pair bootstrap, {heads} scores, n = {n:,}", ours, theirs, note, gap)


def cluster_bootstrap(rng: np.random.Generator, n: int, draws: int, loops: int, heads: int) -> dict:
    """AUROC of many scores under resampled TFs, sorting included."""
    scores, labels, tf = edges(rng, n, heads)
    counts = cluster_counts(100, rng, loops)
    tables = cluster_tables(scores[:2], labels, tf)
    found = np.stack([table.auroc(counts) for table in tables], axis=1)
    expected = [[roc_auc_score(labels, s, sample_weight=c[tf]) for s in scores[:2]] for c in counts]
    gap = np.abs(found - expected).max()

    def fast() -> None:
        weights = cluster_counts(100, rng, draws)
        for table in cluster_tables(scores, labels, tf):
            table.auroc(weights)

    ours = fastest(fast, repeats=2) / draws
    timed = min(heads, 4)

    def weights() -> None:
        for count in counts:
            for one in scores[:timed]:
                roc_auc_score(labels, one, sample_weight=count[tf])

    def indices() -> None:
        for count in counts:
            chosen = np.repeat(np.arange(n), count[tf].astype(int))
            for one in scores[:timed]:
                roc_auc_score(labels[chosen], one[chosen])

    theirs = fastest(weights, indices) / loops * heads / timed
    note = f"loop timed on {loops} draws x {timed} scores"
    return row(f"TF bootstrap, {heads} scores, n = {n:,}", ours, theirs, note, gap)


def two_way_errors(rng: np.random.Generator, n: int, heads: int, loops: int) -> dict:
    """AUROCs of many scores with their TF x target covariance, in one call.

    The loop leaves out one TF or one target at a time and calls scikit-learn on what is left.
    """
    scores, labels, tf = edges(rng, n, heads)
    n_targets = n // 100
    target = np.arange(n) % n_targets
    names = np.char.add("g", (100 + target).astype(str))
    crossed_auroc(scores[:1], labels, tf, names)
    result = None

    def fast() -> None:
        nonlocal result
        result = crossed_auroc(scores, labels, tf.astype(str), names)

    ours = fastest(fast, repeats=2)
    without = np.empty(loops)

    def loop() -> None:
        for k in range(loops):
            kept = tf != k
            without[k] = roc_auc_score(labels[kept], scores[0, kept])

    theirs = fastest(loop) / loops * heads * (100 + n_targets)
    order = np.argsort(
        np.unique(tf.astype(str)).astype(int), kind="stable"
    )  # names are sorted as text
    found = result.without_row[0, order][:loops] / np.sqrt(99 / 100) + result.auroc[0]
    name = f"TF x target errors, {heads} scores, n = {n:,}"
    note = f"all scores; loop timed on {loops} of {heads * (100 + n_targets):,}"
    return row(name, ours, theirs, note, np.abs(found - without).max())


def relabelled(rng: np.random.Generator, n: int, draws: int, loops: int) -> dict:
    """AUROC under permuted gene labels."""
    scores, labels, tf = edges(rng, n)
    target = 100 + np.arange(n) % (n // 100)
    n_genes = n // 100

    def relabel(order_tf: np.ndarray, order: np.ndarray) -> np.ndarray:
        at = np.zeros((100, n_genes), dtype=bool)
        at[order_tf[tf[labels]], order[target[labels] - 100]] = True
        return at.ravel()

    observed = relabel_null(scores, labels, tf, target, rng, 1).observed[0]
    gap = abs(observed - roc_auc_score(labels, scores[0]))
    ours = fastest(lambda: relabel_null(scores, labels, tf, target, rng, draws)) / draws

    def loop() -> None:
        for _ in range(loops):
            moved = relabel(rng.permutation(100), rng.permutation(n_genes))
            roc_auc_score(moved, scores[0])

    name = f"relabelled AUROC, n = {n:,}"
    return row(name, ours, fastest(loop) / loops, f"loop timed on {loops}", gap)


def rewiring(rng: np.random.Generator, shape: tuple[int, int], edges_: int, draws: int) -> dict:
    """Degree-preserving networks."""
    rate = rng.dirichlet(np.full(shape[0], 0.5))[:, None] * rng.dirichlet(np.full(shape[1], 0.5))
    cells = rng.choice(rate.size, edges_, replace=False, p=rate.ravel())
    network = np.zeros(rate.size, bool)
    network[cells] = True
    network = network.reshape(shape)
    curveball(network[:20], rng, 1)
    result = None

    def fast() -> None:
        nonlocal result
        result = curveball(network, rng, draws)

    taken = seconds(fast)
    last = result.network(draws - 1)
    exact = bool((last.sum(0) == network.sum(0)).all() and (last.sum(1) == network.sum(1)).all())
    note = (
        f"{draws} draws in {taken:.1f} s; {result.trades:,} trades each, mean Jaccard distance "
        f"{result.jaccard_distance.mean():.3f}, margins {'exact' if exact else 'BROKEN'}"
    )
    return row(
        f"curveball, {shape[0]} x {shape[1]:,}, {edges_:,} edges",
        taken / draws,
        None,
        note,
        0.0 if exact else np.inf,
    )


def main() -> int:
    """Run every comparison, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller problems, same comparisons")
    parser.add_argument("--only", default="", help="part of the names of the tasks to run")
    asked = parser.parse_args()
    quick = asked.quick
    rng = np.random.default_rng(0)
    n = 100_000
    heads = 24 if quick else 324
    draws, few = (100, 3) if quick else (1000, 20)
    tasks = {
        "permutation_auroc": partial(permutations, rng, n, 10 * draws, few),
        "permutation_auroc_rank_loop": partial(rank_loop, rng, n, 10 * draws, few),
        "bootstrap_pairs": partial(pair_bootstrap, rng, n, draws, few, 1),
        "bootstrap_pairs_many_scores": partial(pair_bootstrap, rng, n, draws, 2, heads),
        "bootstrap_clusters": partial(cluster_bootstrap, rng, n, 2000, few, 1),
        "bootstrap_clusters_many_scores": partial(
            cluster_bootstrap, rng, n, 2000, 2 if quick else 5, heads
        ),
        "crossed_many_scores": partial(two_way_errors, rng, n, heads, few),
        "relabelled_auroc": partial(relabelled, rng, n, 10 * draws, few),
    } | {
        f"curveball_{name}": partial(rewiring, rng, (500, 5000), number, draws)
        for name, number in EDGES.items()
    }
    results = {name: task() for name, task in tasks.items() if asked.only in name}
    print(f"{'task':58s} {'ours':>12s} {'loop':>12s} {'ratio':>9s} {'max gap':>9s}  note")
    for line in results.values():
        theirs = "" if line["theirs"] is None else f"{line['theirs'] * 1e3:.3f} ms"
        ratio = "" if line["ratio"] is None else f"{line['ratio']:.1f}x"
        print(
            f"{line['name']:58s} {line['ours'] * 1e3:9.3f} ms {theirs:>12s} {ratio:>9s} "
            f"{line['gap']:9.1e}  {line['note']}"
        )
    ratios = {k: round(v["ratio"], 2) for k, v in results.items() if v["ratio"] is not None}
    for key in (name for name in results if name.startswith("curveball")):
        ratios[f"{key}_seconds_per_1000"] = round(1000 * results[key]["ours"], 2)
    print(json.dumps({"benchmark": "statistics", "ratios": ratios}))
    return 0 if all(line["gap"] <= TOLERANCE for line in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
