"""Edges from attention sums: means over counts, pooling, and directions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from helpers.edges import (
    directions,
    edge_scores,
    orient,
    pool,
)
from helpers.errors import DataError, ParameterError


@pytest.fixture
def sums():
    rng = np.random.default_rng(2)
    genes = ["A", "B", "C"]
    count = np.array([[40, 20, 19], [20, 50, 30], [0, 30, 60]])
    total = rng.random((2, 2, 3, 3)) * count
    return xr.Dataset(
        {
            "sum": (("layer", "head", "source", "target"), total),
            "count": (("source", "target"), count),
        },
        coords={"source": genes, "target": genes},
    )


def test_scores_are_sums_over_counts_and_rare_pairs_are_missing(sums):
    scores = edge_scores(sums)
    assert scores.dims == ("layer", "head", "source", "target")
    expected = sums["sum"].sel(source="B", target="A").values / 20
    np.testing.assert_allclose(scores.sel(source="B", target="A"), expected)
    assert np.isnan(scores.sel(source="A", target="C")).all()  # 19 cells
    assert np.isnan(scores.sel(source="C", target="A")).all()  # 0 cells
    assert int(scores["count"].sel(source="A", target="C")) == 19
    assert np.isnan(edge_scores(sums, min_count=0).sel(source="C", target="A")).all()


def test_row_is_query_and_column_is_key(sums):
    sums["sum"][:] = 0
    sums["sum"].loc[{"source": "A", "target": "B"}] = 20.0
    scores = pool(edge_scores(sums))
    assert float(scores.sel(source="A", target="B")) == 1.0
    assert float(scores.sel(source="B", target="A")) == 0.0
    assert float(orient(scores, "key-query").sel(source="B", target="A")) == 1.0
    assert float(orient(scores, "symmetric").sel(source="B", target="A")) == 0.5


def test_pooling_is_the_mean_over_layers_and_heads(sums):
    scores = edge_scores(sums)
    np.testing.assert_allclose(pool(scores), scores.values.mean(axis=(0, 1)))
    assert pool(scores, ["head"]).dims == ("layer", "source", "target")


def test_summed_attention_keeps_absent_pairs_at_zero_and_measures_codetection(sums):
    scores = edge_scores(sums, "sum", min_count=0)
    assert float(scores.sel(source="C", target="A").max()) == 0.0
    flat = xr.full_like(sums["sum"], 0.01) * sums["count"]
    flat = sums.assign(sum=flat.transpose(*sums["sum"].dims))
    assert np.nanstd(edge_scores(flat).values) < 1e-15
    summed = pool(edge_scores(flat, "sum", 0)).values.ravel()
    assert stats.spearmanr(summed, sums["count"].values.ravel()).statistic > 0.999


def test_attention_that_cannot_be_scored_is_refused(sums):
    with pytest.raises(DataError, match="No gene pair is present in 100"):
        edge_scores(sums, min_count=100)
    with pytest.raises(ParameterError, match="normalisation"):
        edge_scores(sums, "median")
    with pytest.raises(DataError, match="lack"):
        edge_scores(sums.drop_vars("count"))
    with pytest.raises(DataError, match="differ"):
        orient(pool(edge_scores(sums)).isel(target=[0, 1]), "symmetric")


def test_directions_are_the_scores_their_transpose_and_their_mean():
    genes = [f"g{i}" for i in range(5)]
    values = np.random.default_rng(0).random((2, 3, 5, 5))
    scores = xr.DataArray(
        values,
        dims=("layer", "head", "source", "target"),
        coords={"source": genes, "target": genes},
        name="attention-mean",
    )
    found = directions(scores)
    assert found.dims == ("direction", *scores.dims) and found.name == scores.name
    assert (found.sel(direction="forward").values == values).all()
    assert (found.sel(direction="transpose").values == np.swapaxes(values, 2, 3)).all()
    assert np.allclose(found.sel(direction="symmetric"), (values + np.swapaxes(values, 2, 3)) / 2)
    with pytest.raises(DataError, match="differ"):
        directions(scores.isel(target=[0, 1]))
