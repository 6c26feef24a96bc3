"""The one interface through which every model family is tokenised, run and read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from anndata import AnnData


@dataclass(frozen=True)
class Tokens:
    """Cells as token sequences of unequal length, one entry per kept cell.

    Attributes
    ----------
    ids
        Vocabulary numbers of each cell's tokens, special tokens included.
    values
        Binned expression beside each token (scGPT), or None for models that read order alone.
    genes
        Index into `gene_names` of each token; -1 for special tokens.
    gene_names
        Gene symbols, the ``var_names`` of the tokenised AnnData.
    cells
        Row numbers of the AnnData that were kept.
    report
        What was left out: genes not in the vocabulary, empty cells, truncated cells.
    batch_labels
        Batch number of each kept cell, only for models trained with batch labels.
    """

    ids: list[np.ndarray]
    values: list[np.ndarray] | None
    genes: list[np.ndarray]
    gene_names: np.ndarray
    cells: np.ndarray
    report: dict = field(default_factory=dict)
    batch_labels: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of kept cells."""
        return len(self.ids)


@dataclass(frozen=True)
class Batch:
    """Padded tensors of some cells.

    Attributes
    ----------
    ids
        (cells, tokens) vocabulary numbers.
    values
        (cells, tokens) binned expression, or None.
    padding
        (cells, tokens) bool, True where there is no token.
    genes
        (cells, tokens) index into the tokens' `gene_names`; -1 for special tokens and padding.
    cells
        (cells,) row numbers of the AnnData.
    batch_labels
        (cells,) batch numbers, or None.
    """

    ids: torch.Tensor
    values: torch.Tensor | None
    padding: torch.Tensor
    genes: torch.Tensor
    cells: np.ndarray
    batch_labels: torch.Tensor | None = None

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch with its tensors on `device`."""
        names = ("ids", "values", "padding", "genes", "batch_labels")
        moved = {name: getattr(self, name) for name in names}
        return replace(self, **{n: t if t is None else t.to(device) for n, t in moved.items()})


@dataclass(frozen=True)
class ModelOutput:
    """What a forward pass gives.

    Attributes
    ----------
    hidden
        (cells, tokens, width) output of the last layer.
    head
        Computes the prediction from the hidden states; called only if `prediction` is read,
        because a prediction over a large vocabulary costs more than all attention maps.
    """

    hidden: torch.Tensor
    head: Callable[[torch.Tensor], torch.Tensor]

    @cached_property
    def prediction(self) -> torch.Tensor:
        """Predicted binned expression (cells, tokens), or token logits (cells, tokens, words)."""
        return self.head(self.hidden)


@dataclass(frozen=True)
class LayerParts:
    """Where the pieces of one transformer layer live.

    Attributes
    ----------
    block
        The whole layer; its output is the residual stream after the layer.
    attention
        The module that forms query, key and value; it is what a tap receives as `module`.
    projection
        Linear map applied to the concatenated heads. Its input is the heads' output, head `h` in
        columns ``h * head_dim`` to ``(h + 1) * head_dim``.
    mlp_in
        First linear map of the feed-forward part.
    mlp_out
        Last linear map of the feed-forward part; its output is what the MLP adds.
    """

    block: torch.nn.Module
    attention: torch.nn.Module
    projection: torch.nn.Linear
    mlp_in: torch.nn.Linear
    mlp_out: torch.nn.Linear


@runtime_checkable
class ModelAdapter(Protocol):
    """A loaded model of any family: tokenise AnnData, pad, run, and find its parts.

    `causal` says that a token attends only to itself and to what stands before it.
    """

    family: str
    causal: bool
    name: str
    n_layers: int
    n_heads: int
    width: int
    max_length: int
    module: torch.nn.Module

    def tokenise(self, adata: AnnData, *, max_length: int | None = None, seed: int = 0) -> Tokens:
        """Turn counts into token sequences; cells without a token are reported and left out."""
        ...

    def collate(self, tokens: Tokens, rows: Sequence[int] | np.ndarray) -> Batch:
        """Pad the chosen entries of `tokens` (positions in it, not AnnData rows) to one length."""
        ...

    def forward(self, batch: Batch) -> ModelOutput:
        """Run the model; the prediction is computed only if it is read."""
        ...

    def layers(self) -> list[LayerParts]:
        """Return the parts of every layer, first layer first."""
        ...


def pad(
    tokens: Tokens,
    rows: Sequence[int] | np.ndarray,
    *,
    pad_id: int,
    pad_value: float = 0.0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Pad the chosen entries of `tokens` on the right to the longest of them.

    Parameters
    ----------
    tokens
        Token sequences.
    rows
        Positions in `tokens`.
    pad_id, pad_value
        What stands where there is no token.
    device, dtype
        Where the tensors go, and the type of the values.
    """
    rows = np.asarray(rows, dtype=int)
    longest = max((len(tokens.ids[row]) for row in rows), default=0)
    shape = (len(rows), longest)
    ids = np.full(shape, pad_id, dtype=np.int64)
    genes = np.full(shape, -1, dtype=np.int64)
    padding = np.ones(shape, dtype=bool)
    values = None if tokens.values is None else np.full(shape, pad_value, dtype=np.float64)
    for place, row in enumerate(rows):
        length = len(tokens.ids[row])
        ids[place, :length] = tokens.ids[row]
        genes[place, :length] = tokens.genes[row]
        padding[place, :length] = False
        if values is not None:
            values[place, :length] = tokens.values[row]
    labels = tokens.batch_labels
    return Batch(
        ids=torch.from_numpy(ids).to(device),
        values=None if values is None else torch.from_numpy(values).to(device, dtype),
        padding=torch.from_numpy(padding).to(device),
        genes=torch.from_numpy(genes).to(device),
        cells=tokens.cells[rows],
        batch_labels=None if labels is None else torch.from_numpy(labels[rows]).to(device),
    )
