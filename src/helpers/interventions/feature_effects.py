"""What later features do when one feature is taken out of a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch

from helpers.interventions.dictionaries import Dictionary
from helpers.models.adapter import Batch, ModelAdapter

Run = Callable[[torch.Tensor], Mapping[int, torch.Tensor]]
"""States (cells, tokens, width) after the source layer -> layer -> states after later layers."""


@dataclass(frozen=True)
class FeatureEffects:
    """Mean changes at the tokens at which a source was active.

    Parameters
    ----------
    active
        (sources, cells) booleans: cells with such a token.
    size
        (sources,) mean length of what was taken out at a token.
    code, before
        Layer -> (sources, cells, features) changes of the TopK outputs, which are often exactly 0,
        and of the pre-activations; 0 where the source is not active.
    state
        Layer -> (sources, width) mean change of the state over all such tokens.
    """

    active: np.ndarray
    size: np.ndarray
    code: Mapping[int, np.ndarray]
    before: Mapping[int, np.ndarray]
    state: Mapping[int, np.ndarray]


def rerun(model: ModelAdapter, batch: Batch, layer: int, later: Sequence[int]) -> Run:
    """Return a run of a model with the residual stream after `layer` given."""
    blocks, calls = [part.block for part in model.layers()], {}
    with ExitStack() as stack, torch.no_grad():
        for n in range(layer + 1, max(later) + 1):

            def keep(_module, args, kwargs, n=n):
                calls[n] = args[1:], kwargs

            hook = blocks[n].register_forward_pre_hook(keep, with_kwargs=True)
            stack.callback(hook.remove)
        model.forward(batch)

    def run(states: torch.Tensor) -> dict[int, torch.Tensor]:
        found = {}
        with torch.no_grad():
            for n, (args, kwargs) in calls.items():  # what comes before the layer is not repeated
                states = found[n] = blocks[n](states, *args, **kwargs)
        return {n: found[n] for n in later}

    return run


def feature_effects(
    run: Run,
    states: torch.Tensor,
    source: Dictionary,
    later: Mapping[int, Dictionary],
    features: Sequence[int],
    tokens: torch.Tensor,
    directions: torch.Tensor | None = None,
) -> FeatureEffects:
    r"""Take features out one at a time: :math:`h \leftarrow h + \hat h(z_{-f}) - \hat h(z)`.

    What the dictionary does not rebuild stays as it is, and so do tokens without the feature.

    Parameters
    ----------
    run
        From `rerun`, or any function of states.
    states
        (cells, tokens, width) after the source layer.
    source, later
        Dictionary of the source layer, and those of later layers.
    features
        Features that are taken out.
    tokens
        (cells, tokens) bool: tokens of genes.
    directions
        (features taken out, width) unit directions that are written with the feature's own size in
        place of it: a control of the same norm.
    """
    clean, code = run(states), source.code(states)

    def coded(layer: int, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        before = later[layer].before(states)
        return later[layer].largest(before), before

    whole = {n: coded(n, clean[n]) for n in later}
    active, size, changes = [], [], {kind: {n: [] for n in later} for kind in range(3)}
    for row, feature in enumerate(features):
        here = (code[..., feature] > 0) & tokens
        direction = source.decoder[feature] if directions is None else directions[row]
        out = torch.where(here, code[..., feature], 0.0)
        after = run(states - out[..., None] * direction)
        active.append(here.any(1))
        size.append(out.sum() / here.sum().clamp_min(1))
        for n in later:
            for kind, now in enumerate(coded(n, after[n][here])):  # no other token counts
                change = torch.zeros_like(whole[n][kind])
                change[here] = now - whole[n][kind][here]
                changes[kind][n].append(_mean(change, here))
            changes[2][n].append((after[n] - clean[n])[here].sum(0) / here.sum().clamp_min(1))
    stacked = [
        {n: torch.stack(x).double().numpy() for n, x in one.items()} for one in changes.values()
    ]
    return FeatureEffects(torch.stack(active).numpy(), torch.stack(size).numpy(), *stacked)


def _mean(change: torch.Tensor, here: torch.Tensor) -> torch.Tensor:
    weight = here.to(change.dtype)
    return torch.einsum("ctf,ct->cf", change, weight) / weight.sum(1, keepdim=True).clamp_min(1)
