"""Replace components during forward passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch

from helpers.interventions.components import Component, check
from helpers.models.adapter import ModelAdapter

_read: ContextVar[torch.Tensor | None] = ContextVar("read", default=None)


@dataclass(frozen=True)
class Edit:
    """What is written in a component's place.

    Parameters
    ----------
    value
        A number, or a tensor that is broadcast to (cells, tokens, size of the component).
    where
        (cells, tokens) bool, or None for all tokens.
    """

    value: float | torch.Tensor
    where: torch.Tensor | None = None

    def applied(self, state: torch.Tensor) -> torch.Tensor:
        """Return (cells, tokens, size) with the value written where it belongs."""
        value = torch.as_tensor(self.value, dtype=state.dtype, device=state.device)
        where, read = self.where, _read.get()
        if read is not None:  # the last layer runs at the tokens that are read alone
            where = where if where is None else where.gather(1, read)
            if value.ndim == 3 and value.shape[1] > 1:
                index = read[..., None].expand(-1, -1, value.shape[-1])
                value = value.expand(len(read), -1, -1).gather(1, index)
        if where is None:
            return value.expand_as(state)
        return torch.where(where[..., None], value, state)


@contextmanager
def at_tokens(read: torch.Tensor | None) -> Iterator[None]:
    """Say that states in the block are those of the tokens (cells, tokens read); None: all."""
    token = _read.set(read)
    try:
        yield
    finally:
        _read.reset(token)


@contextmanager
def intervene(
    model: ModelAdapter,
    edits: Mapping[Component, Edit | float | torch.Tensor],
    where: torch.Tensor | None = None,
) -> Iterator[None]:
    """Replace components in every forward pass inside the block; blocks may nest.

    Parameters
    ----------
    model
        Any loaded model.
    edits
        Component -> what is written in its place, an `Edit`, a number or a tensor that is
        broadcast to (cells, tokens, size). The size is the head's width for heads, else the
        model's.
    where
        (cells, tokens) bool: tokens at which all numbers and tensors of `edits` are written.

    Raises
    ------
    ParameterError
        If the model has no such component.
    """
    by_part: dict[tuple[str, int], dict[Component, Edit]] = {}
    for component, edit in edits.items():
        check(component, model)
        edit = edit if isinstance(edit, Edit) else Edit(edit, where)
        by_part.setdefault((component.place, component.layer), {})[component] = edit
    parts = model.layers()
    with ExitStack() as stack:
        for (place, layer), chosen in by_part.items():
            part = parts[max(layer, 0)]
            if place == "head":
                size = part.projection.in_features // model.n_heads
                hook = part.projection.register_forward_pre_hook(_on_heads(chosen, size))
            elif layer < 0:
                hook = part.block.register_forward_pre_hook(_on_input(chosen))
            else:
                module = part.mlp_out if place == "mlp" else part.block
                hook = module.register_forward_hook(_on_output(chosen))
            stack.callback(hook.remove)
        yield


def _on_heads(edits: Mapping[Component, Edit], size: int):
    def hook(_module, inputs):
        # The heads stand side by side; a clone, since the tensor belongs to the model.
        packed = inputs[0].clone()
        for component, edit in edits.items():
            columns = slice(component.head * size, (component.head + 1) * size)
            packed[..., columns] = edit.applied(packed[..., columns])
        return (packed, *inputs[1:])

    return hook


def _on_output(edits: Mapping[Component, Edit]):
    def hook(_module, _inputs, output):
        for edit in edits.values():
            output = edit.applied(output)
        return output

    return hook


def _on_input(edits: Mapping[Component, Edit]):
    def hook(_module, inputs):
        state = inputs[0]
        for edit in edits.values():
            state = edit.applied(state)
        return (state, *inputs[1:])

    return hook
