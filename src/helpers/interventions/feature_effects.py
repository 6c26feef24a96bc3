"""What later features do when one feature is taken out of a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from helpers.interventions.components import Component
from helpers.interventions.dictionaries import Dictionary
from helpers.interventions.edits import intervene
from helpers.interventions.replacements import recorded
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
    wanted = [Component("residual", n) for n in later]

    def run(states: torch.Tensor) -> dict[int, torch.Tensor]:
        with intervene(model, {Component("residual", layer): states}):
            found = recorded(model, batch, wanted)
        return {c.layer: state for c, state in found.items()}

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
    coded = {n: (one.code(clean[n]), one.before(clean[n])) for n, one in later.items()}
    active, size, changes = [], [], {kind: {n: [] for n in later} for kind in range(3)}
    for row, feature in enumerate(features):
        here = (code[..., feature] > 0) & tokens
        direction = source.decoder[feature] if directions is None else directions[row]
        out = torch.where(here, code[..., feature], 0.0)
        after = run(states - out[..., None] * direction)
        active.append(here.any(1))
        size.append(out.sum() / here.sum().clamp_min(1))
        for n, one in later.items():
            for kind, now in enumerate((one.code(after[n]), one.before(after[n]))):
                changes[kind][n].append(_mean(now - coded[n][kind], here))
            changes[2][n].append((after[n] - clean[n])[here].sum(0) / here.sum().clamp_min(1))
    stacked = [
        {n: torch.stack(x).double().numpy() for n, x in one.items()} for one in changes.values()
    ]
    return FeatureEffects(torch.stack(active).numpy(), torch.stack(size).numpy(), *stacked)


def _mean(change: torch.Tensor, here: torch.Tensor) -> torch.Tensor:
    weight = here.to(change.dtype)
    return torch.einsum("ctf,ct->cf", change, weight) / weight.sum(1, keepdim=True).clamp_min(1)
