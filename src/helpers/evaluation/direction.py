"""Which way round attention is read: the TF as query, the target as query, or both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from helpers.edges import directions, orient
from helpers.edges.attention import DIRECTIONS
from helpers.estimates import NotEstimable
from helpers.evaluation.crossed import NULL, auroc_profile
from helpers.evaluation.sets import EvaluationSet, drop_missing
from helpers.statistics.crossed import smallest_effect
from helpers.statistics.permutation import null_outcome
from helpers.statistics.relabel import relabel_null
from helpers.statistics.results import Outcome


def orient_sums(sums: xr.Dataset, direction: str) -> xr.Dataset:
    """Return attention sums read in a direction: row = TF, whichever of the two is the query.

    Parameters
    ----------
    sums
        ``sum`` and ``count`` with the same genes as sources and targets; row = query.
    direction
        ``forward``, the TF is the query; ``transpose``, the target is; ``symmetric``, the mean.
    """
    if direction == "forward":
        return sums
    turned = {name: orient(sums[name], DIRECTIONS[direction]) for name in ("sum", "count")}
    return sums.assign(turned)


def score_directions(pairs: EvaluationSet, edges: xr.DataArray, names: Sequence[str]) -> np.ndarray:
    """Return the scores of the pairs in each direction, (k, n); see `helpers.edges.directions`."""
    return pairs.scores_from(directions(edges).sel(direction=list(names)))


def any_direction(
    pairs: EvaluationSet,
    scores: np.ndarray,
    names: Sequence[str],
    rng: np.random.Generator,
    n_perm: int = 1000,
) -> Outcome | NotEstimable:
    """Test whether attention ranks the edges in any of k directions, one-sided.

    Statistic: the largest AUROC, each less its own mean under relabelling. Null: the same maximum
    in every relabelling, so that having looked in k directions is corrected for.

    Parameters
    ----------
    pairs, scores
        Universe and (k, n) scores; NaN marks a pair without a score.
    names
        (k,) directions.
    rng, n_perm
        Source and number of relabellings, the same for all directions.

    Returns
    -------
    Outcome or NotEstimable
        ``detail["best"]`` names the direction, ``detail["auroc/NAME"]`` has each AUROC; ``mde`` is
        the largest AUROC less its null mean that would be found with power 0.8, if it spread as
        the maximum does under the null.
    """
    kept, values = drop_missing(pairs, scores)
    levels = auroc_profile(kept, values[:1])  # refuses labels that are too few for any statement
    if isinstance(levels, NotEstimable):
        return levels
    if "interval" in levels[0].detail:
        return NotEstimable(f"{pairs.name}: {levels[0].detail['interval']}")
    about = pairs.label, pairs.source, pairs.target
    null = relabel_null(scores, *about, rng, n_perm, pairs.regulators)
    if isinstance(null, NotEstimable):
        return NotEstimable(f"{pairs.name}: {null.reason}")
    centre = null.draws.mean(axis=0)
    above, draws = null.observed - centre, (null.draws - centre).max(axis=1)
    aurocs = {f"auroc/{name}": float(x) for name, x in zip(names, null.observed, strict=True)}
    mde = smallest_effect(float(draws.std(ddof=1)), sides="one") + float(draws.mean())
    return null_outcome(
        float(above.max()),
        draws,
        sides="one",
        test="gene-label permutation, largest over directions",
        null=NULL,
        unit="gene",
        n_units=np.union1d(kept.source, kept.target).size,
        detail=kept.counts() | aurocs | {"best": names[int(above.argmax())], "mde": mde},
    )


def direction_levels(
    pairs: EvaluationSet, scores: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """Return one row per direction: AUROC with its 95 % interval and the positives."""
    found = auroc_profile(pairs, scores)
    columns = ["direction", "AUROC", "low", "high", "positives"]
    if isinstance(found, NotEstimable):
        return pd.DataFrame(columns=columns)
    rows = [
        (name, one.value, one.low, one.high, one.detail["n_positive"])
        for name, one in zip(names, found, strict=True)
    ]
    return pd.DataFrame(rows, columns=columns)
