"""Names of the parts of a model that can be replaced."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.errors import ParameterError
from helpers.models.adapter import ModelAdapter

PLACES = ("head", "mlp", "residual")
"""A head's output before the output projection, what the MLP adds, and the state after a layer."""


@dataclass(frozen=True, order=True)
class Component:
    """One part of one layer.

    Parameters
    ----------
    place
        ``"head"``, ``"mlp"`` or ``"residual"``.
    layer
        From 0; the residual of layer -1 is the embedding.
    head
        Number of the head, for heads only.
    """

    place: str
    layer: int
    head: int | None = None

    def __str__(self) -> str:
        """Return ``L0H1``, ``L0 MLP``, ``L0 residual`` or ``embedding``."""
        if self.place == "head":
            return f"L{self.layer}H{self.head}"
        if self.layer < 0:
            return "embedding"
        return f"L{self.layer} {'MLP' if self.place == 'mlp' else self.place}"


def heads(model: ModelAdapter) -> list[Component]:
    """Return all heads, first layer first."""
    return [
        Component("head", layer, head)
        for layer in range(model.n_layers)
        for head in range(model.n_heads)
    ]


def mlps(model: ModelAdapter) -> list[Component]:
    """Return the feed-forward parts of all layers."""
    return [Component("mlp", layer) for layer in range(model.n_layers)]


def check(component: Component, model: ModelAdapter) -> None:
    """Raise `ParameterError` where the model has no such component."""
    least = -1 if component.place == "residual" else 0
    fits = component.place in PLACES and least <= component.layer < model.n_layers
    if component.place == "head":
        fits &= component.head is not None and 0 <= component.head < model.n_heads
    elif component.head is not None:
        fits = False
    if not fits:
        raise ParameterError(
            f"{component!r} is no component of {model.name}: {model.n_layers} layers of "
            f"{model.n_heads} heads, places {', '.join(PLACES)}"
        )


def reaches(component: Component, n_layers: int, at: str = "all", read: str = "target") -> bool:
    """Return whether a component can change what is read; where not, its effect is exactly 0.

    Tokens exchange information in attention only, so that what happens at one token after the last
    attention stays there.

    Parameters
    ----------
    component, n_layers
        Component, and layers of the model.
    at
        Where it is replaced: ``"source"``, ``"target"`` or ``"all"``.
    read
        ``"target"`` (prediction at the target's token), or ``"attention:L"``, the attention of
        layer L, which only earlier layers change.
    """
    if read.startswith("attention:"):
        return component.layer < int(read.partition(":")[2])
    return at != "source" or component.layer < n_layers - 1
