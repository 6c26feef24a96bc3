r"""Sums of single-component effects against the total, and orders that noise leaves certain.

Archives keep a mean and a standard error per component, no cells. The covariances between
components of one run are therefore unknown, and every quantity here says what it assumes of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.power import t_test_mde
from helpers.statistics.results import Outcome

LEAST_CELLS = 3
NORMAL = 1.96
ALLOCATIONS = ("uniform", "proportional", "concentrated")


def residual_test(
    means: np.ndarray, se: np.ndarray, n: int, rng: np.random.Generator, draws: int
) -> Outcome | NotEstimable:
    r"""Test whether restorations, as shares of the total effect, leave something unexplained.

    :math:`R = 1 - \sum_i \bar m_i` has no unit and is 0 in an additive model whatever the size of
    the effect. Two standard errors bracket what the archive leaves open:
    :math:`SE_{free}^2 = \sum_i SE_i^2` if components are independent, and
    :math:`SE_{bound} = \sum_i SE_i`, which no dependence exceeds. The p of the outcome is that of
    the bound, t(n - 1): safe under any dependence, and weak.

    Parameters
    ----------
    means, se
        Mean restoration divided by the total effect, and its standard error, per component (K,).
    n
        Cells of the run.
    rng, draws
        Monte-Carlo draws beside both closed forms.

    Returns
    -------
    Outcome or NotEstimable
        Unit: cell. ``detail``: ``p_free`` (Satterthwaite's degrees of freedom), ``a_free`` and
        ``a_bound`` (size of R beyond the 95 % margin under either assumption), ``p_free_drawn``,
        ``p_bound_drawn``, ``se_free``, ``se_bound``, ``mde`` (of the decision) and ``mde_free``.
    """
    if n < LEAST_CELLS:
        return NotEstimable(f"{n} cell{'s' if n > 1 else ''}; at least {LEAST_CELLS} needed")
    means, se = np.asarray(means, float), np.asarray(se, float)
    residual = float(1 - means.sum())
    free, bound = float(np.sqrt((se**2).sum())), float(se.sum())
    df = float((se**2).sum() ** 2 / ((se**4).sum() / (n - 1)))
    detail = {"se_free": free, "se_bound": bound}
    detail["a_free"] = max(0.0, abs(residual) - float(stats.t.ppf(0.975, df)) * free)
    detail["a_bound"] = max(0.0, abs(residual) - float(stats.t.ppf(0.975, n - 1)) * bound)
    detail["p_free"] = float(2 * stats.t.sf(abs(residual) / free, df))
    # Under independence: K components, n cells each. Under full dependence: one shared noise.
    mean = rng.normal(size=(draws, se.size)) * se
    spread = se**2 * rng.chisquare(n - 1, size=(draws, se.size)) / (n - 1)
    drawn = np.abs(mean.sum(1)) / np.sqrt(spread.sum(1))
    detail["p_free_drawn"] = (1 + int((drawn >= abs(residual) / free).sum())) / (1 + draws)
    shared = np.abs(rng.normal(size=draws)) / np.sqrt(rng.chisquare(n - 1, draws) / (n - 1))
    detail["p_bound_drawn"] = (1 + int((shared >= abs(residual) / bound).sum())) / (1 + draws)
    detail["mde"], detail["mde_free"] = t_test_mde(bound, n), t_test_mde(free, round(df) + 1)
    return Outcome(
        estimate=residual,
        p=float(2 * stats.t.sf(abs(residual) / bound, n - 1)),
        sides="two",
        test="t with the largest standard error that any dependence allows",
        null="restorations of the traced components sum to the total effect",
        unit="cell",
        n_units=int(n),
        detail=detail,
    )


def residual_rules(ratios: np.ndarray, total_effect: float) -> dict[str, np.ndarray]:
    """Return which simulated runs three rules call non-additive at 5 %, where cells are known.

    Parameters
    ----------
    ratios
        Restorations divided by the total effect, shape (draws, cells, components).
    total_effect
        Total effect in units of the output, the same in every cell.

    Returns
    -------
    dict
        ``published`` (total effect minus a sum without unit, normal quantile), ``cells`` (t test
        of the residual of each cell) and ``bound`` (largest standard error of any dependence),
        each a boolean per draw.
    """
    n = ratios.shape[1]
    m, se = ratios.mean(1), ratios.std(1, ddof=1) / np.sqrt(n)
    left = 1 - ratios.sum(2)
    t = left.mean(1) / (left.std(1, ddof=1) / np.sqrt(n))
    critical = stats.t.ppf(0.975, n - 1)
    return {
        "published": np.abs(total_effect - m.sum(1)) > NORMAL * np.sqrt((se**2).sum(1)),
        "cells": np.abs(t) > critical,
        "bound": np.abs(1 - m.sum(1)) > critical * se.sum(1),
    }


@dataclass(frozen=True)
class Certified:
    """Orders of components that noise and an allowance for bias leave certain.

    Parameters
    ----------
    fraction
        Share of the K (K - 1) / 2 pairs whose order is certified.
    top1
        Whether the largest is certified above the second.
    """

    fraction: float
    top1: bool


def allowances(size: np.ndarray, bound: float, allocation: str) -> np.ndarray:
    r"""Spread a total bias over components.

    Parameters
    ----------
    size
        Absolute effects (K,).
    bound
        Total bias allowed for.
    allocation
        ``"uniform"`` (bound / K each), ``"proportional"`` to \|m\|, or ``"concentrated"`` (all
        of it on each component).
    """
    if allocation == "uniform":
        return np.full(size.size, bound / size.size)
    if allocation == "proportional":
        return bound * size / size.sum()
    if allocation == "concentrated":
        return np.full(size.size, float(bound))
    raise ParameterError(f"No allocation {allocation!r}; use one of {list(ALLOCATIONS)}.")


def certified_orders(
    means: np.ndarray, se: np.ndarray, bound: float, allocation: str, quantile: float = NORMAL
) -> Certified:
    r"""Certify i above j where :math:`|m_i| - |m_j| - q(SE_i + SE_j) > b_i + b_j`.

    Parameters
    ----------
    means, se
        Mean effects and standard errors (K,); a missing standard error counts as 0, as published.
    bound, allocation
        Total bias allowed for and how it is spread; see `allowances`.
    quantile
        q; 1.96 as published, or a quantile of Student's t.
    """
    size = np.abs(np.asarray(means, float))
    order = np.argsort(-size, kind="stable")
    size, se = size[order], np.nan_to_num(np.asarray(se, float))[order]
    bias = allowances(size, bound, allocation)
    margin = size[:, None] - size - quantile * (se[:, None] + se)
    sure = margin > bias[:, None] + bias
    upper = np.triu_indices(size.size, 1)
    return Certified(float(sure[upper].mean()), bool(sure[0, 1]))


def prevalence_test(
    p: np.ndarray, groups: np.ndarray, alpha: float = 0.05
) -> Outcome | NotEstimable:
    """Test whether more groups are called than chance gives, each group counted once.

    A group (a TF-target pair) is called where its smallest p, times the number of its p values,
    is below `alpha`. Under the null the number of calls is binomial at most, whatever the
    dependence inside a group.

    Parameters
    ----------
    p, groups
        p values and the group of each, shape (m,).
    alpha
        Level of a call and of the power behind ``mde``.

    Returns
    -------
    Outcome or NotEstimable
        Unit: TF. ``detail["mde"]``: the smallest true share of called groups that would have been
        found with power 0.8, or ``None`` where no share would.
    """
    names = np.unique(groups)
    if not names.size:
        return NotEstimable("no TF-target pair can be tested")
    parts = [np.asarray(p, float)[np.asarray(groups) == name] for name in names]
    calls = int(sum(part.min() * part.size < alpha for part in parts))
    n = int(names.size)
    tails = stats.binom.sf(np.arange(n + 1) - 1, n, alpha)
    needed = np.flatnonzero(tails <= alpha)
    # P(X >= c) >= 0.8 is solved by the 80 % quantile of the beta law of the c-th order statistic.
    mde = float(stats.beta.ppf(0.8, needed[0], n - needed[0] + 1)) if needed.size else None
    return Outcome(
        estimate=float(calls),
        p=float(stats.binomtest(calls, n, alpha, alternative="greater").pvalue),
        sides="one",
        test="exact binomial over distinct TF-target pairs",
        null="each pair is called with probability 0.05 at most",
        unit="TF",
        n_units=n,
        p_floor=alpha**n,
        detail={"mde": mde, "needed": int(needed[0]) if needed.size else None},
    )
