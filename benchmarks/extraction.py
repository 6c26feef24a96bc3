"""Cost of streaming extraction beside a plain forward pass, whole maps and the scGPT tutorial.

All layers x all heads x 100 query rows are read, with sums of squares. The peer is what
``output_attentions=True`` does: every layer's whole map is formed and held. It is measured twice,
for the maps alone and for the same sums as ours, since maps are no result yet; and once more
through the published class, whose call also computes the logits of every word. Memory is measured
in a process of its own for each way: all of it, and what came on top of the loaded model. Eight
cells are read; whole maps of them are formed at once, as in the scGPT tutorial, and streaming is
measured in one batch too and in the batches it chooses. Weights are random, since cost does not
depend on them. Times are processor seconds of one thread, which
neighbours on a shared machine disturb least; only ratios within one run mean anything.

    python benchmarks/extraction.py [--quick]
    python benchmarks/extraction.py --rows     # only 100 to 4,000 rows and 1 to 20 strata
    python benchmarks/extraction.py --gpu      # V2-316M at 4,096 tokens; needs a CUDA device
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from _extraction_rows import rows_and_strata
from _extraction_ways import N_TFS, WAYS, build, tokens_of, way_of

from helpers.extraction.devices import choose

COMPARED = {
    "geneformer": ["forward", "streaming", "maps", "maps_to_sums", "published_call"],
    "scgpt": ["forward", "streaming", "maps", "maps_to_sums", "tutorial"],
}
QUICK_LAYERS = {"geneformer": 3, "scgpt": 4}
BATCH = 8  # as in the scGPT tutorial
TOLERANCE = 1e-4


def peak_mb() -> float:
    """Return the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(model: str, way: str, layers: int, length: int, cells: int, batch: int) -> None:
    """Read some cells in one way; print the peak memory and what came on top of the model.

    A batch of 0 is the one that extraction chooses.
    """
    adapter, longest = build(model, layers)
    tokens = tokens_of(adapter, length or longest, cells)
    batch = batch or choose(adapter, tokens, device="cpu").batch_size
    way_of(adapter, tokens_of(adapter, 150, 2), way, 2)()  # what every run shares
    run = way_of(adapter, tokens, way, batch)
    before = peak_mb()
    run()
    print(json.dumps({"peak_mb": peak_mb(), "added_mb": peak_mb() - before, "batch": batch}))


def turns(model: str, layers: int, cells: int, repeats: int) -> None:
    """Time the ways in turns within one process; print the fewest seconds per cell of each.

    On a shared machine two processes meet different neighbours; turns within one process meet
    much the same ones. Cells go one by one, which costs no way more than batches of long cells do;
    they are several, because sums of this size cost something to lay out, once.
    """
    torch.set_num_threads(1)
    adapter, length = build(model, layers)
    tokens, best, sums = tokens_of(adapter, length, cells), {}, {}
    for way in COMPARED[model]:
        way_of(adapter, tokens_of(adapter, 150, 2), way, 2)()
    for turn in range(repeats):
        for way in COMPARED[model]:
            one = way == "tutorial"
            if one and turn:
                continue  # slow enough to be measured well once, on one cell
            held = tokens_of(adapter, length, 1) if one else tokens
            run = way_of(adapter, held, way, 1)
            begun = time.process_time()
            found = run()
            seconds = (time.process_time() - begun) / len(held)
            best[way] = min(seconds, best.get(way, seconds))
            if found is not None:
                sums[way] = found.total[..., :N_TFS, :-1]
    gaps = [float((found - sums["streaming"]).abs().max()) for found in sums.values()]
    print(json.dumps({"seconds": best, "largest_gap": max(gaps)}))


def launch(task: str, *arguments: object) -> dict:
    """Run this file as a worker and return what it printed."""
    command = [sys.executable, __file__, "--worker", task, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task} {arguments} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(model: str, quick: bool) -> dict[str, float]:
    """Measure one model in every way, print its table, and return its ratios."""
    layers = QUICK_LAYERS[model] if quick else 0
    timed = launch("turns", model, layers, 2 if quick else 6, 2)
    seconds, held = timed["seconds"], {}
    if timed["largest_gap"] > TOLERANCE:
        raise SystemExit(f"{model}: sums of the ways differ by {timed['largest_gap']:.1e}")
    for way in COMPARED[model]:
        cells = 1 if way == "tutorial" else BATCH
        for batch in [cells, 0] if way == "streaming" else [cells]:
            held[way, batch] = found = launch("memory", model, way, layers, 0, cells, batch)
            print(
                f"{model:<12}{WAYS[way]:<60}{seconds[way]:>8.3f}{found['batch']:>7}"
                f"{found['peak_mb']:>9.0f}{found['added_mb']:>10.0f}",
                flush=True,
            )
    print(f"{model:<12}largest difference between sums: {timed['largest_gap']:.1e}\n", flush=True)
    ours = seconds["streaming"]
    ratios = {"streaming_to_forward": ours / seconds["forward"]}
    for way in COMPARED[model][2:]:
        ratios[f"{way}_to_streaming"] = seconds[way] / ours
    for kind in ("peak_mb", "added_mb"):
        for way in {"maps_to_sums", "published_call"}.intersection(COMPARED[model]):
            whole, name = held[way, BATCH][kind], f"{kind}_to_{way}"
            ratios[name] = held["streaming", 0][kind] / whole
            ratios[f"{name}_same_batch"] = held["streaming", BATCH][kind] / whole
    return {f"{model}/{name}": ratio for name, ratio in ratios.items()}


def more_rows(quick: bool) -> dict[str, float]:
    """Measure more rows and more strata, print their table, and return the ratios to a forward."""
    found = rows_and_strata(40 if quick else 120, 1 if quick else 2)
    columns = ("batch", "forward", "cold", "pass", "adding", "counting", "ratio")
    print(f"{'ms per cell of 400 tokens':<28}" + "".join(f"{name:>10}" for name in columns))
    for name, row in found.items():
        print(f"{name:<28}" + "".join(f"{row[column]:>10.2f}" for column in columns), flush=True)
    share = {
        f"added, {name}": (r["adding"] + r["counting"]) / r["pass"] for name, r in found.items()
    }
    return {f"to forward, {name}": row["ratio"] for name, row in found.items()} | share


def main(quick: bool) -> None:
    """Run every comparison, print a table and one JSON line."""
    print(f"all layers x heads x {N_TFS} rows at full length; memory of reading {BATCH} cells")
    print(f"{'model':<12}{'way':<60}{'s/cell':>8}{'batch':>7}{'peak MB':>9}{'added MB':>10}")
    ratios: dict[str, float] = {}
    for model in COMPARED:
        ratios |= compare(model, quick)
    few, many = (10, 50) if quick else (50, 500)
    layers = QUICK_LAYERS["scgpt"]
    short = [launch("memory", "scgpt", "streaming", layers, 300, n, 10) for n in (few, many)]
    ratios["memory_many_to_few_cells"] = short[1]["peak_mb"] / short[0]["peak_mb"]
    ratios |= more_rows(quick)
    print(f"peak memory at {few} and {many} cells: ", end="")
    print(" and ".join(f"{found['peak_mb']:.0f} MB" for found in short), end="\n\n")
    told(ratios)


def told(ratios: dict[str, float]) -> None:
    """Print ratios in lines, and again as one line of JSON."""
    for name, ratio in ratios.items():
        print(f"{name:<56}{ratio:>8.2f}")
    rounded = {name: round(ratio, 4) for name, ratio in ratios.items()}
    print(json.dumps({"benchmark": "extraction", "ratios": rounded}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer layers, cells and repeats")
    parser.add_argument("--gpu", action="store_true", help="V2-316M on a CUDA device instead")
    parser.add_argument("--rows", action="store_true", help="only more rows and more strata")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        task, *rest = given.worker
        numbers = [int(word) if word.isdigit() else word for word in rest]
        {"memory": memory, "turns": turns}[task](*numbers)
    elif given.gpu:
        from _extraction_gpu import main as gpu

        gpu(given.quick)
    elif given.rows:
        told(more_rows(given.quick))
    else:
        main(given.quick)
