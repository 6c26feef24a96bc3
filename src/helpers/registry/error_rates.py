"""How often tests reject, and intervals cover, over many draws of a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import joblib
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


def about_their_means(table: pd.DataFrame, tests: tuple[str, ...]) -> pd.DataFrame:
    """Return the table with p of these tests about the mean of their estimates instead of zero.

    Two scores that know nothing of the pairs may still differ in AUROC by a hundredth or more,
    because one of them ranks TFs higher among the targets. A comparison that finds this is right;
    whether its standard error holds is asked by testing the difference that is there.
    """
    found = table.copy()
    for number in tests:
        rows = found["test"].eq(number) & found["se"].notna()
        part = found[rows]
        t = (part["estimate"] - part["estimate"].mean()).abs() / part["se"]
        found.loc[rows, "p"] = 2 * stats.t.sf(t, part["df"])
    return found


def equivalence_at_margin(
    table: pd.DataFrame, test: str, margin: float, alpha: float = ALPHA
) -> pd.Series:
    """Return how often equivalence is declared when the truth lies on the margin.

    The truth is the mean of the estimates; the margins reach from it upwards and downwards, and the
    larger of both numbers is returned with its limits, as :func:`rejection_rates` has them.
    """
    part = table[table["test"].eq(test) & table["se"].notna()]
    truth, found = part["estimate"].mean(), part[["estimate", "se", "df"]].to_numpy()
    sides = []
    for limits in [(truth - 2 * margin, truth), (truth, truth + 2 * margin)]:
        p = [tost(value, se, *limits, df).p for value, se, df in found]
        sides.append(rejection_rates(pd.DataFrame({"test": test, "p": p}), alpha).loc[test])
    return max(sides, key=lambda one: one["rejected"])


def books_with_a_call(table: pd.DataFrame, method: str, alpha: float = ALPHA) -> pd.Series:
    """Return in how many draws anything was called after ``"bh"`` or ``"by"`` over all tests.

    The result has the entries of :func:`rejection_rates`.
    """
    smallest = [
        min(adjust(part["p"].dropna().to_numpy(), method), default=1.0)
        for _, part in table.groupby("draw")
    ]
    return rejection_rates(pd.DataFrame({"test": method, "p": smallest}), alpha).loc[method]


def binomial_range(n: int, checks: int = 1, rate: float = ALPHA) -> tuple[int, int]:
    """Return the numbers of rejections that a true rate allows.

    The interval holds a single count with probability 0.95; with several `checks`, all of them
    together with at least 0.95 (Bonferroni).
    """
    low, high = stats.binom.interval(1 - ALPHA / checks, n, rate)
    return int(low), int(high)
