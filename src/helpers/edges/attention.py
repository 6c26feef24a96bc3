"""Edge scores from attention sums: a mean over the cells that carry both genes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from helpers.errors import DataError, ParameterError

Direction = Literal["query-key", "key-query", "symmetric"]


def edge_scores(
    sums: xr.Dataset,
    normalisation: Literal["mean", "sum"] = "mean",
    min_count: int = 20,
) -> xr.DataArray:
    r"""Turn attention sums into one score per layer, head and ordered gene pair.

    .. math:: A^{lh}_{ij} = S^{lh}_{ij} / C_{ij}

    with :math:`S` the sum of attention weights over cells in which both genes are tokens and
    :math:`C` the number of such cells. Pairs with :math:`C_{ij}` below `min_count` are missing,
    never 0.

    Parameters
    ----------
    sums
        Dataset with `sum` (layer, head, source, target) and `count` (source, target), both with an
        optional leading `stratum`. Row = source = query gene, column = target = key gene.
    normalisation
        ``"mean"``; or ``"sum"``, which leaves the division out and therefore mostly measures how
        often two genes are tokens of one cell.
    min_count
        Fewest cells for a score. With ``"mean"`` a pair that no cell holds is missing at any value.

    Returns
    -------
    xarray.DataArray
        Same dims as `sum`, name ``"attention-mean"`` or ``"attention-sum"``, with `count` as a
        coordinate.

    Raises
    ------
    DataError
        If variables are absent, or every pair has fewer than `min_count` cells.
    ParameterError
        If `normalisation` is unknown or `min_count` negative.
    """
    if missing := {"sum", "count"} - set(sums.data_vars):
        raise DataError(f"Attention sums lack {sorted(missing)}; extract them again")
    if normalisation not in ("mean", "sum"):
        raise ParameterError(f"normalisation is {normalisation!r}; choose 'mean' or 'sum'")
    if min_count < 0:
        raise ParameterError(f"min_count is {min_count}; it must not be negative")
    count = sums["count"]
    fewest = max(min_count, 1) if normalisation == "mean" else min_count
    enough = count >= fewest
    if not bool(enough.any()):
        raise DataError(
            f"No gene pair is present in {fewest} cells (most: {int(count.max())}); "
            "use more cells or lower min_count"
        )
    total = sums["sum"].astype(np.float64)
    scores = total / count.where(count > 0) if normalisation == "mean" else total
    scores = scores.where(enough).transpose(*sums["sum"].dims)
    return scores.rename(f"attention-{normalisation}").assign_coords(count=count)


def pool(scores: xr.DataArray, over: Sequence[str] = ("layer", "head")) -> xr.DataArray:
    """Average scores over layers, heads or both; dims that are absent are passed over.

    Parameters
    ----------
    scores
        Edge scores with any of the dims layer, head, source, target.
    over
        Dims to average; a pair is missing in all layers and heads or in none.
    """
    present = [dim for dim in over if dim in scores.dims]
    return scores.mean(present, skipna=False, keep_attrs=True).rename(scores.name)


def orient(scores: xr.DataArray, direction: Direction = "query-key") -> xr.DataArray:
    """Say which end of a score is the regulator.

    Parameters
    ----------
    scores
        Scores whose row is the query gene; both axes must hold the same genes.
    direction
        ``"query-key"``: source = query (as stored). ``"key-query"``: source = key, that is the
        transposed scores under the old labels. ``"symmetric"``: mean of both.
    """
    if direction == "query-key":
        return scores
    if not np.array_equal(scores["source"], scores["target"]):
        raise DataError("Source and target genes differ, so the scores cannot be transposed")
    axes = (scores.get_axis_num("source"), scores.get_axis_num("target"))
    flipped = scores.copy(data=np.swapaxes(scores.values, *axes))
    if direction == "key-query":
        return flipped
    if direction == "symmetric":
        return (scores + flipped) / 2
    raise ParameterError(f"direction is {direction!r}; choose query-key, key-query or symmetric")


DIRECTIONS: dict[str, Direction] = {
    "forward": "query-key",
    "transpose": "key-query",
    "symmetric": "symmetric",
}
"""Name of a direction -> what `orient` calls it; row = TF."""


def directions(scores: xr.DataArray) -> xr.DataArray:
    """Return edge scores read in every direction, rows being TFs each time.

    Parameters
    ----------
    scores
        Scores whose row is the query gene; both axes must hold the same genes, so attention has to
        be extracted with all of them as sources.

    Returns
    -------
    xarray.DataArray
        `scores` with a leading dim `direction`: ``"forward"``, the TF is the query and the target
        the key; ``"transpose"``, the target is the query and the TF the key; ``"symmetric"``, the
        mean of both.

    Raises
    ------
    DataError
        If sources and targets differ.

    Examples
    --------
    Gene B, a target, looks at gene A, its TF, with weight 0.7:

    >>> genes = ["A", "B"]
    >>> weights = xr.DataArray(
    ...     [[0.9, 0.1], [0.7, 0.3]],
    ...     dims=("source", "target"),
    ...     coords={"source": genes, "target": genes},
    ... )
    >>> edge = directions(weights).sel(source="A", target="B")
    >>> edge["direction"].values.tolist(), edge.values.round(3).tolist()
    (['forward', 'transpose', 'symmetric'], [0.1, 0.7, 0.4])
    """
    oriented = [orient(scores, how) for how in DIRECTIONS.values()]
    found = xr.concat(oriented, dim=xr.Variable("direction", list(DIRECTIONS)))
    return found.rename(scores.name)
