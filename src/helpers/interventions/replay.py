"""Run a model from a layer on, from what one pass has kept, and its last layer where it is read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import torch
from torch.nn.functional import linear, scaled_dot_product_attention

from helpers.errors import ModelError
from helpers.extraction.activations import watching
from helpers.interventions.components import Component
from helpers.interventions.edits import Edit, at_tokens, intervene
from helpers.interventions.readouts import Readout
from helpers.models.adapter import Batch, LayerParts, ModelAdapter

LEAST_ROWS = 8
"""Tokens of the last layer at least, per cell: products with fewer rows take other kernels, whose
last digits differ; with 4 or more no difference was seen.

:meta hide-value:
"""


class Replay:
    """One pass over some cells, ready to be repeated with components replaced.

    The pass keeps what every layer was given and what its heads put out. A repetition starts at
    the first changed layer, from its heads' output, and repeats what comes after.

    Parameters
    ----------
    model
        scGPT or Geneformer, in evaluation mode.
    batch, readout
        Cells and what is read of them.
    prune
        Whether the last layer is computed at the tokens that are read alone. Results are then equal
        to those of whole passes to the last bit on the processors that were tried; without it they
        are by construction.

    Raises
    ------
    ModelError
        If the layers of the family are not known piece by piece.
    """

    def __init__(
        self, model: ModelAdapter, batch: Batch, readout: Readout, prune: bool = True
    ) -> None:
        if model.family not in _PIECES:
            raise ModelError(f"{model.name}: replay is for {', '.join(_PIECES)}; use intervene")
        self.model, self.batch, self.readout, self.prune = model, batch, readout, prune
        self._calls: list[tuple[tuple, dict]] = []
        self._z: dict[int, torch.Tensor] = {}
        parts = model.layers()
        with ExitStack() as stack, torch.no_grad():
            for part in parts:
                hook = part.block.register_forward_pre_hook(self._keep, with_kwargs=True)
                stack.callback(hook.remove)
            stack.enter_context(watching(parts, ("z",), lambda _, n, z: self._z.update({n: z})))
            self._output = model.forward(batch)
            self.base = readout(self._output)

    def _keep(self, _module: torch.nn.Module, args: tuple, kwargs: dict) -> None:
        self._calls.append((args, kwargs))

    def __call__(self, edits: Mapping[Component, Edit | float | torch.Tensor]) -> torch.Tensor:
        """Return (cells, tokens read) predictions with components replaced; see `intervene`.

        Every edit may hold values for this many cells, or for these cells several times over.
        """
        first = max(min((c.layer for c in edits), default=self.model.n_layers - 1), 0)
        times = _times(edits, len(self.batch.ids))
        # A residual edit acts on a whole layer: before it, or on the whole state after it.
        pieces = all(c.place != "residual" for c in edits)
        with torch.no_grad(), intervene(self.model, edits):
            if pieces:
                return self.from_heads(first, _tiled(self._z[first], times), times)
            state = _tiled(self._calls[first][0][0], times)
            for layer, part in enumerate(self.model.layers()[first:], start=first):
                (_, *rest), kwargs = self._calls[layer]
                state = part.block(state, *(_tiled(x, times) for x in rest), **kwargs)
            readout = self._readout(times)
            return readout.of_states(self._output, readout.states(state))

    def z(self, layer: int) -> torch.Tensor:
        """Return what the heads of a layer put out in the pass, (cells, tokens, width)."""
        return self._z[layer]

    def places(self, times: int = 1) -> torch.Tensor | None:
        """Return (cells, tokens) at which the last layer is computed; None: at all."""
        if not self.prune:
            return None
        places = self._readout(times).places
        missing = min(LEAST_ROWS, self.batch.ids.shape[1]) - places.shape[1]
        return torch.cat([places, places[:, :1].expand(-1, max(missing, 0))], dim=1)

    def from_heads(self, first: int, z: torch.Tensor, times: int = 1) -> torch.Tensor:
        """Return (cells, tokens read) predictions from the heads' output of layer `first` on."""
        parts, places, readout = self.model.layers(), self.places(times), self._readout(times)
        state = _tiled(self._calls[first][0][0], times)
        for layer, part in enumerate(parts[first:], start=first):
            (_, *rest), kwargs = self._calls[layer]
            rest = [_tiled(x, times) for x in rest]
            at = places if layer == len(parts) - 1 else None
            if layer == first:
                state = finish(self.model, part, at_places(state, at), at_places(z, at), at)
            elif at is not None:
                z = heads_at(self.model, part, state, at, rest[0])
                state = finish(self.model, part, at_places(state, at), z, at)
            else:
                state = part.block(state, *rest, **kwargs)
        read = readout.places.shape[1]
        states = readout.states(state) if places is None else state[:, :read]
        return readout.of_states(self._output, states)

    def _readout(self, times: int) -> Readout:
        return self.readout if times == 1 else self.readout.tiled(times)


def finish(
    model: ModelAdapter,
    part: LayerParts,
    state: torch.Tensor,
    z: torch.Tensor,
    places: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the state after a layer, from the state before it and its heads' output.

    Hooks of the projection and the MLP fire as in a whole pass. With `places` (cells, tokens read)
    both states are those of these tokens alone.
    """
    after_attention, after_mlp, act = _PIECES[model.family](part.block)
    with at_tokens(places):
        state = after_attention(state + part.projection(z))
        return after_mlp(state + part.mlp_out(act(part.mlp_in(state))))


def heads_at(
    model: ModelAdapter,
    part: LayerParts,
    state: torch.Tensor,
    places: torch.Tensor,
    mask: torch.Tensor | None,
) -> torch.Tensor:
    """Return the heads' output at some tokens (cells, tokens read, width): keys are all tokens."""
    size = state.shape[-1] // model.n_heads
    projected = _QKV[model.family](part.attention, at_places(state, places), state)
    query, key, value = (x.unflatten(2, (model.n_heads, size)).transpose(1, 2) for x in projected)
    if mask is not None and mask.shape[-2] > 1:
        rows = places[:, None, :, None].expand(-1, mask.shape[1], -1, mask.shape[-1])
        mask = mask.expand(len(places), -1, -1, -1).gather(2, rows)
    z = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=size**-0.5)
    return z.transpose(1, 2).flatten(2)


def at_places(state: torch.Tensor, places: torch.Tensor | None) -> torch.Tensor:
    """Return (cells, places, width) of (cells, tokens, width); all where `places` is None."""
    if places is None:
        return state
    return state.gather(1, places[..., None].expand(-1, -1, state.shape[-1]))


def _packed(attention, here: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
    width, weight, bias = state.shape[-1], attention.in_proj_weight, attention.in_proj_bias
    query = linear(here, weight[:width], bias[:width])
    return query, *linear(state, weight[width:], bias[width:]).chunk(2, dim=-1)


def _separate(attention, here: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return attention.query(here), attention.key(state), attention.value(state)


def _scgpt_pieces(block) -> tuple:
    return block.norm1, block.norm2, torch.relu


def _bert_pieces(block) -> tuple:
    act = block.intermediate.intermediate_act_fn
    return block.attention.output.LayerNorm, block.output.LayerNorm, act


_QKV = {"scgpt": _packed, "geneformer": _separate}
_PIECES = {"scgpt": _scgpt_pieces, "geneformer": _bert_pieces}


def _times(edits: Mapping[Component, Edit | float | torch.Tensor], cells: int) -> int:
    rows = {
        len(edit.where)
        for edit in edits.values()
        if isinstance(edit, Edit) and edit.where is not None
    }
    return max(rows, default=cells) // cells


def _tiled(x, times: int):
    if times == 1 or not isinstance(x, torch.Tensor) or x.shape[0] == 1:
        return x
    return x.repeat(times, *[1] * (x.ndim - 1))
