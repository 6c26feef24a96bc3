"""Mutual information against scikit-learn."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import mutual_info_score

from helpers.edges import (
    correlation_edges,
    expression,
    mutual_information_edges,
)
from helpers.edges.information import quantile_bins


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


def test_mutual_information_equals_scikit_learn(counts):
    scores = mutual_information_edges(counts, sources=["G3", "G5"], n_bins=5)
    bins = quantile_bins(expression(counts).values, 5)
    for row, source in enumerate([3, 5]):
        for target in range(12):
            expected = mutual_info_score(bins[:, source], bins[:, target])
            assert scores.values[row, target] == pytest.approx(expected, abs=1e-6)
    assert scores.sel(source="G3").drop_sel(target="G3").idxmax() == "G7"


def test_mutual_information_finds_what_correlation_cannot():
    rng = np.random.default_rng(3)
    x = rng.integers(0, 40, 600)
    data = cells(np.column_stack([x, np.abs(x - 20) + 1, rng.integers(0, 40, 600)]))
    scores = mutual_information_edges(data, sources=["G0"], scale="raw")
    rho = correlation_edges(data, scale="raw").sel(source="G0", target="G1")
    assert abs(float(rho)) < 0.15
    assert float(scores.sel(target="G1")[0]) > 5 * float(scores.sel(target="G2")[0])
