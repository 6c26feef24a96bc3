"""How often tests reject, and intervals cover, over many draws of a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import joblib
import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from helpers.estimates import NotEstimable
from helpers.statistics.equivalence import tost
from helpers.statistics.multiplicity import adjust
from helpers.statistics.results import Outcome

ALPHA = 0.05

Tests = Mapping[str, Outcome | NotEstimable]


def draws_of(
    make: Callable[[int], Tests], n_draws: int, seed: int = 0, cores: int = 1
) -> pd.DataFrame:
    """Make the tests on many draws of a world.

    Parameters
    ----------
    make
        Function of a seed that draws a world and returns its tests by number.
    n_draws, seed
        Number of draws, and the first seed.
    cores
        Processes; the table does not depend on them.

    Returns
    -------
    pandas.DataFrame
        One row per draw and test: ``draw, test, estimate, p, p_floor, se, df, low, high, reason``;
        only ``reason`` where the test was not estimable.
    """
    seeds = range(seed, seed + n_draws)
    if cores == 1:
        found = [make(one) for one in seeds]
    else:
        found = joblib.Parallel(n_jobs=cores)(joblib.delayed(make)(one) for one in seeds)
    rows = [
        {"draw": one, "test": number} | _row(outcome)
        for one, tests in zip(seeds, found, strict=True)
        for number, outcome in tests.items()
    ]
    columns = ["draw", "test", "estimate", "p", "p_floor", "se", "df", "low", "high", "reason"]
    return pd.DataFrame(rows).reindex(columns=columns)


def _row(outcome: Outcome | NotEstimable) -> dict:
    if isinstance(outcome, NotEstimable):
        return {"reason": outcome.reason}
    found = {name: getattr(outcome, name) for name in ("estimate", "p", "p_floor", "low", "high")}
    return found | {name: outcome.detail[name] for name in ("se", "df") if name in outcome.detail}


def rejection_rates(table: pd.DataFrame, alpha: float = ALPHA) -> pd.DataFrame:
    """Return how often each test rejected, with exact limits.

    Returns
    -------
    pandas.DataFrame
        Indexed by test: ``draws`` (where it was estimable), ``rejected``, ``share``, ``low`` and
        ``high`` (Clopper-Pearson, 95 %), and ``most``: what a rate of `alpha` stays below in 97.5 %
        of such series.
    """
    rows = {}
    for number, part in table.groupby("test", sort=False):
        p = part["p"].dropna()
        rejected = int((p <= alpha).sum())
        low, high = proportion_confint(rejected, max(len(p), 1), method="beta")
        most = stats.binom.ppf(0.975, len(p), alpha) / max(len(p), 1)
        rows[number] = (len(p), rejected, rejected / max(len(p), 1), low, high, most)
    columns = ["draws", "rejected", "share", "low", "high", "most"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("test")


def coverage(table: pd.DataFrame, level: float = 0.95) -> pd.Series:
    """Return the share of intervals that hold the mean of the estimates, by test.

    The mean over the draws is the truth that the intervals are about: under relabelling it is what
    prominence of the same genes gives, not 0.5. Tests without a standard error are left out.
    """
    held = {}
    for number, part in table.dropna(subset=["se", "df"]).groupby("test", sort=False):
        half = stats.t.ppf((1 + level) / 2, part["df"]) * part["se"]
        held[number] = float((abs(part["estimate"] - part["estimate"].mean()) <= half).mean())
    return pd.Series(held, name="coverage").rename_axis("test")


def equivalence_at_margin(table: pd.DataFrame, margin: float, alpha: float = ALPHA) -> pd.Series:
    """Return how often equivalence is declared when the truth lies on the margin, by test.

    The larger of the shares for the upper and for the lower margin.
    """
    declared = {}
    for number, part in table.dropna(subset=["se", "df"]).groupby("test", sort=False):
        truth = part["estimate"].mean()
        limits = [(truth - 2 * margin, truth), (truth, truth + 2 * margin)]
        found = part[["estimate", "se", "df"]].to_numpy()
        sides = [np.mean([tost(e, se, *at, df).p <= alpha for e, se, df in found]) for at in limits]
        declared[number] = float(max(sides))
    return pd.Series(declared, name="equivalent at the margin").rename_axis("test")


def books_with_a_call(table: pd.DataFrame, method: str, alpha: float = ALPHA) -> dict:
    """Return in how many draws anything was called after ``"bh"`` or ``"by"`` over all tests."""
    called = [
        bool((adjust(part["p"].dropna().to_numpy(), method) <= alpha).any())
        for _, part in table.groupby("draw")
    ]
    low, high = proportion_confint(sum(called), len(called), method="beta")
    share = sum(called) / len(called)
    return {"books": len(called), "called": sum(called), "share": share, "low": low, "high": high}
