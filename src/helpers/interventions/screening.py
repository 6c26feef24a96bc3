"""Rank all components from one backward pass, and judge the first of them exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy import stats

from helpers.errors import ParameterError
from helpers.extraction.activations import watching
from helpers.interventions.components import Component
from helpers.interventions.effects import each
from helpers.interventions.replay import Replay, at_places

Held = dict[tuple[str, int], torch.Tensor]
"""What heads ("z") and MLPs ("mlp") of each layer hold, or its slope."""

_WATCHED = {"head": "z", "mlp": "mlp"}


def attribution(
    replay: Replay,
    values: Mapping[Component, torch.Tensor | float],
    where: torch.Tensor | None = None,
) -> pd.DataFrame:
    r"""Return the first-order effect of every replacement, (component, cell).

    :math:`\sum_t (v_t - a_t)\cdot \partial y/\partial a_t` over the tokens t that are replaced:
    what is read, y, is taken to be linear in what the component holds, a, on the way to v. Exact
    for linear models and small changes; saturated softmax and layer norms bend it, and interactions
    are not in it.

    Raises
    ------
    ParameterError
        If a component is no head and no MLP.
    """
    with taped(replay) as (said, held):
        slope = dict(zip(held, torch.autograd.grad(said, list(held.values())), strict=True))
    return first_order(replay, values, where, held, slope)


@contextmanager
def taped(replay: Replay) -> Iterator[tuple[torch.Tensor, Held]]:
    """Give the sum over cells of what is read, and what heads and MLPs hold, ready for slopes.

    The pass begins with what the heads of the first layer have put out, and ends where it is read.
    """
    held: Held = {}
    first = replay.z(0).detach().requires_grad_()
    with torch.enable_grad():
        sites = watching(
            replay.model.layers(), ("z", "mlp"), lambda p, n, x: held.update({(p, n): x})
        )
        with sites:
            said = replay.from_heads(0, first).mean(1).sum()
        yield said, held


def first_order(
    replay: Replay,
    values: Mapping[Component, torch.Tensor | float],
    where: torch.Tensor | None,
    held: Held,
    slope: Held,
) -> pd.DataFrame:
    """Return slope times change of every component, (component, cell)."""
    if other := [str(c) for c in values if c.place not in _WATCHED]:
        raise ParameterError(f"attribution is for heads and MLPs, not {', '.join(other[:3])}")
    last, rows = replay.model.n_layers - 1, []
    for component, value in values.items():
        at = _WATCHED[component.place], component.layer
        places = replay.places() if component.layer == last else None
        state, gradient = held[at].detach(), slope[at]
        if component.head is not None:
            pick = (slice(None), slice(None), component.head)
            state, gradient = (
                x.unflatten(2, (replay.model.n_heads, -1))[pick] for x in (state, gradient)
            )
        if isinstance(value, torch.Tensor) and value.ndim == 3 and value.shape[1] > 1:
            value = at_places(value.expand(len(state), -1, -1), places)
        change = ((value - state) * gradient).sum(-1)
        if where is not None:
            change = change * (where if places is None else where.gather(1, places))
        rows.append(change.sum(1).double().cpu().numpy())
    index = pd.Index(list(values), name="component", tupleize_cols=False)
    return pd.DataFrame(np.stack(rows), index, pd.Index(replay.batch.cells, name="cell"))


@dataclass(frozen=True)
class Screened:
    """Components ranked by attribution, some of them judged exactly.

    Parameters
    ----------
    attribution
        First-order effects of all components, (component, cell).
    exact
        Effects of the first `k` by size of mean attribution and of as many others drawn at
        random, (component, cell).
    agreement
        Spearman correlation of mean attribution and mean exact effect over the components in
        `exact`; None with fewer than three. The random ones are in it because the first k alone
        would say nothing of what the ranking has missed.
    """

    attribution: pd.DataFrame
    exact: pd.DataFrame
    agreement: float | None


def screened(
    replay: Replay,
    values: Mapping[Component, torch.Tensor | float],
    k: int,
    rng: np.random.Generator,
    where: torch.Tensor | None = None,
) -> Screened:
    """Rank by `attribution`, then replace the first k and k random others one by one."""
    guess = attribution(replay, values, where)
    size = guess.mean(axis=1).abs().to_numpy()
    order = np.argsort(-size, kind="stable")
    rest = rng.permutation(order[k:])[:k]
    chosen = [guess.index[i] for i in (*order[:k], *rest)]
    exact = each(replay, {c: values[c] for c in chosen}, where)
    agreement = None
    if len(chosen) >= 3:
        means = guess.loc[chosen].mean(axis=1), exact.mean(axis=1)
        agreement = float(stats.spearmanr(*means).statistic)
    return Screened(guess, exact, agreement)
