"""What attention costs, by arithmetic and by the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

from helpers.extraction.capture import extract
from helpers.extraction.reference import reference_maps
from helpers.models.adapter import ModelAdapter

PUBLISHED = {
    "scGPT, whole human": (12, 8, 512, 1200, "values"),
    "Geneformer V1-10M": (6, 4, 256, 2048, "order"),
    "Geneformer V2-104M": (12, 12, 768, 4096, "order"),
    "Geneformer V2-316M": (18, 18, 1152, 4096, "order"),
}
"""Layers, heads, width, most tokens and what carries expression, of published checkpoints."""


def cost_table(n_tfs: int = 100, genes: int = 1200) -> pd.DataFrame:
    """Return what whole maps and chosen rows need, by arithmetic, for published models.

    Returns
    -------
    pandas.DataFrame
        Per cell at full length: gigabytes of all maps in float32, megabytes of the chosen rows of
        one layer (the most that is held at once), and the share of multiplications that the rows
        add to a forward pass. Sums for `n_tfs` x `genes` pairs do not grow with cells.
    """
    rows = {}
    for name, (layers, heads, width, tokens, _) in PUBLISHED.items():
        hidden = 512 if width <= 512 else 4 * width
        forward = tokens * width * (4 * width + 2 * hidden) + 2 * tokens**2 * width
        rows[name] = {
            "tokens": tokens,
            "all maps, GB per cell": layers * heads * tokens**2 * 4 / 1e9,
            "rows held, MB per cell": heads * n_tfs * tokens * 4 / 1e6,
            "sums and squares, MB": layers * heads * n_tfs * genes * 16 / 1e6,
            "extra multiplications": n_tfs * tokens * width / forward,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def measured_cost(
    adapter: ModelAdapter, adata: AnnData, sources: Sequence[str], turns: int = 3
) -> dict[str, float]:
    """Time forward, extraction and whole maps in turns; return the fastest seconds per cell.

    The numbers belong to one machine at one moment; only their ratio says something.
    """
    tokens = adapter.tokenise(adata)
    batch = adapter.collate(tokens, range(len(tokens)))

    def forward() -> None:
        with torch.inference_mode():
            adapter.forward(batch)

    def rows() -> None:
        extract(adapter, adata, sources=sources, batch_size=len(tokens), show_progress=False)

    def tokenise() -> None:
        adapter.tokenise(adata)

    def maps() -> None:
        reference_maps(adapter, batch)

    ways: dict[str, Callable[[], None]] = {
        "forward": forward,
        "rows": rows,
        "tokenise": tokenise,
        "maps": maps,
    }
    best = dict.fromkeys(ways, np.inf)
    for _ in range(turns):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            best[name] = min(best[name], (time.perf_counter() - begun) / len(tokens))
    return best | {"rows": best["rows"] - best["tokenise"]}


@dataclass(frozen=True)
class Use:
    """What a piece of work gave, and what it took.

    Parameters
    ----------
    result
        What it returned.
    seconds, cpu_seconds
        Wall clock, and processor time of all threads.
    megabytes
        By how much memory grew while it ran, at least; None where the system does not say.
    """

    result: Any
    seconds: float
    cpu_seconds: float
    megabytes: float | None


_PAGES = Path("/proc/self/statm")
_PAGE_BYTES = 4096


def _resident() -> float | None:
    """Memory of this process in megabytes, or None where the system does not say."""
    if not _PAGES.exists():
        return None
    return int(_PAGES.read_text().split()[1]) * _PAGE_BYTES / 1e6


def use_of(work: Callable[[], Any], every: float = 0.005) -> Use:
    """Run `work` once and return its result with its time and memory.

    Memory is looked at `every` so many seconds, so short peaks are missed, and memory that the
    process holds already is used again without growing: the number is a lower limit. All numbers
    belong to one machine at one moment.

    Examples
    --------
    >>> use_of(lambda: 6 * 7).result
    42
    """
    done, before = threading.Event(), _resident()
    seen = [before]

    def look() -> None:
        while not done.wait(every):
            seen.append(_resident())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        result = work()
        taken = time.perf_counter() - wall, time.process_time() - cpu
        seen.append(_resident())
    finally:
        done.set()
        watcher.join()
    return Use(result, *taken, None if before is None else max(seen) - before)
