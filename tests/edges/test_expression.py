"""Expression that edges are computed from: its scale, and what is refused."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.edges import (
    correlation_edges,
    counts_of,
    expression,
)
from helpers.errors import DataError


def cells(values, names=None):
    values = np.asarray(values)
    names = names or [f"G{i}" for i in range(values.shape[1])]
    counts = sparse.csr_matrix(values.astype(np.float32))
    return ad.AnnData(counts, var=pd.DataFrame(index=names), layers={"counts": counts.copy()})


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(1)
    depth = rng.lognormal(0, 0.4, size=(300, 1))
    values = rng.poisson(depth * rng.lognormal(0.5, 1, size=(1, 12)))
    values[:, 7] = values[:, 3] + rng.poisson(1, 300)
    return cells(values)


def test_lognorm_is_computed_once_over_all_genes(counts):
    found = expression(counts, ["G3", "G7"])
    raw = counts.X.toarray()
    expected = np.log1p(1e4 * raw[:, [3, 7]] / raw.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)
    np.testing.assert_allclose(found.log_library, np.log(raw.sum(axis=1)), rtol=1e-6)


def test_transformed_values_are_refused(counts):
    wrong = cells(np.log1p(counts.X.toarray()))
    with pytest.raises(DataError, match="Counts expected"):
        correlation_edges(wrong)
    with pytest.raises(DataError, match="Counts expected"):
        counts_of(cells(-np.ones((3, 3))))


def test_unknown_genes_and_constant_genes(counts):
    with pytest.raises(DataError, match="not in the data"):
        expression(counts, ["G1", "nowhere"])
    flat = counts.X.toarray()
    flat[:, 2] = 0
    scores = correlation_edges(cells(flat), scale="raw")
    assert scores.attrs["constant_genes"] == ["G2"]
    assert "G2" not in scores["source"] and not np.isnan(scores).any()
    with pytest.raises(DataError, match="vary"):
        expression(cells(np.ones((5, 3))), scale="raw")
