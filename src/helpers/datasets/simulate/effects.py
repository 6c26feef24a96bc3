"""Predicted and measured effects of perturbations whose agreement is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from helpers.errors import ParameterError

EFFECT_WORLDS = {
    "true-effects": "the prediction is the effect plus noise",
    "baseline-only": "the sizes of both grow with the expression of the gene alone",
    "tf-clustered": "each perturbation shifts all its predictions, and all its effects",
    "gene-clustered": "each gene has a prediction and an effect of its own, in all perturbations",
    "decreases": "70 % of the effects are decreases, and that is all that is predicted",
}


@dataclass(frozen=True)
class EffectWorld:
    """Changes, predicted and measured, (perturbations, genes), and expression of genes (genes,)."""

    predicted: np.ndarray = field(repr=False)
    measured: np.ndarray = field(repr=False)
    baseline: np.ndarray = field(repr=False)


def effect_world(
    name: str, n_rows: int, n_columns: int, rng: np.random.Generator, rho: float = 0.5
) -> EffectWorld:
    """Draw one of `EFFECT_WORLDS`; no perturbed gene is among the measured ones.

    Parameters
    ----------
    name
        World.
    n_rows, n_columns
        Perturbations and genes.
    rng
        Source of randomness.
    rho
        Correlation of prediction and effect in ``true-effects``.

    Raises
    ------
    ParameterError
        If there is no such world.
    """
    if name not in EFFECT_WORLDS:
        raise ParameterError(f"no world {name!r}; use one of {list(EFFECT_WORLDS)}")
    shape = n_rows, n_columns
    baseline, d, noise = rng.normal(size=n_columns), rng.normal(size=shape), rng.normal(size=shape)
    if name == "true-effects":
        return EffectWorld(rho * d + np.sqrt(1 - rho**2) * noise, d, baseline)
    if name == "baseline-only":
        return EffectWorld(noise * np.exp(baseline), d * np.exp(baseline), baseline)
    if name == "decreases":
        sign = np.where(rng.random(shape) < 0.7, -1.0, 1.0)
        return EffectWorld(-np.abs(noise), sign * np.abs(d), baseline)
    own = (n_rows, 1) if name == "tf-clustered" else (1, n_columns)
    return EffectWorld(noise + rng.normal(size=own), d + rng.normal(size=own), baseline)
