"""Cost of streaming extraction beside a plain forward pass, whole maps and the scGPT tutorial.

Each way runs in a process of its own, so that its peak memory is its own. Weights are random:
cost does not depend on them. Only ratios within one run mean anything.

    python benchmarks/extraction.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
import torch
from transformers import BertConfig, BertForMaskedLM

from helpers.extraction.axes import Axes, slots_of
from helpers.extraction.devices import Setting
from helpers.extraction.extract import Plan, run_plan
from helpers.models.adapter import Tokens
from helpers.models.attention import IMPLEMENTATION, full_attention, tapping
from helpers.models.geneformer import GeneformerAdapter
from helpers.models.geneformer_tokens import Dictionaries
from helpers.models.scgpt import ScGPTAdapter
from helpers.models.scgpt_module import ScGPT, ScGPTConfig

MODELS = {
    # published shapes: layers, heads, width, feed-forward width, tokens, cells
    "scgpt": {"full": (12, 8, 512, 512, 1200), "quick": (4, 8, 512, 512, 1200)},
    "geneformer": {"full": (6, 4, 256, 512, 2048), "quick": (3, 4, 256, 512, 2048)},
}
N_TFS = 100
WAYS = ("forward", "streaming", "output_attentions", "tutorial")


def build(family: str, size: str):
    """Return a random model of a published shape."""
    torch.manual_seed(0)
    layers, heads, width, hidden, length = MODELS[family][size]
    if family == "scgpt":
        config = ScGPTConfig(
            n_tokens=4000, width=width, n_heads=heads, n_layers=layers, d_hid=hidden, pad_id=0
        )
        adapter = ScGPTAdapter("scgpt", ScGPT(config).eval(), {}, {})
    else:
        config = BertConfig(
            vocab_size=25426,
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=hidden,
            max_position_embeddings=length,
            hidden_act="relu",
            pad_token_id=0,
        )
        module = BertForMaskedLM._from_config(config, attn_implementation=IMPLEMENTATION).eval()
        adapter = GeneformerAdapter(
            "geneformer", module, Dictionaries({"<pad>": 0, "<mask>": 1, "g": 2}, {"g": 1.0})
        )
    return adapter, length


def tokens_of(family: str, length: int, cells: int):
    """Return tokens of random cells: every cell its own genes, in its own order."""
    rng = np.random.default_rng(0)
    genes = 3000
    held = [rng.permutation(genes)[:length] for _ in range(cells)]
    for cell in held:  # all TFs are expressed, so 100 rows are really formed
        cell[:N_TFS] = rng.permutation(N_TFS)
        cell[N_TFS:] = N_TFS + rng.permutation(genes - N_TFS)[: length - N_TFS]
        rng.shuffle(cell)
    ids = [cell + 3 for cell in held]
    values = [rng.integers(1, 51, length).astype(np.float32) for _ in held]
    names = np.array([f"g{number}" for number in range(genes)])
    return Tokens(ids, values if family == "scgpt" else None, held, names, np.arange(cells))


def way_of(adapter, tokens, way: str, batch: int):
    """Return a function that reads all cells in one of the compared ways."""
    names = tokens.gene_names
    targets = names[:1200] if adapter.family == "scgpt" else names[:2048]
    axes = Axes(names[:N_TFS], targets, slots_of(names, names[:N_TFS]), slots_of(names, targets))
    codes = np.zeros(len(tokens), dtype=int)

    def plan(kinds):
        return Plan(tokens, axes, codes, None, kinds, True, True, (), 0)

    setting = Setting("cpu", "float32", batch)
    rows = np.arange(len(tokens))

    def forward() -> None:
        with torch.inference_mode():
            for start in range(0, len(rows), batch):
                adapter.forward(adapter.collate(tokens, rows[start : start + batch]))

    def streaming() -> None:
        run_plan(adapter, plan(("softmax",)), rows, setting, show_progress=False)

    def eager() -> None:  # transformers' output_attentions: every map of every layer at once
        module = adapter.module
        module.set_attn_implementation("eager")
        with torch.inference_mode():
            for start in range(0, len(rows), batch):
                cell = adapter.collate(tokens, rows[start : start + batch])
                out = module.bert(input_ids=cell.ids, output_attentions=True)
                assert len(out.attentions) == adapter.n_layers

    def maps() -> None:  # the same for scGPT, whose layers are not transformers': keep all maps
        held: list[torch.Tensor] = []

        def read(_layer, query, key, _value, mask, scaling, _module) -> None:
            held.append(full_attention(query, key, mask, scaling))

        with torch.inference_mode(), tapping(read):
            for start in range(0, len(rows), batch):
                held.clear()
                adapter.forward(adapter.collate(tokens, rows[start : start + batch]))
                assert len(held) == adapter.n_layers

    def tutorial() -> None:  # last layer, raw dot products, ranked by row and column, head mean
        total = None

        def read(layer, query, key, value, mask, scaling, module):
            nonlocal total
            if layer < adapter.n_layers - 1:
                return
            raw = query @ key.transpose(-1, -2)
            for _ in range(2):
                raw = raw.argsort(dim=-1).argsort(dim=-1).float() / raw.shape[-1]
                raw = raw.transpose(-1, -2)
            for cell in raw.mean(dim=1).numpy():
                total = cell.copy() if total is None else total + cell

        with torch.inference_mode(), tapping(read):
            for start in range(0, len(rows), batch):
                adapter.forward(adapter.collate(tokens, rows[start : start + batch]))

    return {
        "forward": forward,
        "streaming": streaming,
        "output_attentions": eager if adapter.family == "geneformer" else maps,
        "tutorial": tutorial,
    }[way]


def peak_mb() -> float:
    """Return the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_once(family: str, way: str, size: str, cells: int, batch: int) -> None:
    """Read some cells in one way; print the peak memory and what came on top of the model."""
    adapter, length = build(family, size)
    warm = "forward" if way == "output_attentions" else way
    way_of(adapter, tokens_of(family, 150, 2), warm, 2)()  # what every run shares
    run = way_of(adapter, tokens_of(family, length, cells), way, batch)
    before = peak_mb()
    run()
    print(json.dumps({"peak_mb": peak_mb(), "added_mb": peak_mb() - before}))


def turns(family: str, size: str, cells: int, batch: int, repeats: int) -> None:
    """Time the ways in turns within one process; print the fastest seconds per cell of each.

    On a shared machine two processes meet different neighbours; turns within one process meet
    much the same ones.
    """
    adapter, length = build(family, size)
    tokens, best = tokens_of(family, length, cells), {}
    for way in WAYS:
        warm = "forward" if way == "output_attentions" else way
        way_of(adapter, tokens_of(family, 150, 2), warm, batch)()
    for turn in range(repeats):
        for way in WAYS:
            one = way == "tutorial"
            if one and turn:
                continue  # slow enough to be measured well once, on one cell
            held = tokens_of(family, length, 1) if one else tokens
            if adapter.family == "geneformer":
                adapter.module.set_attn_implementation(IMPLEMENTATION)
            run = way_of(adapter, held, way, 1 if one else batch)
            begun = time.perf_counter()
            run()
            seconds = (time.perf_counter() - begun) / len(held)
            best[way] = min(seconds, best.get(way, seconds))
    print(json.dumps(best))


def launch(*arguments: object) -> dict:
    """Run this file as a worker and return what it printed."""
    command = [sys.executable, __file__, "--worker", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main(quick: bool) -> None:
    """Run every comparison, print a table and one JSON line."""
    size = "quick" if quick else "full"
    batch, repeats = (4, 3) if quick else (8, 5)
    ratios: dict[str, float] = {}
    print(f"all layers x heads x {N_TFS} rows; batches of {batch} full-length cells, tutorial 1")
    print(f"{'model':<12}{'way':<20}{'s/cell':>9}{'peak MB':>10}{'added MB':>10}")
    for family in MODELS:
        seconds = launch("turns", family, size, batch, batch, repeats)
        held = {}
        for way in WAYS:
            cells = 1 if way == "tutorial" else batch
            held[way] = found = launch("once", family, way, size, cells, cells)
            print(
                f"{family:<12}{way:<20}{seconds[way]:>9.3f}"
                f"{found['peak_mb']:>10.0f}{found['added_mb']:>10.0f}",
                flush=True,
            )
        ours, whole = held["streaming"], held["output_attentions"]
        ratios |= {
            f"{family}/streaming_to_forward": seconds["streaming"] / seconds["forward"],
            f"{family}/output_attentions_to_streaming": seconds["output_attentions"]
            / seconds["streaming"],
            f"{family}/peak_memory_to_output_attentions": ours["peak_mb"] / whole["peak_mb"],
            f"{family}/added_memory_to_output_attentions": ours["added_mb"] / whole["added_mb"],
            f"{family}/tutorial_to_streaming": seconds["tutorial"] / seconds["streaming"],
        }
    few, many = (10, 50) if quick else (50, 500)
    short = [launch("memory", number) for number in (few, many)]
    ratios["memory_many_to_few_cells"] = short[1]["peak_mb"] / short[0]["peak_mb"]
    print(f"\npeak memory at {few} and {many} cells: ", end="")
    print(" and ".join(f"{found['peak_mb']:.0f} MB" for found in short), end="\n\n")
    for name, ratio in ratios.items():
        print(f"{name:<48}{ratio:>8.2f}")
    rounded = {name: round(ratio, 4) for name, ratio in ratios.items()}
    print(json.dumps({"benchmark": "extraction", "ratios": rounded}))


def memory(cells: int) -> None:
    """Print the peak memory of extracting some cells of 300 tokens."""
    adapter, _ = build("scgpt", "quick")
    way_of(adapter, tokens_of("scgpt", 300, cells), "streaming", 10)()
    print(json.dumps({"peak_mb": peak_mb()}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer layers, cells and repeats")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        task, *rest = given.worker
        numbers = [int(word) if word.isdigit() else word for word in rest]
        {"once": read_once, "turns": turns, "memory": memory}[task](*numbers)
    else:
        main(given.quick)
