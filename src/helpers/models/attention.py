"""One attention function for every family, and a tap that reads query, key and value in it.

The forward pass stays PyTorch's fused scaled-dot-product attention, which never forms the
attention matrix. Whoever wants attention opens ``with tapping(callback):`` and receives the very
tensors that the model attends with, so what is computed from them is exact by construction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention


class Tap(Protocol):
    """A reader of attention inputs, called once per layer and forward pass.

    `query`, `key`, `value` are (batch, head, token, head_dim) after any rotary embedding; `mask`
    is None, or broadcastable to (batch, head, query, key), additive or bool (True = attend);
    attention is ``softmax(query @ key.T * scaling + mask) @ value``.
    """

    def __call__(
        self,
        layer: int,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        scaling: float,
        module: torch.nn.Module,
    ) -> None:
        """Read one layer's attention inputs; may raise `Enough`."""
        ...


_taps: ContextVar[tuple[Tap, ...]] = ContextVar("taps", default=())


class Enough(Exception):
    """Raised by a tap that has read all it wants; `ending` turns it into an early end."""


@contextmanager
def ending() -> Iterator[None]:
    """Let a tap end the forward pass inside the block by raising `Enough`.

    What comes after the last query and key that anybody wants is then not computed: that layer's
    attention, its output and its feed-forward part, and all later layers. The pass leaves nothing
    behind but what the taps took; it has no output.
    """
    with suppress(Enough):
        yield


@contextmanager
def tapping(callback: Tap) -> Iterator[None]:
    """Call `callback` for each layer of every forward pass inside the block; blocks may nest."""
    token = _taps.set((*_taps.get(), callback))
    try:
        yield
    finally:
        _taps.reset(token)


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float,
    layer: int,
    module: torch.nn.Module,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Attend with fused attention and show the inputs to every active tap.

    Parameters
    ----------
    query, key, value
        (batch, head, token, head_dim), after any rotary embedding.
    mask
        None, additive, or bool (True = attend); broadcastable to (batch, head, query, key).
    scaling
        Factor on the dot products, 1/sqrt(head_dim) in every family here.
    layer, module
        Layer number from 0, and the attention module, for the tap.
    dropout
        Attention dropout; 0 outside training.

    Returns
    -------
    torch.Tensor
        (batch, head, token, head_dim).
    """
    for tap in _taps.get():
        tap(layer, query, key, value, mask, scaling, module)
    return scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling
    )


def full_attention(
    query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None, scaling: float
) -> torch.Tensor:
    """Return the whole map softmax(q k' * scaling + mask), (batch, head, query, key).

    For tests and for looking at one cell: memory grows with the square of the tokens.
    """
    logits = query @ key.transpose(-1, -2) * scaling
    if mask is not None:
        logits = (
            logits.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else logits + mask
        )
    return logits.softmax(dim=-1)
