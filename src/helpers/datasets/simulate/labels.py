"""Probabilities and labels of pairs whose calibration is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from helpers.errors import ParameterError

LABEL_WORLDS = {
    "calibrated": "labels are drawn from the probabilities",
    "overconfident": "the logit that is stated is three times the true one",
    "uninformative": "labels have nothing to do with the probabilities",
    "perturbation-effects": "labels share effects of their row and, weaker, of their column",
}


@dataclass(frozen=True)
class LabelWorld:
    """Pairs (rows x columns, row by row): stated probability, label, row and column of each."""

    p: np.ndarray
    label: np.ndarray
    row: np.ndarray
    column: np.ndarray


def label_world(
    name: str,
    n_rows: int,
    n_columns: int,
    rng: np.random.Generator,
    effect: float = 1.5,
    mean: float = -0.5,
) -> LabelWorld:
    """Draw one of `LABEL_WORLDS`.

    Parameters
    ----------
    name
        World.
    n_rows, n_columns
        Perturbations and targets; every pair of them stands once.
    rng
        Source of randomness.
    effect
        Standard deviation of the row effects on the logit of ``perturbation-effects``; columns
        have half of it.
    mean
        Mean of the true logit before effects; its standard deviation is 0.8.

    Raises
    ------
    ParameterError
        If there is no such world.
    """
    if name not in LABEL_WORLDS:
        raise ParameterError(f"no world {name!r}; use one of {list(LABEL_WORLDS)}")
    row, column = np.divmod(np.arange(n_rows * n_columns), n_columns)
    truth = rng.normal(mean, 0.8, row.size)
    stated = expit(3 * truth if name == "overconfident" else truth)
    if name == "uninformative":
        truth = np.full(row.size, logit(0.35))
    if name == "perturbation-effects":
        truth = truth + effect * rng.normal(size=n_rows)[row]
        truth = truth + effect / 2 * rng.normal(size=n_columns)[column]
    return LabelWorld(stated, rng.random(row.size) < expit(truth), row, column)
