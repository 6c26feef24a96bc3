"""Directions of attention: what they read, and the test of the best of them."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from sklearn.metrics import roc_auc_score

from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation import (
    any_direction,
    direction_levels,
    evaluation_set,
    orient_sums,
    score_directions,
    signal_test,
)
from helpers.statistics.relabel import gene_permutation

NAMES = ["forward", "transpose", "symmetric"]
N_TFS, N_GENES = 12, 60
GENES = [f"g{i:02d}" for i in range(N_GENES)]


def network(rng):
    hit = rng.random((N_TFS, N_GENES)) < 0.08
    hit[np.arange(N_TFS), np.arange(N_TFS)] = False
    rows, columns = np.nonzero(hit)
    named = np.array(GENES)
    return pd.DataFrame({"source": named[rows], "target": named[columns]}), hit


def edges_of(values):
    return xr.DataArray(
        values, dims=("source", "target"), coords={"source": GENES, "target": GENES}, name="a"
    )


def world(seed, strength=0.0, way="transpose"):
    """Attention of hubs, with edges planted in one direction."""
    rng = np.random.default_rng(seed)
    table, hit = network(rng)
    values = rng.normal(size=(N_GENES, N_GENES)) + rng.normal(size=N_GENES)
    planted = np.zeros_like(values)
    planted[:N_TFS] = strength * hit
    values = values + (planted.T if way == "transpose" else planted)
    edges = edges_of(values)
    pairs = evaluation_set(table, GENES, name="w")
    return pairs, score_directions(pairs, edges, NAMES), edges


def test_directions_are_read_with_the_tf_as_the_row():
    pairs, scores, edges = world(0)
    for k in (0, 17, 400):
        tf, target = pairs.source[k], pairs.target[k]
        there = float(edges.sel(source=tf, target=target))
        back = float(edges.sel(source=target, target=tf))
        assert scores[:, k].tolist() == pytest.approx([there, back, (there + back) / 2])


def test_sums_turn_with_their_counts():
    rng = np.random.default_rng(1)
    dims, coords = ("layer", "source", "target"), {"source": GENES, "target": GENES}
    sums = xr.Dataset(
        {
            "sum": (dims, rng.random((2, N_GENES, N_GENES))),
            "count": (dims[1:], rng.integers(1, 9, (N_GENES, N_GENES))),
        },
        coords=coords,
    )
    turned = orient_sums(sums, "transpose")
    np.testing.assert_array_equal(turned["sum"].values, sums["sum"].values.transpose(0, 2, 1))
    np.testing.assert_array_equal(turned["count"].values, sums["count"].values.T)
    assert turned["sum"].dims == dims and list(turned["source"].values) == GENES
    assert orient_sums(sums, "forward") is sums
    with pytest.raises(DataError, match="cannot be transposed"):
        orient_sums(sums.isel(source=slice(5)), "transpose")


def aurocs(label, scores):
    """Return the AUROC of each row of scores."""
    n, found = label.sum(), stats.rankdata(scores, axis=1)[:, label].sum(axis=1)
    return (found - n * (n + 1) / 2) / (n * (label.size - n))


def test_the_null_is_that_of_permuted_genes():
    """Against gene labels of the scores permuted by hand, and AUROCs from ranks."""
    pairs, scores, edges = world(2, strength=1.0)
    found = any_direction(pairs, scores, NAMES, np.random.default_rng(0), 2000)
    for name, one in zip(NAMES, scores, strict=True):
        assert found.detail[f"auroc/{name}"] == pytest.approx(roc_auc_score(pairs.label, one))
    tf, target = (edges.indexes["source"].get_indexer(x) for x in (pairs.source, pairs.target))
    tfs, rng, draws = np.arange(N_GENES) < N_TFS, np.random.default_rng(1), []
    for _ in range(1500):
        order = gene_permutation(tfs, rng)
        moved = edges.values[np.ix_(order, order)]
        there, back = moved[tf, target], moved[target, tf]
        draws.append(aurocs(pairs.label, [there, back, (there + back) / 2]))
    by_package = score_directions(pairs, edges_of(moved), NAMES)
    assert draws[-1] == pytest.approx([roc_auc_score(pairs.label, one) for one in by_package])
    draws = np.array(draws)
    centre = draws.mean(axis=0)
    observed = (np.array([found.detail[f"auroc/{n}"] for n in NAMES]) - centre).max()
    largest = (draws - centre).max(axis=1)
    assert found.estimate == pytest.approx(observed, abs=0.005)
    p = (1 + (largest >= observed).sum()) / 1501
    assert found.p == pytest.approx(p, abs=0.02)
    assert found.detail["null_mean"] == pytest.approx(largest.mean(), abs=0.003)


def test_edges_that_targets_attend_to_are_found_only_the_other_way_round():
    pairs, scores, _ = world(3, strength=1.5)
    found = any_direction(pairs, scores, NAMES, np.random.default_rng(0), 499)
    assert found.p < 0.01 and found.detail["best"] == "transpose"
    assert signal_test(pairs, scores[0], np.random.default_rng(0), 499, "one").p > 0.05
    pairs, scores, _ = world(3, strength=1.5, way="forward")
    assert any_direction(pairs, scores, NAMES, np.random.default_rng(0), 499).detail["best"] in (
        "forward",
        "symmetric",
    )


def test_having_looked_three_times_is_corrected():
    """Without edges the best of three rejects as often as its level says; uncorrected, more."""
    p, each = [], []
    for seed in range(100):
        pairs, scores, _ = world(seed)
        rng = np.random.default_rng(seed)
        p.append(any_direction(pairs, scores, NAMES, rng, 99).p)
        each.append(any_direction(pairs, scores[1:2], NAMES[1:2], rng, 99).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.12  # 100 draws of 0.05: 3.2 SD above
    assert np.mean(np.array(each) <= 0.05) <= 0.12
    assert 0.4 < np.mean(p) < 0.62


def test_a_monotone_change_changes_nothing():
    pairs, scores, _ = world(5, strength=0.7)
    first = any_direction(pairs, scores, NAMES, np.random.default_rng(0), 199)
    again = any_direction(pairs, np.exp(scores), NAMES, np.random.default_rng(0), 199)
    assert (first.estimate, first.p) == (again.estimate, again.p)


def test_too_few_edges_are_not_estimable():
    pairs, scores, _ = world(6)
    few = pairs.subset(~pairs.label | (np.cumsum(pairs.label) <= 2), "few")
    kept = scores[:, ~pairs.label | (np.cumsum(pairs.label) <= 2)]
    found = any_direction(few, kept, NAMES, np.random.default_rng(0), 99)
    assert isinstance(found, NotEstimable) and "w" in found.reason
    none = pairs.subset(~pairs.label, "none")
    assert direction_levels(none, scores[:, ~pairs.label], NAMES).empty
