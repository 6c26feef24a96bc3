r"""AtP*: what the slope alone cannot see of queries and keys, and where its parts cancel.

Attribution patching replaces an effect by slope times change. Two corrections (Kramar et al. 2024):

- A query or key acts through a softmax. Where attention is saturated its slope is near 0, though a
  new query may send the head elsewhere. The softmax is computed again with the query or key of the
  other run (`with_part`); only what comes after the head's output is taken to be linear.
- The slope of what is read is a sum over paths, which can cancel although each of them bends
  differently. `grad_drop` takes the slope once for every layer, without the paths through that
  layer's attention and MLP, and averages the *sizes*.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np
import pandas as pd
import torch

from helpers.errors import ModelError, ParameterError
from helpers.interventions.components import Component
from helpers.interventions.replay import Replay, at_places
from helpers.interventions.screening import first_order, taped
from helpers.models.adapter import Batch, ModelAdapter
from helpers.models.attention import full_attention, tapping

PARTS = ("query", "key", "value")


def with_part(
    model: ModelAdapter,
    clean: Batch,
    changed: Batch,
    part: str,
    where: torch.Tensor | None = None,
) -> dict[Component, torch.Tensor]:
    """Return every head's output in the changed run, given its clean query, key or value.

    A query, key or value acts through its own head's output alone, so that to write these outputs
    is to patch it exactly, and `attribution` of them is attribution patching with the softmax
    computed again.

    Parameters
    ----------
    model, clean, changed
        Model, and the same tokens in the same places in two runs.
    part
        ``"query"``, ``"key"`` or ``"value"``.
    where
        (cells, tokens) bool: tokens whose query, key or value is the clean one; None for all.

    Returns
    -------
    dict
        Head -> (cells, tokens, size). Memory grows with the square of the tokens.

    Raises
    ------
    ParameterError
        If `part` is none of the three.
    """
    found, n = {}, _number(part)
    runs = zip(_attended(model, clean), _attended(model, changed), strict=True)
    for layer, (before, (parts, mask, scaling)) in enumerate(runs):
        mixed = list(parts)
        mixed[n] = before[0][n] if where is None else _chosen(where, before[0][n], parts[n])
        z = full_attention(mixed[0], mixed[1], mask, scaling) @ mixed[2]
        found |= {Component("head", layer, head): z[:, head] for head in range(model.n_heads)}
    return found


def part_attribution(
    replay: Replay, clean: Batch, part: str, where: torch.Tensor | None = None
) -> pd.DataFrame:
    """Return the first-order effect of every head's clean query, key or value, (head, cell).

    Plain attribution patching, whose slope goes through the softmax; `replay` is of the changed
    run. For the corrected one, hand `with_part` to `attribution`.
    """
    model, rows, n = replay.model, {}, _number(part)
    with taped(replay) as (said, held):
        zs = [held["z", layer] for layer in range(model.n_layers)]
        slopes = torch.autograd.grad(said, zs)
    runs = zip(_attended(model, clean), _attended(model, replay.batch), strict=True)
    for layer, (before, (parts, mask, scaling)) in enumerate(runs):
        leaf = parts[n].detach().requires_grad_()
        query, key, value = (leaf if i == n else x for i, x in enumerate(parts))
        z = full_attention(query, key, mask, scaling) @ value
        packed = z.transpose(1, 2).flatten(2)
        places = replay.places() if layer == model.n_layers - 1 else None
        (slope,) = torch.autograd.grad((at_places(packed, places) * slopes[layer]).sum(), leaf)
        change = ((before[0][n] - parts[n]) * slope).sum(-1)
        change = change if where is None else change * where[:, None]
        for head in range(model.n_heads):
            rows[Component("head", layer, head)] = change[:, head].sum(1).double().cpu().numpy()
    index = pd.Index(list(rows), name="component", tupleize_cols=False)
    return pd.DataFrame(
        np.stack(list(rows.values())), index, pd.Index(replay.batch.cells, name="cell")
    )


def grad_drop(
    replay: Replay,
    values: Mapping[Component, torch.Tensor | float],
    where: torch.Tensor | None = None,
) -> pd.DataFrame:
    r"""Return :math:`\frac{1}{L-1}\sum_l |\hat e_l|`, sizes of effects, (component, cell).

    :math:`\hat e_l` is `attribution` without the slope through layer l, which what stands in that
    layer cannot have. It costs a backward pass for each of the L layers.

    Raises
    ------
    ParameterError
        If the model has one layer, or a component is no head and no MLP.
    """
    layers = replay.model.layers()
    if (n := len(layers)) < 2:
        raise ParameterError("dropping the slope of the only layer leaves nothing")
    dropped, total = [0], 0.0

    def watch(layer: int):
        def stop(slope: torch.Tensor) -> torch.Tensor | None:
            return torch.zeros_like(slope) if layer == dropped[0] else None

        def hook(_module, _inputs, output: torch.Tensor) -> None:
            if output.requires_grad:
                output.register_hook(stop)

        return hook

    with ExitStack() as stack:
        for layer, part in enumerate(layers):
            for module in (part.projection, part.mlp_out):
                stack.callback(module.register_forward_hook(watch(layer)).remove)
        said, held = stack.enter_context(taped(replay))
        for layer in range(n):
            dropped[0] = layer
            slopes = torch.autograd.grad(said, list(held.values()), retain_graph=True)
            # what stands in the dropped layer itself has no slope left
            kept = zip(held, slopes, strict=True)
            slope = {at: x * (at[1] != layer) for at, x in kept}
            total = total + first_order(replay, values, where, held, slope).abs()
    return total / (n - 1)


def _number(part: str) -> int:
    if part not in PARTS:
        raise ParameterError(f"part is {part!r}; one of {', '.join(PARTS)} expected")
    return PARTS.index(part)


def _attended(model: ModelAdapter, batch: Batch) -> list[tuple]:
    """Return, layer by layer, (query, key, value), mask and scaling of one pass."""
    seen: list[tuple] = []

    def tap(_layer, query, key, value, mask, scaling, _module) -> None:
        seen.append(((query, key, value), mask, scaling))

    with torch.no_grad(), tapping(tap):
        model.forward(batch)
    if len(seen) != model.n_layers:
        raise ModelError(f"{model.name}: queries and keys of {len(seen)} layers seen; load it anew")
    return seen


def _chosen(where: torch.Tensor, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return torch.where(where[:, None, :, None], one, other)
