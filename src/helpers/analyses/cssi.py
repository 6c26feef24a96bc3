"""State-wise aggregation (CSSI) on the two synthetic designs: who gains, with which strata."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from helpers.datasets.simulate import T2_CONFIGURATIONS, T2Draw, t2_draw
from helpers.edges import aggregate, calibrated, kmeans, rank_sum, split_gaussian
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.statistics.multiplicity import adjust
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome

N_TFS = 5
MIN_CELLS = 10
ALPHA = 0.05
NULLS = ("shuffled labels", "random labels", "targets permuted in strata")


def correlations(values: np.ndarray, labels: np.ndarray | None = None) -> xr.DataArray:
    """Return signed Spearman correlations of TFs with targets inside each stratum.

    Parameters
    ----------
    values
        (cells, genes), the first 5 columns TFs.
    labels
        (cells,) stratum of each cell; one stratum without it.

    Returns
    -------
    DataArray
        (stratum, source, target), row = TF; NaN in a stratum of fewer than 10 cells and where a
        gene is constant. ``coords["size"]`` has the cells of each stratum.

    Raises
    ------
    DataError
        If there are more strata than cells.
    """
    labels = np.zeros(len(values), int) if labels is None else np.asarray(labels)
    names, codes = np.unique(labels, return_inverse=True)
    if codes.size != len(values):
        raise DataError(f"{codes.size} labels for {len(values)} cells; give one label per cell")
    layers = []
    for k in range(names.size):
        ranks = stats.rankdata(values[codes == k], axis=0)
        ranks -= ranks.mean(axis=0)
        length = np.sqrt((ranks**2).sum(axis=0))
        unit = np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 0)
        matrix = unit[:, :N_TFS].T @ unit[:, N_TFS:]
        layers.append(np.clip(matrix, -1, 1) if len(unit) >= MIN_CELLS else matrix * np.nan)
    return xr.DataArray(
        np.stack(layers),
        dims=("stratum", "source", "target"),
        coords={"size": ("stratum", np.bincount(codes))},
        name="spearman",
    )


def f1_of_calls(scores: np.ndarray, truth: np.ndarray, calls: int | None = None) -> float:
    """Return F1 of the `calls` highest scores (as many as true edges by default), ties by place.

    With as many calls as true edges, F1 = precision = recall. Missing scores are never called
    before present ones.
    """
    calls = int(truth.sum()) if calls is None else calls
    order = np.argsort(-np.nan_to_num(scores.ravel(), nan=-np.inf), kind="stable")
    hits = int(truth.ravel()[order[:calls]].sum())
    return 2 * hits / (calls + int(truth.sum()))


def pooled_f1(values: np.ndarray, truth: np.ndarray) -> float:
    """Return F1 of the size of the correlation over all cells."""
    return f1_of_calls(abs(correlations(values)[0]).values, truth)


def cssi_f1(
    values: np.ndarray, labels: np.ndarray, truth: np.ndarray, method: str = "max"
) -> float:
    """Return F1 of an aggregate of the strata: a CSSI method, ``"sidak"`` or ``"rank-sum"``."""
    strata = correlations(values, labels)
    if method == "sidak":
        return f1_of_calls(calibrated(strata, strata["size"].values).score.values, truth)
    if method == "rank-sum":
        whole = strata.isel(stratum=np.flatnonzero(strata["size"] >= MIN_CELLS))
        return f1_of_calls(rank_sum(abs(whole)).values, truth)
    pooled = correlations(values)[0]
    found = aggregate(strata, pooled, strata["size"].values, method, absolute=True)
    return f1_of_calls(found.values, truth)


def calibrated_calls(
    values: np.ndarray, labels: np.ndarray, truth: np.ndarray
) -> tuple[float, float]:
    """Return false share and power of the calls of Sidak p values by BH at 0.05."""
    strata = correlations(values, labels)
    p = calibrated(strata, strata["size"].values).p.values.ravel()
    called = adjust(np.where(np.isfinite(p), p, 1.0)) <= ALPHA
    false = int((called & ~truth.ravel()).sum())
    return false / max(int(called.sum()), 1), float(called[truth.ravel()].mean())


def score_tested(draw: T2Draw, n_states: int, seed: int) -> dict[str, float]:
    """Return what the tests of one draw need: F1 values, false share and power of the calls."""
    x, truth, rng = draw.expression, draw.truth, np.random.default_rng([seed, n_states])
    cluster_copy, score_copy = split_gaussian(x, rng)
    apart = kmeans(cluster_copy, n_states, seed=seed)
    false, power = calibrated_calls(x, draw.state, truth)
    return {
        "pooled": pooled_f1(x, truth),
        "oracle": cssi_f1(x, draw.state, truth),
        "pooled_split": pooled_f1(score_copy, truth),
        "kmeans_split": cssi_f1(score_copy, apart, truth),
        "fdr": false,
        "power": power,
    }


def score_draw(draw: T2Draw, n_states: int, seed: int) -> dict[str, float]:
    """Return F1 of every scoring of one draw, and the false share of calibrated calls."""
    x, truth = draw.expression, draw.truth
    return score_tested(draw, n_states, seed) | {
        "kmeans": cssi_f1(x, kmeans(x, n_states, seed=seed), truth),
        "oracle_sidak": cssi_f1(x, draw.state, truth, "sidak"),
        "oracle_rank_sum": cssi_f1(x, draw.state, truth, "rank-sum"),
    }


def t2_scores(
    n_draws: int = 10,
    *,
    private: bool = True,
    effect: float = 0.5,
    first: int = 0,
    score: Callable[[T2Draw, int, int], dict[str, float]] = score_draw,
) -> pd.DataFrame:
    """Score design T2: one row per configuration and draw.

    Parameters
    ----------
    n_draws
        Draws of each configuration; the paper has 10.
    private
        False = every edge acts in all states (the control without state dependence).
    effect
        Regression coefficient; 0 = no signal.
    first
        Number of the first draw.
    score
        `score_draw`, or `score_tested` for the columns that the tests read.
    """
    rows = []
    for place in T2_CONFIGURATIONS:
        for seed in range(first, first + n_draws):
            draw = t2_draw(
                place.n_states, place.cells_per_state, seed, private=private, effect=effect
            )
            about = {"config": place.name, "states": place.n_states, "seed": seed}
            rows.append(about | score(draw, place.n_states, seed))
    return pd.DataFrame(rows)


def t2_tests(
    scores: pd.DataFrame, rng: np.random.Generator, n_perm: int
) -> dict[str, Outcome | NotEstimable]:
    """Make the tests of design T2.

    Parameters
    ----------
    scores
        From `t2_scores`, six configurations.
    rng, n_perm
        For the permutations of 11.8.

    Returns
    -------
    dict
        ``"11.1"`` to ``"11.6"``, the gain of true states per configuration; ``"11.7"``, over all of
        them; ``"11.8"``, the fall of pooled F1; ``"11.9"``, the gain of estimated states.
    """
    gain = scores["oracle"] - scores["pooled"]
    apart = scores["kmeans_split"] - scores["pooled_split"]
    found = {
        f"11.{i}": wilcoxon(gain[scores["config"] == name], "one", "seed")
        for i, name in enumerate(scores["config"].unique(), start=1)
    }
    return found | {
        "11.7": wilcoxon(gain, "one", "draw"),
        "11.8": decline(scores, rng, n_perm),
        "11.9": wilcoxon(apart, "two", "draw"),
    }


def table2(draws: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """Return mean and SD per configuration beside the printed ones.

    Parameters
    ----------
    draws
        From `t2_scores`.
    printed
        Printed Table 2 indexed by configuration (``pooled_f1, pooled_sd, cssi_f1, cssi_sd``).

    Returns
    -------
    DataFrame
        ``pooled_within`` and ``cssi_within``: whether the mean lies within one printed SD.
    """
    groups = draws.groupby("config", sort=False)
    mean, sd = groups.mean(numeric_only=True), groups.std(numeric_only=True)
    names = ["pooled", "oracle", "kmeans", "kmeans_split", "pooled_split"]
    table = mean[["states", *names, "oracle_sidak", "oracle_rank_sum"]].astype({"states": int})
    table["pooled_sd"], table["oracle_sd"] = sd["pooled"], sd["oracle"]
    table["gap"] = mean["oracle"] - mean["pooled"]
    table["ratio"] = [
        round(row.oracle / row.pooled, 3) if row.pooled > 0 else "not estimable"
        for row in mean.itertuples()
    ]
    for ours, theirs in (("pooled", "pooled"), ("oracle", "cssi")):
        away = abs(mean[ours] - printed[f"{theirs}_f1"].reindex(mean.index))
        table[f"{theirs}_within"] = away <= printed[f"{theirs}_sd"].reindex(mean.index) + 5e-4
    return table


def wilcoxon(
    difference: np.ndarray, sides: str, unit: str, hypothesis_null: str = "no difference"
) -> Outcome | NotEstimable:
    """Test paired differences by Wilcoxon's signed ranks; the estimate is their mean.

    Fewer than 3 differences, or none that differs from zero: not estimable.
    """
    difference = np.asarray(difference, dtype=float)
    if difference.size < 3:
        return NotEstimable(f"{difference.size} paired {unit}s; at least 3 needed")
    if not np.any(np.abs(difference) > 1e-12):
        return NotEstimable("every paired difference is zero; signed ranks do not exist")
    # 1e-12: F1 values of equal hits may differ in the last bit
    found = stats.wilcoxon(
        np.round(difference, 12), alternative="greater" if sides == "one" else "two-sided"
    )
    return Outcome(
        estimate=float(difference.mean()),
        p=float(found.pvalue),
        sides=sides,
        test="Wilcoxon signed rank",
        null=hypothesis_null,
        unit=unit,
        n_units=difference.size,
        p_floor=_smallest_p(int((np.abs(difference) > 1e-12).sum()), sides),
        detail={"zero_differences": int((np.abs(difference) <= 1e-12).sum())},
    )


def _smallest_p(n: int, sides: str) -> float:
    """Return a bound below every p of the signed-rank test of n differences: exact, or normal.

    The normal approximation, used where ties occur, is smallest when all differences are tied.
    """
    variance = n * (n + 1) * (2 * n + 1) / 24 - (n**3 - n) / 48
    tied = float(stats.norm.sf(n * (n + 1) / 4 / np.sqrt(variance)))
    return min(1.0, (1 if sides == "one" else 2) * min(0.5**n, tied))


def decline(draws: pd.DataFrame, rng: np.random.Generator, n_perm: int) -> Outcome | NotEstimable:
    """Test that pooled F1 falls with the number of states; the statistic is minus Spearman's rho.

    The number of cells changes with the number of states in this design, so the test cannot tell
    the two apart.
    """
    states, f1 = draws["states"].to_numpy(), draws["pooled"].to_numpy()
    if np.ptp(states) == 0 or np.ptp(f1) == 0:
        return NotEstimable("the number of states or the pooled F1 does not vary")
    a, b = (stats.zscore(stats.rankdata(v)) for v in (states, f1))
    null = np.array([-(a * rng.permutation(b)).mean() for _ in range(n_perm)])
    return null_outcome(
        float(-(a * b).mean()),
        null,
        sides="one",
        test="permutation of Spearman's rho",
        null="F1 does not depend on the number of states",
        unit="draw",
        n_units=len(draws),
    )


def false_share_test(false: np.ndarray) -> Outcome | NotEstimable:
    """Test whether the mean false share of draws exceeds 0.05, one-sided.

    A small p speaks against the calibration; the estimate is the mean with a t interval.
    """
    false = np.asarray(false, dtype=float)
    if false.size < 3:
        return NotEstimable(f"{false.size} draws; at least 3 needed")
    mean, se = float(false.mean()), float(false.std(ddof=1) / np.sqrt(false.size))
    if se == 0:
        return NotEstimable(f"the false share is {mean:g} in every draw, so it has no interval")
    half = stats.t.ppf(0.975, false.size - 1) * se
    return Outcome(
        estimate=mean,
        p=float(stats.t.sf((mean - ALPHA) / se, false.size - 1)),
        sides="one",
        test="t test over draws",
        null="mean false share at most 0.05",
        unit="draw",
        n_units=false.size,
        low=max(0.0, mean - half),
        high=mean + half,
    )


def _shuffled(x, state, rng):
    return x, rng.permutation(state)


def _random(x, state, rng):
    return x, rng.integers(0, state.max() + 1, state.size)


def _targets(x, state, rng):
    x = x.copy()
    for k in np.unique(state):
        order = N_TFS + rng.permutation(x.shape[1] - N_TFS)
        x[state == k, N_TFS:] = x[state == k][:, order]
    return x, state


MAKERS: dict[str, Callable] = dict(zip(NULLS, (_shuffled, _random, _targets), strict=True))


def label_nulls(
    draw: T2Draw,
    rng: np.random.Generator,
    n_draws: int = 200,
    names: tuple[str, ...] = NULLS,
) -> dict[str, Outcome | NotEstimable]:
    """Test the gain (CSSI-max minus pooled F1, same data) against label nulls, some of `NULLS`.

    One-sided: large gains speak against the null. ``detail["share_no_gain"]`` is the share of null
    draws without a gain. The true edges stay where they were.
    """
    if np.unique(draw.state).size < 2:
        reason = NotEstimable("one stratum: CSSI equals pooled, so there is no gain to test")
        return dict.fromkeys(names, reason)
    truth = draw.truth

    def gain(x: np.ndarray, labels: np.ndarray) -> float:
        strata, pooled = correlations(x, labels), correlations(x)[0]
        best = aggregate(strata, pooled, strata["size"].values, "max", absolute=True)
        return f1_of_calls(best.values, truth) - f1_of_calls(abs(pooled).values, truth)

    observed, found = gain(draw.expression, draw.state), {}
    for name in names:
        make = MAKERS[name]
        null = np.array([gain(*make(draw.expression, draw.state, rng)) for _ in range(n_draws)])
        found[name] = null_outcome(
            observed,
            null,
            sides="one",
            test="label null",
            null=name,
            unit="draw",
            n_units=n_draws,
            detail={"share_no_gain": float((null <= 1e-12).mean())},
        )
    return found
