"""Edge scores against closed forms, second libraries and data whose truth is known."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import sparse, stats
from sklearn.metrics import mutual_info_score, roc_auc_score

from helpers.edges import (
    aggregate,
    blend,
    calibrated,
    correlation_edges,
    counts_of,
    directions,
    edge_scores,
    embedding,
    expression,
    genie3,
    grnboost2,
    kmeans,
    leiden,
    members,
    mutual_information_edges,
    orient,
    pool,
    rank_sum,
    split_gaussian,
    thin,
    uniform_attention,
)
from helpers.edges.information import quantile_bins
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


# attention


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


# expression and correlation


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


@pytest.mark.parametrize("scale", ["raw", "lognorm"])
def test_correlations_equal_scipy(counts, scale):
    values = expression(counts, scale=scale).values
    spearman = correlation_edges(counts, "spearman", scale=scale)
    np.testing.assert_allclose(spearman, stats.spearmanr(values).statistic, atol=1e-10)
    pearson = correlation_edges(counts, "pearson", scale=scale)
    np.testing.assert_allclose(pearson, np.corrcoef(values.T), atol=1e-10)
    assert spearman.name == f"spearman-{scale}"


def test_partial_correlation_equals_its_formula(counts):
    found = expression(counts, scale="raw")
    r = stats.spearmanr(np.column_stack([found.values, found.log_library])).statistic
    z = r[:-1, -1]
    expected = (r[:-1, :-1] - np.outer(z, z)) / np.sqrt(np.outer(1 - z**2, 1 - z**2))
    np.testing.assert_allclose(
        correlation_edges(counts, "partial", scale="raw"), expected, atol=1e-9
    )


def test_depth_alone_correlates_raw_counts_and_partial_removes_it():
    rng = np.random.default_rng(5)
    depth = rng.lognormal(0, 1, size=(800, 1))
    data = cells(rng.poisson(depth * np.full((1, 20), 4.0)))
    off = ~np.eye(20, dtype=bool)
    assert correlation_edges(data, scale="raw").values[off].mean() > 0.5
    assert abs(correlation_edges(data, "partial", scale="raw").values[off].mean()) < 0.1


# mutual information and trees


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


# CSSI


def stack(values):
    return xr.DataArray(np.asarray(values, float), dims=("stratum", "source", "target"))


def test_every_aggregator_by_hand():
    strata = stack([[[0.1, -0.8]], [[0.5, 0.2]]])
    pooled = xr.DataArray([[0.3, -0.1]], dims=("source", "target"))
    sizes = np.array([30, 10])
    expected = {
        "max": [0.5, 0.2],
        "mean": [0.2, -0.55],
        "range": [0.4, 1.0],
        "sd": [0.2, 0.5],
        "deviation": [0.2, 0.7],
        "weighted-deviation": [0.2, 0.6],
    }
    for method, values in expected.items():
        np.testing.assert_allclose(aggregate(strata, pooled, sizes, method)[0], values, atol=1e-12)
    strongest = aggregate(strata, pooled, sizes, "max", absolute=True)
    np.testing.assert_allclose(strongest[0], [0.5, 0.8])
    np.testing.assert_allclose(blend(pooled, strongest, 0.3)[0], [0.44, 0.53])


def test_one_stratum_is_the_pooled_score_with_a_notice():
    pooled = xr.DataArray([[0.3, -0.1]], dims=("source", "target"))
    result = aggregate(pooled.expand_dims("stratum"), pooled, np.array([5]), "max")
    np.testing.assert_array_equal(result, pooled)
    assert "one stratum" in result.attrs["notice"]


def test_mean_of_count_weighted_attention_is_the_pooled_score():
    rng = np.random.default_rng(0)
    count = rng.integers(1, 30, size=(4, 5, 5))
    total = rng.random((4, 5, 5)) * count
    pooled = total.sum(axis=0) / count.sum(axis=0)
    weights = count / count.sum(axis=0)
    np.testing.assert_allclose((weights * total / count).sum(axis=0), pooled)
    equal = aggregate(stack(total / count), stack([pooled])[0], np.ones(4), "mean")
    assert abs(equal.values - pooled).max() > 1e-3  # other weights: another score


def test_a_missing_stratum_gives_its_weight_to_the_others():
    strata = stack([[[np.nan, 1.0]], [[0.5, 3.0]]])
    pooled = xr.DataArray([[0.0, 0.0]], dims=("source", "target"))
    result = aggregate(strata, pooled, np.array([10, 30]), "mean")
    np.testing.assert_allclose(result[0], [0.5, 2.5])


def test_sidak_p_is_uniform_and_does_not_grow_with_strata():
    rng = np.random.default_rng(4)
    for n_strata in (1, 3, 12):
        rho = np.tanh(rng.standard_normal((n_strata, 50, 80)) / np.sqrt(97))
        for combine in ("sidak", "chi2"):
            found = calibrated(stack(rho), np.full(n_strata, 100), combine, variance=1)
            assert stats.kstest(found.p.values.ravel(), "uniform").pvalue > 1e-3


def test_sidak_equals_its_formula_and_small_strata_are_left_out():
    rho = stack([[[0.5, -0.4]], [[0.1, 0.3]], [[0.9, np.nan]]])
    found = calibrated(rho, np.array([50, 80, 9]))
    z = np.sqrt(np.array([47, 77]) / 1.06)[:, None] * np.arctanh(rho.values[:2, 0])
    p = (2 * stats.norm.sf(abs(z))).min(axis=0)
    np.testing.assert_allclose(found.p[0], 1 - (1 - p) ** 2, rtol=1e-8)
    assert found.strata_used.values.tolist() == [[2, 2]]
    np.testing.assert_allclose(found.score[0], -np.log10(found.p[0]))
    with pytest.raises(DataError, match="10 cells"):
        calibrated(rho, np.array([5, 5, 5]))


def test_rank_sum_equals_scipy():
    values = np.random.default_rng(6).random((3, 4, 5))
    expected = sum(stats.rankdata(layer).reshape(4, 5) for layer in values)
    np.testing.assert_allclose(rank_sum(stack(values)), expected)


def test_bad_aggregation_is_refused():
    pooled = xr.DataArray([[0.0]], dims=("source", "target"))
    with pytest.raises(ParameterError, match="CSSI method"):
        aggregate(stack([[[0.0]]]), pooled, np.ones(1), "median")
    with pytest.raises(DataError, match="sizes"):
        aggregate(stack([[[0.0]]]), pooled, np.ones(2))
    with pytest.raises(ParameterError, match="alpha"):
        blend(pooled, pooled, 1.5)


# strata


@pytest.fixture(scope="module")
def states():
    """Three states that differ in means."""
    rng = np.random.default_rng(8)
    state = np.repeat([0, 1, 2], 80)
    means = rng.lognormal(1, 1, size=(3, 40))
    return cells(rng.poisson(means[state])), state


def test_clusters_recover_states_that_differ_in_means(states):
    from sklearn.metrics import adjusted_rand_score

    data, state = states
    space = embedding(data)
    assert adjusted_rand_score(state, kmeans(space, 3)) > 0.95
    found = leiden(space, resolution=0.3)
    assert adjusted_rand_score(state, found) > 0.9
    np.testing.assert_array_equal(found, leiden(space, resolution=0.3))
    with pytest.raises(ParameterError, match="strata for"):
        kmeans(space[:2], 3)


def test_members_leaves_small_strata_out():
    labels = np.array(["b"] * 60 + ["a"] * 50 + ["c"] * 3)
    found = members(labels)
    assert list(found) == ["a", "b"] and len(found["b"]) == 60
    with pytest.raises(DataError, match="largest: 60"):
        members(labels, 61)


def test_thinned_halves_add_up_and_are_independent():
    rng = np.random.default_rng(9)
    data = cells(rng.poisson(6.0, size=(2000, 3)))
    first, second = thin(data, rng)
    assert ((first.X + second.X) != data.X).nnz == 0
    a, b = first.X.toarray()[:, 0], second.X.toarray()[:, 0]
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(2000)
    x, y = split_gaussian(rng.standard_normal(4000), rng)
    assert abs(np.corrcoef(x, y)[0, 1]) < 4 / np.sqrt(4000)
    with pytest.raises(ParameterError, match="share"):
        thin(data, rng, 1.0)


def test_uniform_attention_by_hand():
    present = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]])
    found = uniform_attention(present, np.array([2, 4, 1]), ["A", "B", "C"])
    assert float(found.sel(source="A", target="B")) == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert float(found.sel(source="A", target="C")) == pytest.approx(1 / 4)
    with pytest.raises(DataError, match="positive number"):
        uniform_attention(present, np.array([2, 4, 0]), ["A", "B", "C"])
