"""What is written in a component's place: nothing, a mean, another cell's, another run's."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from helpers.errors import ParameterError
from helpers.extraction.activations import watching
from helpers.interventions.components import Component, check
from helpers.models.adapter import Batch, ModelAdapter
from helpers.models.attention import tapping

KINDS = ("zero", "mean", "resample", "uniform")
_WATCHED = {"head": "z", "mlp": "mlp", "residual": "residual"}


def recorded(
    model: ModelAdapter, batch: Batch, components: Sequence[Component]
) -> dict[Component, torch.Tensor]:
    """Return what components hold in one pass: component -> (cells, tokens, size).

    Raises
    ------
    ParameterError
        If the model has no such component.
    """
    for component in components:
        check(component, model)
    seen: dict[tuple[str, int], torch.Tensor] = {}
    parts = model.layers()
    embedding = parts[0].block.register_forward_pre_hook(
        lambda _module, inputs: seen.__setitem__(("residual", -1), inputs[0])
    )
    try:
        watched = sorted({_WATCHED[c.place] for c in components})
        with torch.no_grad(), watching(parts, watched, lambda p, n, x: seen.__setitem__((p, n), x)):
            model.forward(batch)
    finally:
        embedding.remove()
    found = {}
    for component in components:
        state = seen[_WATCHED[component.place], component.layer]
        if component.head is not None:
            state = state.unflatten(2, (model.n_heads, -1))[:, :, component.head]
        found[component] = state
    return found


def replacement(
    model: ModelAdapter,
    batch: Batch,
    components: Sequence[Component],
    how: str = "zero",
    generator: torch.Generator | None = None,
) -> dict[Component, torch.Tensor | float]:
    """Return what ablation writes: component -> number or (cells, tokens, size).

    Parameters
    ----------
    model, batch, components
        Model, cells, and what is ablated.
    how
        ``"zero"``; ``"mean"``: the mean over the cells of the batch at the tokens of the same
        gene; ``"resample"``: what it holds at the token of the same gene in another cell, at
        random, each cell's used once (a gene that one cell alone holds keeps its own).
        Special tokens count as one gene for each place. ``"uniform"``, for heads: the mean of the
        values of all tokens, what the head would give if it attended to all of them alike; values
        are those of the unchanged pass.
    generator
        For ``"resample"``.

    Raises
    ------
    ParameterError
        If there is no such kind, or nothing random to draw from.
    """
    if how == "zero":
        return dict.fromkeys(components, 0.0)
    if how not in KINDS:
        raise ParameterError(f"how is {how!r}; one of {', '.join(KINDS)} expected")
    if how == "resample" and generator is None:
        raise ParameterError("resample draws at random; give a torch.Generator")
    if how == "uniform":
        return _uniform(model, batch, components)
    group = _groups(batch)
    held = recorded(model, batch, components)
    if how == "resample":
        source = _another(group, generator)
        return {c: x.flatten(0, 1)[source].view_as(x) for c, x in held.items()}
    return {c: _means(x, group) for c, x in held.items()}


def _groups(batch: Batch) -> torch.Tensor:
    """Return (cells * tokens,) numbers that tokens of one gene share; padding is a group."""
    places = torch.arange(batch.ids.shape[1], device=batch.ids.device).expand_as(batch.ids)
    group = torch.where(batch.genes >= 0, batch.genes, -2 - places)
    return torch.where(batch.padding, -1, group).flatten().unique(return_inverse=True)[1]


def _uniform(
    model: ModelAdapter, batch: Batch, components: Sequence[Component]
) -> dict[Component, torch.Tensor | float]:
    if other := [str(c) for c in components if c.place != "head"]:
        raise ParameterError(f"only heads attend; not {', '.join(other[:3])}")
    seen: dict[int, torch.Tensor] = {}

    def tap(layer, _query, _key, value, *_) -> None:
        seen[layer] = value

    with torch.no_grad(), tapping(tap):
        model.forward(batch)
    visible = (~batch.padding).to(seen[0].dtype)[:, :, None]
    total = visible.sum(1, keepdim=True)
    return {
        c: (seen[c.layer][:, c.head] * visible).sum(1, keepdim=True) / total for c in components
    }


def _means(state: torch.Tensor, group: torch.Tensor) -> torch.Tensor:
    flat = state.flatten(0, 1)
    total = flat.new_zeros(int(group.max()) + 1, flat.shape[1]).index_add_(0, group, flat)
    return (total / group.bincount()[:, None])[group].view_as(state)


def _another(group: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a permutation in which every token takes that of the next of its group."""
    shuffled = torch.randperm(len(group), generator=generator).to(group.device)
    order = shuffled[group[shuffled].argsort(stable=True)]
    sizes = group.bincount()
    ends = sizes.cumsum(0) - 1
    following = torch.arange(1, len(group) + 1, device=group.device)
    following[ends] = ends - sizes + 1
    source = torch.empty_like(order)
    source[order] = order[following]
    return source
