"""What sets of components do together, for `helpers.statistics.set_functions`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from helpers.errors import ParameterError
from helpers.interventions.components import Component
from helpers.interventions.edits import Edit
from helpers.interventions.replay import Replay
from helpers.statistics.set_functions import Shares, shapley_by_orders

MOST_SETS = 12
"""Components of which all sets are run: 4,096 passes."""


def all_sets(
    replay: Replay,
    values: Mapping[Component, torch.Tensor | float],
    where: torch.Tensor | None = None,
) -> np.ndarray:
    """Return what is read with every set of components replaced, (cells, 2^K) by bit mask.

    The result is what `helpers.statistics.set_functions` takes: ``shapley``, ``moebius``,
    ``first_in``, ``last_in`` and ``pair_interactions`` of it, cell by cell.

    Raises
    ------
    ParameterError
        If there are more than 12 components; `sampled_shares` samples orders instead.
    """
    names = list(values)
    if not 1 <= (k := len(names)) <= MOST_SETS:
        raise ParameterError(f"{k} components have {2**k} sets; at most {MOST_SETS} are run at all")
    said = [
        _with(replay, values, [names[i] for i in range(k) if mask >> i & 1], where)
        for mask in range(1 << k)
    ]
    return np.stack(said, axis=1)


def sampled_shares(
    replay: Replay,
    values: Mapping[Component, torch.Tensor | float],
    orders: int,
    rng: np.random.Generator,
    where: torch.Tensor | None = None,
) -> Shares:
    """Return Shapley values of the mean over cells, with standard errors, from random orders.

    The error is that of sampling orders, for these cells; cells are not resampled.
    """
    names, known = list(values), {}

    def value(present: np.ndarray) -> float:
        key = present.tobytes()
        if key not in known:
            chosen = [name for name, here in zip(names, present, strict=True) if here]
            known[key] = float(_with(replay, values, chosen, where).mean())
        return known[key]

    return shapley_by_orders(value, len(names), orders, rng)


def _with(
    replay: Replay,
    values: Mapping[Component, torch.Tensor | float],
    chosen: list[Component],
    where: torch.Tensor | None,
) -> np.ndarray:
    said = replay({c: Edit(values[c], where) for c in chosen}) if chosen else replay.base
    return said.mean(1).double().cpu().numpy()
