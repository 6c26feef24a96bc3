"""Random models of published shapes, random cells, and the ways of reading attention from them."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import torch
from transformers import BertConfig, BertForMaskedLM

from helpers.extraction.axes import Axes, slots_of
from helpers.extraction.capture import Plan, run_plan
from helpers.extraction.devices import Setting
from helpers.extraction.layout import lay_out
from helpers.extraction.rows import take_rows
from helpers.extraction.sums import Sums, empty_sums, prepare
from helpers.models import scgpt_module
from helpers.models.adapter import ModelAdapter, Tokens
from helpers.models.attention import full_attention, tapping
from helpers.models.geneformer import GeneformerAdapter
from helpers.models.geneformer_tokens import Dictionaries
from helpers.models.registered import IMPLEMENTATION
from helpers.models.scgpt import ScGPTAdapter
from helpers.models.scgpt_module import ScGPT, ScGPTConfig

N_TFS = 100
GENES = 3000

SHAPES = {
    # layers, heads, width, feed-forward width, tokens, vocabulary
    "scgpt": (12, 8, 512, 512, 1200, 60_697),
    "geneformer": (6, 4, 256, 512, 2048, 25_426),
    "geneformer-316M": (18, 18, 1152, 4608, 4096, 20_275),
}
"""Published shapes: scGPT whole-human, Geneformer V1-10M and V2-316M."""

WAYS = {
    "forward": "plain forward (fused attention)",
    "streaming": "streaming, to sums",
    "maps": "whole maps, nothing read from them",
    "maps_to_sums": "whole maps, to the same sums",
    "published_call": "output_attentions of the published class, to the same sums",
    "tutorial": "scGPT tutorial: last layer, q.k, ranks",
}


def build(name: str, layers: int | None = None) -> tuple[ModelAdapter, int]:
    """Return a random model of a published shape, with fewer layers if asked, and its length."""
    torch.manual_seed(0)
    published, heads, width, hidden, length, words = SHAPES[name]
    layers = layers or published
    if name == "scgpt":
        config = ScGPTConfig(
            n_tokens=words, width=width, n_heads=heads, n_layers=layers, d_hid=hidden, pad_id=0
        )
        return ScGPTAdapter(name, ScGPT(config).eval(), {}, {}), length
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=hidden,
        max_position_embeddings=length,
        hidden_act="relu",
        pad_token_id=0,
    )
    module = BertForMaskedLM._from_config(config, attn_implementation=IMPLEMENTATION).eval()
    tables = Dictionaries({"<pad>": 0, "<mask>": 1, "g": 2}, {"g": 1.0})
    return GeneformerAdapter(name, module, tables), length


def tokens_of(adapter: ModelAdapter, length: int, cells: int) -> Tokens:
    """Return tokens of random cells: each has all TFs, its own other genes, in its own order."""
    rng = np.random.default_rng(0)
    genes = max(GENES, 2 * length)
    held = []
    for _ in range(cells):
        others = N_TFS + rng.permutation(genes - N_TFS)[: length - N_TFS]
        held.append(rng.permutation(np.concatenate([np.arange(N_TFS), others])))
    values = [rng.integers(1, 51, length).astype(np.float32) for _ in held]
    names = np.array([f"g{number}" for number in range(genes)])
    ids = [cell + 3 for cell in held]
    return Tokens(ids, values if adapter.family == "scgpt" else None, held, names, np.arange(cells))


def axes_of(tokens: Tokens, targets: int) -> Axes:
    """Return the axes: 100 query genes and the first genes as keys."""
    names = tokens.gene_names
    keys = names[:targets]
    return Axes(names[:N_TFS], keys, slots_of(names, names[:N_TFS]), slots_of(names, keys))


def maps_by_batch(adapter: ModelAdapter, batch, published: bool) -> list[torch.Tensor]:
    """Return every layer's whole map, all held at once, as ``output_attentions=True`` does."""
    module = adapter.module
    if adapter.family == "geneformer":
        called = module if published else module.bert  # the published class adds the word logits
        return list(called(input_ids=batch.ids, output_attentions=True).attentions)
    held: list[torch.Tensor] = []

    def whole(query, key, value, mask, scaling, *_):
        held.append(full_attention(query, key, mask, scaling))
        return held[-1] @ value

    with patch.object(scgpt_module, "attend", whole):
        adapter.forward(batch)
    return held


def add_maps(maps: list[torch.Tensor], batch, axes: Axes, sums: Sums) -> None:
    """Read the wanted rows of whole maps into sums, by the loop that streaming uses too."""
    layout = lay_out(batch, axes, np.zeros(len(batch.ids), dtype=int), batch.ids.device)
    for layer, whole in enumerate(maps):
        rows = take_rows(whole, layout.rows).float()
        onto = sums.total[0, layer], sums.squares[0, layer]
        prepare(rows, layout.stratum, layout.source, layout.target, *onto)()


def tutorial(adapter: ModelAdapter, batches: Callable) -> None:
    """Rank the last layer's raw dot products by row and by column, and average the heads."""
    total = None

    def read(layer, query, key, value, mask, scaling, module):
        nonlocal total
        if layer < adapter.n_layers - 1:
            return
        raw = query @ key.transpose(-1, -2)
        for _ in range(2):
            # ties by whatever order torch leaves, as in the published script
            raw = raw.argsort(dim=-1).argsort(dim=-1).float() / raw.shape[-1]
            raw = raw.transpose(-1, -2)
        for cell in raw.mean(dim=1).numpy():
            total = cell.copy() if total is None else total + cell

    with tapping(read):
        for batch in batches():
            adapter.forward(batch)


def way_of(
    adapter: ModelAdapter, tokens: Tokens, way: str, batch: int, setting: Setting | None = None
) -> Callable[[], Sums | None]:
    """Return a function that reads all cells in one way; it returns the sums if it makes any."""
    setting = setting or Setting("cpu", "float32", batch)
    longest = max(map(len, tokens.ids))
    axes, rows = axes_of(tokens, longest), np.arange(len(tokens))
    codes = np.zeros(len(tokens), int)
    plan = Plan(tokens, axes, codes, 0, None, ("softmax",), True, True, (), 0)
    eager = way in ("maps", "maps_to_sums", "published_call")
    if adapter.family == "geneformer":
        adapter.module.set_attn_implementation("eager" if eager else IMPLEMENTATION)

    def batches():
        for start in range(0, len(rows), batch):
            yield adapter.collate(tokens, rows[start : start + batch])

    def run() -> Sums | None:
        if way == "streaming":
            return run_plan(adapter, plan, rows, setting)[0]
        with torch.inference_mode():
            if way == "tutorial":
                return tutorial(adapter, batches)
            if not eager:
                for cells in batches():
                    adapter.forward(cells)
                return None
            sizes = {"sources": N_TFS, "targets": longest, "heads": adapter.n_heads}
            sums = empty_sums(
                scores=1, layers=adapter.n_layers, strata=1, squares=True,
                device=setting.device, **sizes,
            )  # fmt: skip
            for cells in batches():
                maps = maps_by_batch(adapter, cells, way == "published_call")
                if way != "maps":
                    add_maps(maps, cells, axes, sums)
                del maps
            return None if way == "maps" else sums

    return run
