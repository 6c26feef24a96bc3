"""Steady states of a network: Hill production in balance with decay, or a log-linear model."""

from __future__ import annotations

import numpy as np

from helpers.datasets.simulate.spec import WorldSpec
from helpers.errors import DataError

MAX_STEPS = 500
TOLERANCE = 1e-6
FLOOR = 1e-6


def steady_state(
    spec: WorldSpec,
    weight: np.ndarray,
    masters: np.ndarray,
    log_noise: np.ndarray,
    remaining: np.ndarray | None = None,
) -> np.ndarray:
    r"""Return the log level of every gene, relative to its level at half saturation.

    Parameters
    ----------
    spec
        ``kinetics``, ``hill_n``, ``basal`` and ``regulation`` are used.
    weight
        TFs x genes; row = source, column = target; the first genes are the TFs.
    masters
        TFs, boolean: regulated by no TF, produced at rate 1.
    log_noise
        Cells x genes: log factor on each gene's production.
    remaining
        Cells x TFs: share of production that a knock-down leaves; ``None`` = no knock-down.

    Returns
    -------
    numpy.ndarray
        Cells x genes.

    Raises
    ------
    DataError
        If the levels of the TFs do not settle.

    Notes
    -----
    Hill kinetics, with decay 1 and the half-saturation constant :math:`k_t` of TF t equal to its
    own level when all its regulators are at theirs:

    .. math:: x_g = e^{\epsilon_g} f_g \left(b + \sum_{t: w_{tg}>0} w_{tg} h(x_t)
              + \sum_{t: w_{tg}<0} |w_{tg}| (1 - h(x_t))\right),\quad
              h(x_t) = \frac{x_t^n}{k_t^n + x_t^n}

    so that :math:`x = k` solves the system without noise. Production of this form is that of
    SERGIO (Dibaeinia and Sinha, Cell Systems 2020), here without the intrinsic noise in time.
    """
    weight = spec.regulation * weight
    n_tfs = weight.shape[0]
    factor = np.exp(log_noise)
    if remaining is not None:
        factor[:, :n_tfs] *= np.maximum(remaining, FLOOR)
    if spec.kinetics == "log-linear":
        return _log_linear(weight, np.log(np.maximum(factor, FLOOR)))
    up, down = np.maximum(weight, 0.0), np.maximum(-weight, 0.0)
    base = np.full(weight.shape[1], spec.basal)
    base[:n_tfs][masters] = 1.0
    half = base + 0.5 * (up + down).sum(axis=0)
    # log(x/k) of the TFs is iterated; the genes they regulate follow in one product.
    fixed = base + down.sum(axis=0)
    net = up - down
    level = np.zeros((factor.shape[0], n_tfs))
    for _ in range(MAX_STEPS):
        active = 1.0 / (1.0 + np.exp(-spec.hill_n * level))
        production = fixed[:n_tfs] + active @ net[:, :n_tfs]
        new = np.log(np.maximum(factor[:, :n_tfs] * production / half[:n_tfs], FLOOR))
        step = float(np.abs(new - level).max(initial=0.0))
        level = new
        if step < TOLERANCE:
            break
    else:
        raise DataError(
            f"World {spec.name!r}: the TF levels did not settle in {MAX_STEPS} steps; "
            "lower feedback, regulation or hill_n."
        )
    active = 1.0 / (1.0 + np.exp(-spec.hill_n * level))
    production = factor * (fixed + active @ net)
    production /= half
    return np.log(np.maximum(production, FLOOR, out=production), out=production)


def _log_linear(weight: np.ndarray, drive: np.ndarray) -> np.ndarray:
    """Solve ``z = z W + drive`` for the log levels z."""
    n_tfs = weight.shape[0]
    block = np.eye(n_tfs) - weight[:, :n_tfs]
    tfs = np.linalg.solve(block.T, drive[:, :n_tfs].T).T
    level = drive.copy()
    level[:, n_tfs:] += tfs @ weight[:, n_tfs:]
    level[:, :n_tfs] = tfs
    return level
