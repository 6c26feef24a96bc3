"""Edges called from correlations inside cell states: F1, calibrated calls, and label nulls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import stats

from helpers.datasets.simulate.cssi import N_TFS
from helpers.edges import aggregate, calibrated, rank_sum
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.statistics.multiplicity import adjust
from helpers.statistics.permutation import null_outcome
from helpers.statistics.results import Outcome

MIN_CELLS = 10
FALSE_SHARE = 0.05
"""False discovery rate at which edges are called."""

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
    pooled = correlations(values)[0] if "deviation" in method else strata[0]  # only for its axes
    found = aggregate(strata, pooled, strata["size"].values, method, absolute=True)
    return f1_of_calls(found.values, truth)


def calibrated_calls(
    values: np.ndarray, labels: np.ndarray, truth: np.ndarray, alpha: float = FALSE_SHARE
) -> tuple[float, float]:
    """Return false share and power of the calls of Sidak p values by BH at `alpha`."""
    strata = correlations(values, labels)
    p = calibrated(strata, strata["size"].values).p.values.ravel()
    called = adjust(np.where(np.isfinite(p), p, 1.0)) <= alpha
    false = int((called & ~truth.ravel()).sum())
    return false / max(int(called.sum()), 1), float(called[truth.ravel()].mean())


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
    values: np.ndarray,
    state: np.ndarray,
    truth: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = 200,
    names: tuple[str, ...] = NULLS,
) -> dict[str, Outcome | NotEstimable]:
    """Test the gain (CSSI-max minus pooled F1, same data) against label nulls, some of `NULLS`.

    Parameters
    ----------
    values, state, truth
        (cells, genes) expression with the TFs first, (cells,) state, (TFs, targets) true edges.
    rng, n_draws
        Source and number of draws of each null; p = (1 + b) / (1 + B).
    names
        Which nulls: labels permuted, labels drawn, or targets permuted inside each state.

    Returns
    -------
    dict
        Name -> outcome, one-sided: large gains speak against the null. ``detail["share_no_gain"]``
        is the share of null draws without a gain. The true edges stay where they were.
    """
    if np.unique(state).size < 2:
        reason = NotEstimable("one stratum: CSSI equals pooled, so there is no gain to test")
        return dict.fromkeys(names, reason)

    whole = correlations(values)[0]

    def gain(x: np.ndarray, labels: np.ndarray) -> float:
        strata, pooled = correlations(x, labels), whole if x is values else correlations(x)[0]
        best = aggregate(strata, pooled, strata["size"].values, "max", absolute=True)
        return f1_of_calls(best.values, truth) - f1_of_calls(abs(pooled).values, truth)

    observed, found = gain(values, state), {}
    for name in names:
        make = MAKERS[name]
        null = np.array([gain(*make(values, state, rng)) for _ in range(n_draws)])
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
