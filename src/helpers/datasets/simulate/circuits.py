"""Games and worlds of component effects whose truth is known: interactions, circuits, noise.

A world is an array; what is true of it stands in the docstring, and the tests of the pages on
mediation must come out accordingly.
"""

from __future__ import annotations

import numpy as np

from helpers.errors import ParameterError

GATES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "XOR": (0, 1, 1, 0), "sum": (0, 0.5, 0.5, 1)}
"""Two components: values of the empty set, the first, the second, both."""

GAMES = ("additive", "one pair", "cancelling", "mixed")
CIRCUITS = {
    "no structure": "components act at random",
    "depth only": "effects fade with depth, identities random",
    "one circuit": "all pairs share six mediators, spread over depth",
    "two circuits": "each pair has six mediators of its own",
}
PROFILES = ("depth-only", "same-circuit", "opposite-sign")
LAYERS = 11


def game(name: str, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return the 2^k values of a set function with a total effect of 1, by bit mask.

    Parameters
    ----------
    name
        ``"additive"``; ``"one pair"`` (40 % of the total in one pairwise term); ``"cancelling"``
        (two pairwise terms of opposite sign); ``"mixed"`` (terms of all orders, fading).
    k
        Number of components, at least 4.
    rng
        Source of the main effects.

    Raises
    ------
    ParameterError
        If there is no such game, or it has fewer than 4 components.
    """
    if k < 4:
        raise ParameterError(f"The games need at least 4 components, not {k}.")
    if name not in GAMES:
        raise ParameterError(f"No game {name!r}; use one of {list(GAMES)}.")
    masks = np.arange(1 << k)
    order = sum((masks >> i) & 1 for i in range(k))
    mu = np.zeros(1 << k)
    main = rng.dirichlet(np.ones(k))
    mu[1 << np.arange(k)] = main
    if name == "one pair":
        mu[1 << np.arange(k)] *= 0.6
        mu[0b0011] = 0.4
    elif name == "cancelling":
        mu[0b0011], mu[0b1100] = 0.4, -0.4
    elif name == "mixed":
        high = order >= 2
        mu[high] = rng.normal(size=int(high.sum())) / 4.0 ** order[high]
    values = mu.copy()
    for i in range(k):  # v(S) is the sum of mu over the subsets of S: one pass per component
        inside = (masks >> i) & 1 == 1
        values[inside] += values[masks[inside] ^ (1 << i)]
    return values


def additive_runs(
    cells: int, components: int, draws: int, rng: np.random.Generator, noise: float = 0.05
) -> np.ndarray:
    """Draw restorations, as shares of the total effect, that add up to 1 on average in each cell.

    Parameters
    ----------
    cells, components
        Cells of a run, components of a cell.
    draws
        Runs; all have the same true shares.
    rng
        Source of randomness.
    noise
        Standard deviation of each share in a cell, independent.

    Returns
    -------
    numpy.ndarray
        Shape (draws, cells, components).
    """
    shares = rng.dirichlet(np.ones(components))
    return shares + noise * rng.normal(size=(draws, cells, components))


def circuit_effects(world: str, rng: np.random.Generator, layers: int = LAYERS) -> np.ndarray:
    """Draw mean effects of two TF-target pairs in three tissues, two components per layer.

    Parameters
    ----------
    world
        One of `CIRCUITS`.
    rng
        Source of randomness.
    layers
        Layers with two components each, at least 6.

    Returns
    -------
    numpy.ndarray
        Shape (2 pairs, 3 tissues, components).
    """
    if world not in CIRCUITS:
        raise ParameterError(f"No world {world!r}; use one of {sorted(CIRCUITS)}.")
    depth = np.repeat(np.arange(layers), 2)
    effects = rng.normal(size=(2, 3, depth.size))
    if world == "no structure":
        return effects
    if world == "depth only":
        return effects * np.exp(-depth / 3)
    columns = np.stack([rng.permutation(layers)[:6] * 2 + rng.integers(2, size=6) for _ in "12"])
    if world == "one circuit":
        columns[1] = columns[0]
    else:
        columns[1] = columns[0] ^ 1  # the other component of the same layers
    for pair in range(2):
        effects[pair, :, columns[pair]] += 4
    return effects


def tissue_profiles(
    world: str, rng: np.random.Generator, layers: int = LAYERS, noise: float = 0.3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the effects of the same components in two tissues.

    Parameters
    ----------
    world
        ``"depth-only"``: effects fade as exp(-layer / 4), component identities random;
        ``"same-circuit"``: the same effects in both tissues, with noise;
        ``"opposite-sign"``: the same effects, of opposite sign.
    rng
        Source of randomness.
    layers, noise
        Layers with two blocks each, and noise relative to a block's own effect.

    Returns
    -------
    tuple
        Effects in the first and in the second tissue, and the layer of each component.
    """
    if world not in PROFILES:
        raise ParameterError(f"No world {world!r}; use one of {list(PROFILES)}.")
    depth = np.repeat(np.arange(layers), 2)
    fade = np.exp(-depth / 4)
    first = fade * rng.lognormal(sigma=0.8, size=depth.size)
    if world == "depth-only":
        second = fade * rng.lognormal(sigma=0.8, size=depth.size)
    else:
        second = first * np.exp(noise * rng.normal(size=depth.size))
    return first, -second if world == "opposite-sign" else second, depth


def summaries(
    sd: np.ndarray, cells: int, rng: np.random.Generator, effects: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw what an archive keeps of a run: means of cells and their standard errors.

    Parameters
    ----------
    sd
        True standard deviation of one cell, per component (K,).
    cells
        Cells of the run, at least 2.
    rng
        Source of randomness.
    effects
        True means; 0 everywhere is a run without any mediator.

    Returns
    -------
    tuple
        Means and standard errors (K,), of independent normal cells.
    """
    sd = np.asarray(sd, dtype=float)
    mean = effects + sd * rng.normal(size=sd.size) / np.sqrt(cells)
    spread = np.sqrt(rng.chisquare(cells - 1, size=sd.size) / (cells - 1))
    return mean, sd * spread / np.sqrt(cells)
