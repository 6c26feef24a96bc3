"""A small random generator for compiled loops: SplitMix64, one stream per draw.

The seeds come from the caller's ``numpy.random.Generator``, so results do not depend on threads
or on the order of the draws (Steele, Lea, Flood 2014, OOPSLA 453-472).
"""

from __future__ import annotations

import numpy as np
from numba import njit

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@njit(cache=True, nogil=True)
def below(state, n):
    """Return a uniform integer in [0, n); `state` is a uint64 array of length one."""
    state[0] += _STEP
    z = state[0]
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    z = z ^ (z >> _S31)
    # 53 random bits times n: the bias of at most n / 2^53 is far below any Monte Carlo error.
    return np.int64((z >> _S11) * (1.0 / 9007199254740992.0) * n)


def stream_seeds(rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return one uint64 seed per draw."""
    return rng.integers(0, 2**64, size=draws, dtype=np.uint64)
