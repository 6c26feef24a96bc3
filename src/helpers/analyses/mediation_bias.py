"""Paper A section 3.6 from the archived runs: unexplained effect and ranking certificates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.analyses.archive_cells import CellCheck, check
from helpers.archives.locate import Locate
from helpers.archives.mediation import read_components, read_effects
from helpers.statistics.multiplicity import adjust

LAMBDAS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
ALLOCATIONS = ("uniform", "proportional", "concentrated")
NORMAL = 1.96
LEAST_CELLS = 3
HERE = "analyses.mediation_bias.published_checks"
KEYS = ["tissue", "granularity", "pair"]


@dataclass(frozen=True)
class RunPairs:
    """The 16 run-pairs of the initial tier.

    Parameters
    ----------
    effects
        Total effect per run-pair (``tissue, granularity, pair, n, mean, se``, output units).
    components
        Restoration divided by total effect, per component (``mean, se, n``; no unit).
    """

    effects: pd.DataFrame
    components: pd.DataFrame

    def runs(self):
        """Yield ``(key, effect row, component rows)`` of every run-pair, in a fixed order."""
        grouped = dict(list(self.components.groupby(KEYS, sort=False)))
        for row in self.effects.itertuples():
            key = (row.tissue, row.granularity, row.pair)
            yield key, row, grouped[key]


def load(locate: Locate) -> RunPairs:
    """Read the initial tier of the mediation archive."""
    return RunPairs(read_effects(locate, "initial"), read_components(locate, "initial"))


def published_run_pairs(runs: RunPairs) -> pd.DataFrame:
    r"""Residual and lower bound of every run-pair with the paper's own arithmetic.

    :math:`R = TE - \sum_i \bar m_i`, where TE carries output units and :math:`\bar m_i` none;
    :math:`SE^2 = SE_{TE}^2 + \sum_i SE_i^2` with SE = 0 at n = 1; :math:`A = \max(0, |R| - 1.96
    SE)`; the ratio is :math:`A / |TE|`.
    """
    rows = []
    for key, effect, part in runs.runs():
        residual = effect.mean - part["mean"].sum()
        se = np.sqrt(np.nan_to_num(effect.se) ** 2 + (np.nan_to_num(part["se"]) ** 2).sum())
        bound = max(0.0, abs(residual) - NORMAL * se)
        ratio = bound / abs(effect.mean)
        rows.append((*key, effect.n, effect.mean, residual, se, bound, ratio, bound > 0))
    names = ["n", "total_effect", "residual", "se", "bound", "ratio", "positive"]
    return pd.DataFrame(rows, columns=[*KEYS, *names])


def corrected_run_pairs(runs: RunPairs, draws: int, seed: int) -> pd.DataFrame:
    r"""Unexplained share of every run-pair, in one unit throughout.

    :math:`R = 1 - \sum_i \bar m_i`, both terms without unit, so R = 0 in an additive model
    whatever the size of the effect. The archive keeps no cells, hence no covariances between
    components; two standard errors are shown. ``se_free`` takes components as independent
    (approximate); ``se_bound`` :math:`= \sum_i SE_i` is the largest that any dependence allows,
    and the decision uses it. ``p_*`` are two-sided: ``p_free`` from Student's t with
    Satterthwaite's degrees of freedom, ``p_bound`` from t(n - 1); ``p_*_drawn`` the same by
    drawing cells from the archived standard deviations. Fewer than 3 cells: not estimable.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for (tissue, granularity, pair), effect, part in runs.runs():
        kept = part[part["mean"] != 0]
        source, target = pair.split("->")
        residual = 1 - kept["mean"].sum()
        row = {"tissue": tissue, "granularity": granularity, "pair": pair, "n": effect.n}
        row |= {"self_pair": source == target, "components": len(kept)}
        row |= {"total_effect": effect.mean, "residual": residual}
        row["estimable"] = effect.n >= LEAST_CELLS
        if row["estimable"]:
            row |= _residual_test(residual, kept["se"].to_numpy(), effect.n, draws, rng)
        rows.append(row)
    table = pd.DataFrame(rows)
    usable = table["estimable"]
    for kind in ("free", "bound"):
        table.loc[usable, f"q_{kind}"] = adjust(table.loc[usable, f"p_{kind}"].to_numpy(float))
    return table


def _residual_test(residual: float, se: np.ndarray, n: int, draws: int, rng) -> dict:
    free, bound = float(np.sqrt((se**2).sum())), float(se.sum())
    df = (se**2).sum() ** 2 / ((se**4).sum() / (n - 1))
    t = stats.t.ppf(0.975, n - 1)
    result = {"se_free": free, "se_bound": bound}
    result["a_free"] = max(0.0, abs(residual) - stats.t.ppf(0.975, df) * free)
    result["a_bound"] = max(0.0, abs(residual) - t * bound)
    result["p_free"] = float(2 * stats.t.sf(abs(residual) / free, df))
    result["p_bound"] = float(2 * stats.t.sf(abs(residual) / bound, n - 1))
    # Under independence: K components, n cells each. Under full dependence: one shared noise.
    mean = rng.normal(size=(draws, se.size)) * se
    spread = se**2 * rng.chisquare(n - 1, size=(draws, se.size)) / (n - 1)
    drawn = np.abs(mean.sum(1)) / np.sqrt(spread.sum(1))
    result["p_free_drawn"] = (1 + int((drawn >= abs(residual) / free).sum())) / (1 + draws)
    shared = np.abs(rng.normal(size=draws)) / np.sqrt(rng.chisquare(n - 1, draws) / (n - 1))
    result["p_bound_drawn"] = (1 + int((shared >= abs(residual) / bound).sum())) / (1 + draws)
    return result


def certificates(
    runs: RunPairs, bounds: np.ndarray, allocation: str, scale: float, quantile: str = "normal"
) -> pd.DataFrame:
    r"""Certify orders of components within each run-pair.

    Component i is certified above j if :math:`|m_i| - |m_j| - q(SE_i + SE_j) > b_i + b_j`.

    Parameters
    ----------
    runs
        Run-pairs.
    bounds
        Lower bound A of each run-pair; missing (NaN) for one that is left out.
    allocation
        How the total bias ``scale * A`` is spread: ``"uniform"`` over the K components,
        ``"proportional"`` to \|m\|, ``"concentrated"`` (all of it on each component).
    scale
        Multiplier lambda of the bound.
    quantile
        ``"normal"`` (1.96, zero components kept, as published) or ``"student"`` (t(n-1), zero
        components dropped).

    Returns
    -------
    pandas.DataFrame
        One row per run-pair with the certified ``fraction`` of pairs and ``top1``.
    """
    rows = []
    for bound, (key, effect, part) in zip(bounds, runs.runs(), strict=True):
        if np.isnan(bound):
            continue
        if quantile == "student":
            part = part[part["mean"] != 0]
        q = NORMAL if quantile == "normal" else stats.t.ppf(0.975, effect.n - 1)
        size = part["mean"].abs().to_numpy()
        order = np.argsort(-size, kind="stable")
        size, se = size[order], np.nan_to_num(part["se"].to_numpy())[order]
        bias = {
            "uniform": np.full(size.size, scale * bound / size.size),
            "proportional": scale * bound * size / size.sum(),
            "concentrated": np.full(size.size, scale * bound),
        }[allocation]
        margin = size[:, None] - size - q * (se[:, None] + se)
        sure = margin > bias[:, None] + bias
        upper = np.triu_indices(size.size, 1)
        rows.append((*key, float(sure[upper].mean()), bool(sure[0, 1])))
    return pd.DataFrame(rows, columns=[*KEYS, "fraction", "top1"])


def certificate_curves(runs: RunPairs, bounds: np.ndarray, quantile: str) -> pd.DataFrame:
    """Mean certified fraction and top-1 share for every allocation and lambda."""
    rows = []
    for allocation in ALLOCATIONS:
        for scale in LAMBDAS:
            found = certificates(runs, bounds, allocation, scale, quantile)
            rows.append((allocation, scale, found["fraction"].mean(), found["top1"].mean()))
    return pd.DataFrame(rows, columns=["allocation", "lambda", "fraction", "top1"])


def published_checks(runs: RunPairs) -> list[CellCheck]:
    """Compare the printed figures of section 3.6 with the recomputed ones."""
    table = published_run_pairs(runs)
    curve = certificate_curves(runs, table["bound"].to_numpy(), "normal").query(
        "allocation == 'uniform'"
    )
    at = curve.set_index("lambda")
    note = "Six runs, 16 run-pairs; 12 are self-pairs and the other 4 hold one cell each."
    values = {
        "mediation/runs": float(table.groupby(["tissue", "granularity"]).ngroups),
        "mediation/run-pairs": float(len(table)),
        "mediation/tissues": float(table["tissue"].nunique()),
        "mediation/positive-count": float(table["positive"].sum()),
        "mediation/positive-rate": float(table["positive"].mean()),
        "mediation/median-ratio": float(table["ratio"].median()),
        "mediation/certificate-lambda1": at.loc[1.0, "fraction"],
        "mediation/certificate-lambda3": at.loc[3.0, "fraction"],
        "mediation/top1-certificate": at.loc[1.5:, "top1"].max(),
        "b/initial-tier": float(table["pair"].nunique()),
    }
    return [
        check(claim, {claim: value}, function=HERE, note=note) for claim, value in values.items()
    ]


def prevalence(table: pd.DataFrame, alpha: float = 0.05) -> dict[str, float | int]:
    """Test whether more TF-target pairs are non-additive than chance gives, pair by pair.

    A TF-target pair appears in several runs; it counts once, if its smallest Bonferroni-adjusted
    p over those runs is below `alpha`. The count is binomial at most under the null.

    Parameters
    ----------
    table
        As from `corrected_run_pairs`.
    """
    part = table[table["estimable"]]
    smallest = part.groupby("pair")["p_bound"].agg(lambda p: min(1.0, p.min() * len(p)))
    count, n = int((smallest < alpha).sum()), len(smallest)
    p = float(stats.binomtest(count, n, alpha, alternative="greater").pvalue) if n else 1.0
    return {"rejected": count, "pairs": n, "p": p, "floor": alpha**n}


def additive_world(
    total_effect: float, n: int, components: int, draws: int, seed: int, noise: float = 0.05
) -> dict[str, float]:
    """Rejection rates of both residual rules when the components add up exactly on average.

    Every cell has the same total effect, split over components with independent noise; the
    published rule compares it with restorations that were divided by it.

    Parameters
    ----------
    total_effect
        Total effect in output units.
    n, components
        Cells, and components of each cell.
    draws, seed
        Simulated run-pairs and seed.
    noise
        Standard deviation of each component's share.
    """
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(components))
    ratios = shares + noise * rng.normal(size=(draws, n, components))
    m, se = ratios.mean(1), ratios.std(1, ddof=1) / np.sqrt(n)
    free = np.sqrt((se**2).sum(1))
    published = np.abs(total_effect - m.sum(1)) > NORMAL * free
    residual = 1 - ratios.sum(2)
    t = residual.mean(1) / (residual.std(1, ddof=1) / np.sqrt(n))
    bound = np.abs(1 - m.sum(1)) > stats.t.ppf(0.975, n - 1) * se.sum(1)
    cells = np.abs(t) > stats.t.ppf(0.975, n - 1)
    return {
        "published": float(published.mean()),
        "cells": float(cells.mean()),
        "bound": float(bound.mean()),
    }
