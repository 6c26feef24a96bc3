"""The tap that turns each layer's query, key and value into sums."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from helpers.errors import ModelError
from helpers.extraction.devices import is_out_of_memory
from helpers.extraction.layout import Layout
from helpers.extraction.rows import (
    additive,
    key_columns,
    mask_rows,
    merge_words,
    row_logits,
    softmax_rows,
    take_rows,
)
from helpers.extraction.scores import qk_rank, value_norms
from helpers.extraction.sums import Sums, prepare
from helpers.models.attention import Enough

log = logging.getLogger(__name__)


class Reader:
    """A tap for one batch: forms the wanted rows of each layer and adds them to the sums.

    A layer is read in chunks of rows so that memory does not grow with their number. All scores of
    a chunk are formed before any is added, so a chunk that runs out of memory has left no trace
    and is tried again in halves.

    Parameters
    ----------
    sums
        Where values go.
    layout
        Rows, columns and slots of the batch.
    kinds
        Score kinds, in the order of the sums' first axis.
    weights
        Function from a layer's number to the weight of its output projection.
    chunk_bytes
        Aimed size of one chunk of attention rows.
    skip
        Layers that were already read for these cells.
    until
        Layers after which the forward pass is ended (`helpers.models.attention.ending`); None lets
        it run to its end.
    """

    def __init__(
        self,
        sums: Sums,
        layout: Layout,
        kinds: tuple[str, ...],
        weights: Callable[[int], torch.Tensor],
        *,
        chunk_bytes: int = 32_000_000,
        skip: frozenset[int] = frozenset(),
        until: frozenset[int] | None = None,
    ) -> None:
        self.sums, self.layout, self.kinds, self.weights = sums, layout, kinds, weights
        self.chunk_bytes, self.done, self.until = chunk_bytes, set(skip), until
        if until is not None and layout.rows.shape[1] == 0:  # no cell holds a wanted query
            self.done |= until

    def __call__(self, layer, query, key, value, mask, scaling, module) -> None:  # noqa: D102
        if layer not in self.done and self.layout.rows.shape[1]:
            self._take(layer, query, key, value, mask, scaling)
        self.done.add(layer)
        if self.until is not None and self.until <= self.done:
            raise Enough

    def _take(self, layer, query, key, value, mask, scaling) -> None:
        if query.dtype in (torch.bfloat16, torch.float16):
            query, key, value = query.float(), key.float(), value.float()
        with torch.autocast(query.device.type, enabled=False):
            self._read(layer, query, key, value, additive(mask, query.dtype), scaling)

    def _read(self, layer, query, key, value, bias, scaling) -> None:
        cells, heads, tokens, _ = query.shape
        rows = self.layout.rows.shape[1]
        norms = ranks = None
        if "value_weighted" in self.kinds:
            norms = value_norms(value, self.weights(layer))
        if "qk_rank" in self.kinds:
            ranks = self._ranks(query, key)
        step = max(1, self.chunk_bytes // (cells * heads * tokens * query.element_size()))
        step = rows if self.layout.repeated else min(step, rows)
        start = 0
        while start < rows:
            chosen = slice(start, start + step)
            try:
                chunks = self._chunk(query, key, bias, scaling, norms, ranks, chosen)
                additions = [
                    prepare(
                        values,
                        self.layout.stratum,
                        source,
                        target,
                        self.sums.total[kind, layer],
                        None if self.sums.squares is None else self.sums.squares[kind, layer],
                    )
                    for kind, (values, source, target) in enumerate(chunks)
                ]
                for add in additions:
                    add()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if step == 1 or self.layout.repeated:
                    raise ModelError(
                        f"out of memory in layer {layer} with one row of {cells} cells at a time: "
                        "pass a smaller batch_size or max_length"
                    ) from error
                step = max(1, step // 2)
                log.warning("out of memory: reading %d rows at a time", step)
                continue
            start += step

    def _chunk(self, query, key, bias, scaling, norms, ranks, chosen: slice) -> list[tuple]:
        rows, source = self.layout.rows[:, chosen], self.layout.source[:, chosen]
        target, columns = self.layout.target, self.layout.columns
        if columns is not None:
            return [self._columns(query, key, bias, scaling, rows, source)]
        weights = None
        if "softmax" in self.kinds or "value_weighted" in self.kinds:
            weights = softmax_rows(query, key, bias, scaling, rows)
        out = []
        for kind in self.kinds:
            if kind == "softmax":
                values = weights
            elif kind == "value_weighted":
                values = weights * norms[:, :, None, :]
            elif kind == "qk":
                values = row_logits(query, key, None, 1.0, rows)
                hidden = mask_rows(bias, rows)
                if hidden is not None:  # a key that cannot be attended to adds nothing
                    values = values.masked_fill(hidden.isinf(), 0)
            else:
                values = take_rows(ranks, rows)
            if self.layout.repeated:
                values, merged_source, merged_target = merge_words(
                    values,
                    source,
                    target,
                    source_dump=self.sums.total.shape[4] - 1,
                    target_dump=self.sums.total.shape[5] - 1,
                    over_keys="mean" if kind.startswith("qk") else "sum",
                )
                out.append((values, merged_source, merged_target))
            else:
                out.append((values, source, target))
        return out

    def _columns(self, query, key, bias, scaling, rows, source) -> tuple:
        target, dump = self.layout.target, self.sums.total.shape[5] - 1
        values = key_columns(query, key, bias, scaling, rows, self.layout.columns)
        values = values * (target != dump)[:, None, None, :]
        rest = (1 - values.sum(dim=-1, keepdim=True)).clamp_min_(0)
        slots = torch.cat([target, target.new_full((len(target), 1), dump)], dim=1)
        return torch.cat([values, rest], dim=-1), source, slots

    def _ranks(self, query, key) -> torch.Tensor:
        cells, heads, tokens, _ = query.shape
        ranks = query.new_zeros(cells, heads, tokens, tokens)
        for cell, length in enumerate(self.layout.lengths.tolist()):
            for head in range(heads):
                ranks[cell, head, :length, :length] = qk_rank(
                    query[cell, head, :length], key[cell, head, :length]
                )
        return ranks
