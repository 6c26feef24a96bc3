"""Effects of sets of components: interactions, Shapley values, and what one at a time misses.

A set function v gives the output when the components in S carry their clean activation and all
others the ablated one. Values are stored by bit mask: entry ``m`` of the last axis belongs to
the set of components whose bits are set in ``m``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers.errors import ParameterError

MOST_EXACT = 20


@dataclass(frozen=True)
class Shares:
    """Shapley values by sampling orders.

    Parameters
    ----------
    value, se
        Estimates and their standard errors, one per component.
    orders
        Number of orders drawn, reversed ones included.
    """

    value: np.ndarray
    se: np.ndarray
    orders: int


def components_of(values: np.ndarray) -> int:
    """Return the number K of components of a set function with 2^K values.

    Raises
    ------
    ParameterError
        If the length is no power of two, or K exceeds 20.
    """
    size = values.shape[-1]
    k = size.bit_length() - 1
    if size != 1 << k or k < 1:
        raise ParameterError(f"{size} values are not one per set of components (2, 4, 8 ...).")
    if k > MOST_EXACT:
        raise ParameterError(f"{k} components have {size} sets; sample orders instead.")
    return k


def moebius(values: np.ndarray) -> np.ndarray:
    r"""Return interaction coefficients :math:`\mu(S)=\sum_{T\subseteq S}(-1)^{|S|-|T|}v(T)`.

    The fast transform of Yates: K passes over the 2^K values.

    Parameters
    ----------
    values
        Shape (..., 2^K).
    """
    k = components_of(values)
    result = np.array(values, dtype=float)
    for i in range(k):
        halves = result.reshape(*result.shape[:-1], -1, 2, 1 << i)
        halves[..., 1, :] -= halves[..., 0, :]
    return result


def sizes(k: int) -> np.ndarray:
    """Return the number of members of each of the 2^k sets."""
    masks = np.arange(1 << k)
    return sum((masks >> i) & 1 for i in range(k))


def shapley(values: np.ndarray) -> np.ndarray:
    r"""Return Shapley values :math:`\phi_i=\sum_{S\ni i}\mu(S)/|S|` (Shapley 1953).

    Parameters
    ----------
    values
        Shape (..., 2^K); the result has shape (..., K).
    """
    k = components_of(values)
    shared = moebius(values)[..., 1:] / sizes(k)[1:]
    masks = np.arange(1, 1 << k)
    return np.stack([shared[..., (masks >> i) & 1 == 1].sum(-1) for i in range(k)], axis=-1)


def first_in(values: np.ndarray) -> np.ndarray:
    """Return v({i}) - v(empty): restore one component in the ablated run."""
    k = components_of(values)
    return values[..., [1 << i for i in range(k)]] - values[..., :1]


def last_in(values: np.ndarray) -> np.ndarray:
    """Return v(all) - v(all but i): ablate one component in the clean run."""
    k = components_of(values)
    full = (1 << k) - 1
    return values[..., -1:] - values[..., [full ^ (1 << i) for i in range(k)]]


def pair_interactions(values: np.ndarray) -> np.ndarray:
    """Return v({i,j}) - v({i}) - v({j}) + v(empty) as a symmetric (..., K, K) array."""
    k = components_of(values)
    one = 1 << np.arange(k)
    both = values[..., one[:, None] | one[None, :]]
    alone = values[..., one]
    result = both - alone[..., :, None] - alone[..., None, :] + values[..., 0, None, None]
    result[..., np.arange(k), np.arange(k)] = 0.0
    return result


def shapley_by_orders(
    value: Callable[[np.ndarray], float], k: int, orders: int, rng: np.random.Generator
) -> Shares:
    """Estimate Shapley values from random orders, each followed by its reverse.

    Parameters
    ----------
    value
        Set function of a boolean vector of length `k`.
    k
        Number of components.
    orders
        Number of orders, rounded up to an even number.
    rng
        Source of randomness.
    """
    gains = []
    for _ in range((orders + 1) // 2):
        order = rng.permutation(k)
        both = []
        for path in (order, order[::-1]):
            present = np.zeros(k, dtype=bool)
            gain, before = np.zeros(k), value(present)
            for i in path:
                present[i] = True
                after = value(present)
                gain[i], before = after - before, after
            both.append(gain)
        gains.append(np.mean(both, axis=0))
    table = np.array(gains)
    se = table.std(0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else np.full(k, np.nan)
    return Shares(table.mean(0), se, 2 * len(table))
