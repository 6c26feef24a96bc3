"""V2-316M at 4,096 tokens on a CUDA device: speed, memory and use of the card's matrix rate."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import torch
from _extraction_ways import N_TFS, SHAPES, WAYS, build, tokens_of, way_of

from helpers.extraction.devices import Setting, is_out_of_memory, placed

MODEL = "geneformer-316M"


def matrix_rate(size: int = 8192, repeats: int = 20) -> float:
    """Return the card's rate of bfloat16 matrix products, in operations per second."""
    left, right = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / seconds_of(lambda: left @ right, repeats)


def seconds_of(run: Callable[[], object], repeats: int = 3) -> float:
    """Return the fastest of several runs, each waited for."""
    best = float("inf")
    for _ in range(repeats + 1):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        run()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begun)
    return best


def operations(model: str, tokens: int, layers: int | None = None) -> float:
    """Return the operations of one cell's forward pass in matrix products."""
    published, _, width, hidden, *_ = SHAPES[model]
    linear = 2 * tokens * width * (4 * width + 2 * hidden)
    return (layers or published) * (linear + 4 * tokens**2 * width)


def measure(adapter, tokens, way: str, batch: int, setting: Setting) -> tuple[float, float] | None:
    """Return seconds per cell and peak memory in GB, or None if the card's memory is too small."""
    run = way_of(adapter, tokens, way, batch, setting)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        seconds = seconds_of(run)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    return seconds / len(tokens), torch.cuda.max_memory_allocated() / 1e9


def main(quick: bool, batches: tuple[int, ...] = (1, 4, 8)) -> None:
    """Measure every way at several batch sizes, print a table and one JSON line.

    Streaming runs in bfloat16 with sums in float64; whole maps in bfloat16 too.
    """
    if not torch.cuda.is_available():
        raise SystemExit("--gpu needs a CUDA device and a CUDA build of PyTorch; none is here")
    layers = 3 if quick else None
    adapter, length = build(MODEL, layers)
    tokens = tokens_of(adapter, length, max(batches))
    rate, flops, best = matrix_rate(), operations(MODEL, length, layers), {}
    print(
        f"{torch.cuda.get_device_name()}: {rate / 1e12:.0f} TFLOP/s in bfloat16 products of 8,192"
    )
    print(f"{MODEL}, {length} tokens, all layers x all heads x {N_TFS} rows")
    print(f"{'way':<60}{'batch':>6}{'cells/s':>9}{'peak GB':>9}{'of rate':>9}")
    for way in ("forward", "streaming", "maps", "maps_to_sums"):
        for batch in batches:
            setting = Setting("cuda", "bfloat16", batch)
            with placed(adapter, setting):
                found = measure(adapter, tokens, way, batch, setting)
            if found is None:
                print(f"{WAYS[way]:<60}{batch:>6}   out of memory", flush=True)
                continue
            seconds, memory = found
            share = f"{flops / seconds / rate:.1%}" if way == "forward" else ""
            print(f"{WAYS[way]:<60}{batch:>6}{1 / seconds:>9.2f}{memory:>9.1f}{share:>9}")
            best[way, batch] = seconds, memory
    ratios: dict[str, float] = {}
    for way in ("forward", "maps", "maps_to_sums"):
        ours = min(v[0] for (name, _), v in best.items() if name == "streaming")
        theirs = [v[0] for (name, _), v in best.items() if name == way]
        if theirs:
            ratios[f"{way}_to_streaming"] = min(theirs) / ours
        same = [b for b in batches if (way, b) in best and ("streaming", b) in best]
        if same and way != "forward":
            memory = best["streaming", same[-1]][1] / best[way, same[-1]][1]
            ratios[f"peak_memory_to_{way}"] = memory
    fastest = min(v[0] for (name, _), v in best.items() if name == "forward")
    ratios["matrix_rate_of_forward"] = flops / fastest / rate
    rounded = {name: round(ratio, 4) for name, ratio in ratios.items()}
    print(json.dumps({"benchmark": "extraction-gpu", "ratios": rounded}))
