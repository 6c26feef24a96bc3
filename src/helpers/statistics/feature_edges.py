"""Edges between features: which changes over cells are called, by published and corrected rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.errors import ParameterError
from helpers.statistics.multiplicity import adjust

LEAST_CELLS = 20


def edge_table(change: np.ndarray, active: np.ndarray) -> pd.DataFrame:
    """Return one row per source and target whose change varies over cells.

    Parameters
    ----------
    change
        (sources, cells, targets) change of each target when the source is taken out.
    active
        (sources, cells) booleans; other cells are left out.

    Returns
    -------
    pandas.DataFrame
        ``source, target, n`` (active cells), ``mean``, ``d`` (mean over SD), ``positive``,
        ``negative`` and ``zero`` (cells), ``p`` (t test that the mean is 0, cells as units).
        Pairs without spread have no d and are left out; ``attrs["no_spread"]`` counts them.

    Raises
    ------
    ParameterError
        If the shapes do not fit, or a change is not finite.
    """
    change, active = np.asarray(change, float), np.asarray(active, bool)
    if change.ndim != 3 or change.shape[:2] != active.shape or not np.isfinite(change).all():
        raise ParameterError(f"finite changes of shape {active.shape} x targets are needed")
    parts, no_spread = [], 0
    for source, here in enumerate(active):
        x, n = change[source, here], int(here.sum())
        if n < 2:
            no_spread += change.shape[2]
            continue
        mean, sd = x.mean(axis=0), x.std(axis=0, ddof=1)
        kept = np.flatnonzero(sd > 1e-12)
        no_spread += sd.size - kept.size
        x, d = x[:, kept], mean[kept] / sd[kept]
        part = {"source": source, "target": kept, "n": n, "mean": mean[kept], "d": d}
        part |= {"positive": (x > 0).sum(axis=0), "negative": (x < 0).sum(axis=0)}
        part |= {"zero": (x == 0).sum(axis=0), "p": 2 * stats.t.sf(np.abs(d) * n**0.5, n - 1)}
        parts.append(pd.DataFrame(part))
    columns = ["source", "target", "n", "mean", "d", "positive", "negative", "zero", "p"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    table.attrs["no_spread"] = no_spread
    return table


def published_edges(
    table: pd.DataFrame, d: float = 0.5, consistency: float = 0.7, most: int | None = 50
) -> pd.Series:
    """Return which pairs paper C's rule calls: size and consistency, the largest of each source.

    Cells without change count as negative there: the consistency is max(n+, n - n+) / n.
    """
    same = np.maximum(table["positive"], table["n"] - table["positive"]) / table["n"]
    called = (table["d"].abs() > d) & (same > consistency)
    size = table.loc[called, "d"].abs().sort_values(ascending=False, kind="stable")
    kept = size if most is None else size.groupby(table["source"]).head(most)
    return pd.Series(table.index.isin(kept.index), table.index)


def corrected_edges(
    table: pd.DataFrame, alpha: float, d: float = 0.0, least: int = LEAST_CELLS
) -> pd.Series:
    """Return which pairs are called at a false discovery rate of `alpha`, one block of layers.

    BH runs over all pairs with at least `least` active cells; a threshold of size comes second.
    """
    enough = table["n"] >= least
    q = pd.Series(1.0, index=table.index)
    q[enough] = adjust(table.loc[enough, "p"].to_numpy(float))
    return enough & (q <= alpha) & (table["d"].abs() > d)


def pursued_edges(
    change: np.ndarray, control: np.ndarray, decoder: np.ndarray, alpha: float
) -> np.ndarray:
    """Return what each source writes into each target, 0 where no edge is called.

    A network is no sample: a push moves nearly all pairs a little and in every cell alike, and a
    feature reads what its neighbours write. So the unit is the direction, and a target is explained
    before the next is looked for: in orthogonal matching pursuit the strongest target is called as
    long as it exceeds what random directions do to it, with family-wise error `alpha` per source
    (Student's t, as many degrees of freedom as directions, Bonferroni over targets).

    Parameters
    ----------
    change
        (sources, width) mean change of the later state for one unit of what was taken out.
    control
        (directions, width) the same for random directions.
    decoder
        (targets, width) unit vectors.

    Raises
    ------
    ParameterError
        If there are fewer than 5 directions, or widths differ.
    """
    change, control, decoder = (np.asarray(x, float) for x in (change, control, decoder))
    if len(control) < 5 or not change.shape[1] == control.shape[1] == decoder.shape[1]:
        raise ParameterError("five directions, and one width of changes and targets, are needed")
    spread = np.sqrt(np.square(control @ decoder.T).mean(axis=0))
    least = stats.t.isf(alpha / (2 * len(decoder)), len(control)) * spread
    found = np.zeros((len(change), len(decoder)))
    for row, whole in zip(found, change, strict=True):
        picked, left = [], whole
        while len(picked) < len(whole) // 2:
            size = np.abs(decoder @ left) - least
            if size[best := int(size.argmax())] <= 0 or best in picked:
                break
            picked.append(best)
            row[picked] = np.linalg.lstsq(decoder[picked].T, whole, rcond=None)[0]
            left = whole - row @ decoder
    return found
