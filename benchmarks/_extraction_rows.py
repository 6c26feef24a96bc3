"""Cost of more rows and more strata: 100 to 4,000 query genes, 1 to 20 strata, beside a forward."""

from __future__ import annotations

import time
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import torch

from helpers.extraction import reader, stream
from helpers.extraction.axes import Axes, slots_of
from helpers.extraction.devices import Setting, choose
from helpers.extraction.stream import Pass
from helpers.extraction.sums import empty_sums
from helpers.models.adapter import ModelAdapter, Tokens
from helpers.models.scgpt import ScGPTAdapter
from helpers.models.scgpt_module import ScGPT, ScGPTConfig

LAYERS, HEADS, WIDTH, LENGTH = 2, 4, 256, 400
CASES = {  # genes, rows, strata
    "100 rows of 4,000": (4000, 100, 1),
    "1,000 rows of 4,000": (4000, 1000, 1),
    "4,000 rows of 4,000": (4000, 4000, 1),
    "1,000 rows of 1,000": (1000, 1000, 1),
    "1,000 of 1,000, 5 strata": (1000, 1000, 5),
    "1,000 of 1,000, 20 strata": (1000, 1000, 20),
}


def small_model(genes: int) -> ModelAdapter:
    """Return a random scGPT of 2 layers and 4 heads."""
    torch.manual_seed(0)
    config = ScGPTConfig(
        n_tokens=genes + 3, width=WIDTH, n_heads=HEADS, n_layers=LAYERS, d_hid=512, pad_id=0
    )
    return ScGPTAdapter("small", ScGPT(config).eval(), {}, {})


def random_cells(genes: int, cells: int) -> Tokens:
    """Return cells of 400 genes each, in random order."""
    rng = np.random.default_rng(0)
    held = [rng.permutation(genes)[:LENGTH] for _ in range(cells)]
    values = [rng.integers(1, 51, LENGTH).astype(np.float32) for _ in held]
    names = np.array([f"g{number}" for number in range(genes)])
    return Tokens([cell + 3 for cell in held], values, held, names, np.arange(cells))


@contextmanager
def watched(spent: dict[str, float]):
    """Note the processor time of adding values to sums, and of counting pairs."""

    def timed(work, name):
        def run(*arguments):
            begun = time.process_time()
            found = work(*arguments)
            spent[name] = spent.get(name, 0.0) + time.process_time() - begun
            return found

        return run

    prepare, count = reader.prepare, stream.add_counts

    def prepared(*arguments):
        return timed(timed(prepare, "adding")(*arguments), "adding")

    with (
        patch.object(reader, "prepare", prepared),
        patch.object(stream, "add_counts", timed(count, "counting")),
    ):
        yield


def rows_and_strata(cells: int, turns: int) -> dict[str, dict[str, float]]:
    """Return milliseconds per cell of the forward pass and of each case, with what they are of.

    All in turns within one process, and the fastest turn of each. The cells are read twice onto the
    same sums: the first time memory is laid out too (``cold``), which happens once however many
    cells there are, the second time (``pass``) it is not. Every sum is checked to hold what the
    attention of its rows adds up to, one for each cell and row.
    """
    torch.set_num_threads(1)
    found: dict[str, dict[str, float]] = {}
    for _ in range(turns):
        for name, (genes, rows, strata) in CASES.items():
            adapter, tokens = small_model(genes), random_cells(genes, cells)
            names = tokens.gene_names
            few = names[:rows]
            axes = Axes(few, names, slots_of(names, few), slots_of(names, names))
            codes = np.random.default_rng(1).integers(0, strata, cells)
            layer = 8 * HEADS * strata * rows * genes
            setting = choose(adapter, tokens, device="cpu", sums=layer)
            now = {"batch": setting.batch_size, "forward": _forward(adapter, tokens, setting)}
            sums = empty_sums(
                scores=1, layers=LAYERS, strata=strata, heads=HEADS, sources=rows, targets=genes,
                squares=False, device="cpu",
            )  # fmt: skip
            state = Pass(adapter, tokens, axes, codes, ("softmax",), sums, setting)
            begun = time.process_time()
            state.run(np.arange(cells))
            now["cold"] = (time.process_time() - begun) * 1000 / cells
            spent: dict[str, float] = {}
            with watched(spent):
                begun = time.process_time()
                state.run(np.arange(cells))
                now["pass"] = (time.process_time() - begun) * 1000 / cells
            now |= {part: seconds * 1000 / cells for part, seconds in spent.items()}
            whole = float(sums.total[0, :, :, :, :rows].sum())
            expected = sums.cells[:, :rows].sum() * LAYERS * HEADS
            if abs(whole / expected - 1) > 1e-6:
                raise SystemExit(f"{name}: rows add up to {whole}, not {expected}")
            if name not in found or now["pass"] < found[name]["pass"]:
                found[name] = now | {"ratio": now["pass"] / now["forward"]}
    return found


def _forward(adapter: ModelAdapter, tokens: Tokens, setting: Setting) -> float:
    begun = time.process_time()
    with torch.inference_mode():
        for start in range(0, len(tokens), setting.batch_size):
            rows = np.arange(start, min(start + setting.batch_size, len(tokens)))
            adapter.forward(adapter.collate(tokens, rows))
    return (time.process_time() - begun) * 1000 / len(tokens)
