"""Tree ensembles find the driver, whichever backend grows them."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from helpers.edges import (
    genie3,
    grnboost2,
)
from helpers.errors import DataError, ParameterError


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


@pytest.fixture(scope="module")
def regulated():
    """Ten TFs, 24 targets, each driven by one TF."""
    rng = np.random.default_rng(11)
    tfs = rng.gamma(2.0, 4.0, size=(300, 10))
    driver = np.arange(24) % 10
    targets = tfs[:, driver] * rng.uniform(0.5, 1.5, 24)
    values = rng.poisson(np.column_stack([tfs, targets]) + 0.5)
    names = [f"TF{i}" for i in range(10)] + [f"T{i}" for i in range(24)]
    truth = driver[None, :] == np.arange(10)[:, None]
    return cells(values, names), names[:10], names[10:], truth


def test_tree_methods_find_the_driver_and_row_is_the_tf(regulated):
    data, tfs, targets, truth = regulated
    forest = genie3(data, tfs, scale="raw", n_trees=30)
    boosted = grnboost2(data, tfs, scale="raw", n_trees=300)
    for scores in (forest, boosted):
        assert scores["source"].values.tolist() == tfs
        block = scores.sel(target=targets).values
        assert roc_auc_score(truth.ravel(), block.ravel()) > 0.95
        assert float(scores.sel(source="TF0", target="TF0")) == 0.0


def test_the_two_boosting_backends_agree(regulated):
    pytest.importorskip("rustscenic", reason="rustscenic is not installed: nothing to compare")
    data, tfs, targets, truth = regulated
    settings = {"scale": "raw", "n_trees": 200, "genes": [*tfs, *targets[:12]]}
    fast = grnboost2(data, tfs, backend="rustscenic", **settings)
    slow = grnboost2(data, tfs, backend="sklearn", **settings)
    block = slice(10, 22)
    first, second = fast.values[:, block].ravel(), slow.values[:, block].ravel()
    # the order of edges that carry nothing depends on the seed; their sizes must agree
    assert np.corrcoef(first, second)[0, 1] > 0.9
    assert np.median(first) == pytest.approx(np.median(second), rel=0.5)
    labels = truth[:, :12].ravel()
    assert abs(roc_auc_score(labels, first) - roc_auc_score(labels, second)) < 0.05


def test_trees_refuse_unknown_tfs_and_backends(regulated):
    data, *_ = regulated
    with pytest.raises(DataError, match="None of 1 TFs"):
        genie3(data, ["nowhere"])
    with pytest.raises(ParameterError, match="backend"):
        grnboost2(data, ["TF0"], backend="arboreto")
