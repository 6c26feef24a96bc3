"""Registries with known truth: what BH and BY do when tests share data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.errors import ParameterError


@dataclass(frozen=True)
class RegistryDesign:
    """A registry of tests that come in blocks sharing data.

    Parameters
    ----------
    n_tests
        Tests per registry.
    block
        Tests per block; the tests of a block are correlated with each other only.
    correlation
        Correlation of the normal test statistics inside a block.
    share_true
        Share of tests with an effect.
    effect
        Mean of the test statistic where there is an effect, in standard errors.
    """

    n_tests: int = 95
    block: int = 5
    correlation: float = 0.7
    share_true: float = 0.0
    effect: float = 3.0

    def __post_init__(self) -> None:
        if self.n_tests < 1 or self.block < 1:
            raise ParameterError("a registry needs tests, and a block at least one of them")
        if not 0 <= self.correlation < 1 or not 0 <= self.share_true <= 1:
            raise ParameterError("correlation must lie in [0, 1) and share_true in [0, 1]")


def simulate(
    design: RegistryDesign, repetitions: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw registries of two-sided p values.

    Returns
    -------
    (p, truth)
        Arrays (repetitions, n_tests): p values, and whether the test has an effect. Effects are
        drawn anew in every repetition, without regard to blocks, with random sign.
    """
    shape = (repetitions, design.n_tests)
    n_blocks = -(-design.n_tests // design.block)
    shared = np.repeat(rng.standard_normal((repetitions, n_blocks)), design.block, axis=1)
    own = rng.standard_normal(shape)
    rho = design.correlation
    noise = np.sqrt(rho) * shared[:, : design.n_tests] + np.sqrt(1 - rho) * own
    n_true = round(design.share_true * design.n_tests)
    truth = rng.permuted(np.broadcast_to(np.arange(design.n_tests) < n_true, shape), axis=1)
    sign = rng.choice([-1.0, 1.0], size=shape)
    z = noise + truth * sign * design.effect
    return 2 * stats.norm.sf(np.abs(z)), truth


def rejections(p: np.ndarray, alpha: float = 0.05, method: str = "bh") -> np.ndarray:
    """Return which tests of each registry (row) are called by ``"bh"`` or ``"by"``."""
    if method not in ("bh", "by"):
        raise ParameterError(f"method is {method!r}; choose 'bh' or 'by'")
    return stats.false_discovery_control(p, axis=1, method=method) <= alpha


@dataclass(frozen=True)
class Realised:
    """What a procedure did over many registries.

    Parameters
    ----------
    fdr, fdr_se
        Mean over registries of the share of false calls among calls (0 where nothing is called),
        and its standard error.
    any_false, any_false_count
        Share and number of registries with at least one false call.
    power
        Mean share of true effects that are called; ``None`` without effects.
    repetitions
        Number of registries.
    """

    fdr: float
    fdr_se: float
    any_false: float
    any_false_count: int
    power: float | None
    repetitions: int


def realised(called: np.ndarray, truth: np.ndarray) -> Realised:
    """Summarise calls against the truth, both (repetitions, tests)."""
    false = (called & ~truth).sum(axis=1)
    share = false / np.maximum(called.sum(axis=1), 1)
    n_true = truth.sum(axis=1)
    power = float(((called & truth).sum(axis=1) / n_true).mean()) if n_true.all() else None
    return Realised(
        float(share.mean()),
        float(share.std(ddof=1) / np.sqrt(len(share))),
        float((false > 0).mean()),
        int((false > 0).sum()),
        power,
        len(share),
    )


def error_rates(
    repetitions: int, rng: np.random.Generator, alpha: float = 0.05
) -> tuple[pd.DataFrame, dict[tuple[str, str], Realised]]:
    """Run BH and BY on null registries and on mixtures with 60 % effects.

    Returns
    -------
    (table, found)
        One row per world and procedure; and the same by ``(world, procedure)``.
    """
    worlds = {
        "all null, independent": RegistryDesign(correlation=0.0),
        "all null, blocks": RegistryDesign(),
        "60 % effects, blocks": RegistryDesign(share_true=0.6),
    }
    rows, found = [], {}
    for name, design in worlds.items():
        p, truth = simulate(design, repetitions, rng)
        for method in ("bh", "by"):
            result = realised(rejections(p, alpha, method), truth)
            found[name, method] = result
            rows.append(
                {
                    "registry": name,
                    "procedure": method.upper(),
                    "FDR": result.fdr,
                    "standard error": result.fdr_se,
                    "any false call": result.any_false,
                    "power": "no effects" if result.power is None else f"{result.power:.3f}",
                    "registries": repetitions,
                }
            )
    return pd.DataFrame(rows), found
