"""Attention arrays of the simulated worlds, and the two designs of state-wise aggregation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from helpers.datasets.simulate import (
    WorldSpec,
    coexpression,
    world,
)
from helpers.datasets.simulate.attention import attention_sums
from helpers.errors import DataError


def pooled(made, least=20):
    """Return genes x genes: sum and mean over cells, heads, layers; rare pairs are NaN."""
    data = made.attention
    if "stratum" in data.dims:
        data = data.sum("stratum")
    total = data["sum"].mean(("layer", "head")).values
    count = data["count"].values
    return total, np.where(count >= least, total / np.maximum(count, 1), np.nan)


def auroc(made, score, table=None):
    """Return the AUROC of the reference over TF x gene pairs, self pairs and NaN left out."""
    table = made.reference if table is None else table
    at = {gene: i for i, gene in enumerate(made.genes)}
    label = np.zeros(score.shape, dtype=bool)
    label[[at[s] for s in table["source"]], [at[t] for t in table["target"]]] = True
    use = ~np.eye(len(score), dtype=bool) & ~np.isnan(score)
    use[len(made.tfs) :] = False
    return roc_auc_score(label[use], score[use])


def test_layout_is_that_of_the_extraction():
    made = world("state-grn", 0, n_cells=120, attention_cells=60, n_layers=3, n_heads=2)
    data = made.attention
    assert data["sum"].dims == ("stratum", "layer", "head", "source", "target")
    assert data["count"].dims == ("stratum", "source", "target")
    assert data["sum"].dtype == np.float64 and data["count"].dtype == np.int64
    assert data.sizes["stratum"] == 6 and data.sizes["layer"] == 3 and data.sizes["head"] == 2
    assert list(data["source"].values) == list(made.genes) == list(data["target"].values)
    present = made.adata.layers["counts"].toarray() > 0
    assert data["count"].sum("stratum").values.max() <= 60
    all_cells = world("state-grn", 0, n_cells=120, attention_cells=0).attention
    together = present.T.astype(int) @ present.astype(int)
    assert (all_cells["count"].sum("stratum").values == together).all()


def test_softmax_rows_sum_to_one_in_every_cell():
    made = world("no-signal", 0, n_cells=80, attention_cells=0, strata=False)
    data = made.attention
    # Summed over keys, each cell adds 1 for each of its tokens.
    assert np.allclose(data["sum"].sum("target").values, np.diag(data["count"].values))
    assert (data["sum_sq"].values <= data["sum"].values + 1e-12).all()


def test_the_direction_is_row_source_column_target():
    made = world("pair-signal", 0)
    _, mean = pooled(made)
    flipped = made.network.rename(columns={"source": "target", "target": "source"})
    at = {gene: i for i, gene in enumerate(made.genes)}
    forward = np.array([mean[at[s], at[t]] for s, t in made.network[["source", "target"]].values])
    backward = np.array([mean[at[s], at[t]] for s, t in flipped[["source", "target"]].values])
    assert np.nanmean(forward) > 1.2 * np.nanmean(backward)


@pytest.mark.parametrize(
    ("weight", "works"), [("alpha", "coexpression"), ("beta", "edge"), ("gamma", "salience")]
)
def test_each_softmax_weight_acts_alone(weight, works):
    made = world(
        "null-expression",
        0,
        attention_law="softmax",
        n_cells=600,
        log_mean=1.0,
        modules=5,
        module_strength=0.7,
        **{weight: 1.0},
    )
    _, mean = pooled(made)
    off = ~np.eye(len(mean), dtype=bool) & ~np.isnan(mean)
    matrix = coexpression(made.adata.layers["counts"].toarray())
    salience = np.tile(made.adata.var["salience"].to_numpy(), (len(mean), 1))
    found = {
        "coexpression": abs(spearmanr(mean[off], matrix[off])[0]),
        "edge": 2 * abs(auroc(made, mean) - 0.5),
        "salience": abs(spearmanr(mean[off], salience[off])[0]),
    }
    assert found.pop(works) > 0.6
    assert max(found.values()) < 0.25


def test_coexp_only_follows_coexpression_and_not_the_network():
    rho, area = [], []
    for seed in range(8):
        made = world("coexp-only", seed, n_cells=1000)
        _, mean = pooled(made)
        matrix = coexpression(made.adata.layers["counts"].toarray())
        off = ~np.eye(len(mean), dtype=bool) & ~np.isnan(mean)
        rho.append(spearmanr(mean[off], matrix[off])[0])
        area.append(auroc(made, mean))
    assert 0.25 < min(rho) and max(rho) < 0.55
    assert abs(np.mean(area) - 0.5) < 3 * np.std(area, ddof=1) / np.sqrt(len(area))
    assert np.std(area) < 0.03


def test_pair_signal_finds_the_network_and_coexpression_only_through_it():
    through, without = [], []
    for seed in range(4):
        made = world("pair-signal", seed)
        _, mean = pooled(made)
        assert auroc(made, mean) > 0.9
        matrix = coexpression(made.adata.layers["counts"].toarray())
        off = ~np.eye(len(mean), dtype=bool) & ~np.isnan(mean)
        edge = np.zeros_like(off)
        at = {gene: i for i, gene in enumerate(made.genes)}
        for s, t in made.network[["source", "target"]].values:
            edge[at[s], at[t]] = True
        through.append(spearmanr(mean[off], matrix[off])[0])
        without.append(spearmanr(mean[off & ~edge], matrix[off & ~edge])[0])
    assert np.mean(through) > 0.01
    assert abs(np.mean(without)) < 0.01 < np.mean(through) - np.mean(without) + 0.005


def test_prominence_only_sums_are_confounded_and_means_are_not():
    areas = []
    for seed in range(6):
        made = world("prominence-only", seed)
        total, mean = pooled(made)
        level = made.adata.layers["counts"].toarray()
        products = [level.mean(axis=0), (level > 0).mean(axis=0), level.var(axis=0)]
        areas.append(
            [auroc(made, mean), auroc(made, total)]
            + [auroc(made, np.outer(p, p)) for p in products]
        )
    averaged, summed, *products = np.mean(areas, axis=0)
    # Salience is shared by all pairs of a gene, so the SE is over genes, not over pairs.
    assert abs(averaged - 0.5) < 0.05
    assert summed > 0.65
    assert min(products) > 0.7


def test_degree_only_has_auroc_from_prominence():
    areas = [auroc(made, pooled(made)[1]) for made in (world("degree-only", s) for s in range(4))]
    assert np.mean(areas) > 0.6


def test_one_tf_carries_the_whole_signal():
    made = world("one-TF", 0)
    _, mean = pooled(made)
    per_tf = made.reference["source"].value_counts()
    most = made.reference["source"] == per_tf.index[0]
    assert auroc(made, mean, made.reference[most]) > 0.9
    assert abs(auroc(made, mean, made.reference[~most]) - 0.5) < 0.07


def test_state_grn_shows_an_edge_in_its_own_stratum():
    made = world("state-grn", 0, n_cells=600, attention_cells=0, n_heads=1)
    data = made.attention.mean(("layer", "head"))
    mean = (data["sum"] / data["count"].where(data["count"] >= 5)).transpose("stratum", ...)
    edges = made.network[made.network["state"] != "all"]
    for state in mean["stratum"].values:
        here = mean.sel(stratum=state).values
        assert auroc(made, here, edges[edges["state"] == state]) > 0.8
        assert abs(auroc(made, here, edges[edges["state"] != state]) - 0.5) < 0.1


def test_iid_cells_gain_and_growing_noise_loses_with_more_cells():
    def area(name, seed, n_cells):
        made = world(name, seed, n_cells=n_cells, attention_cells=0, n_heads=1)
        return auroc(made, pooled(made, least=5)[1], made.network)

    def gain(name):
        return np.mean([area(name, s, 600) - area(name, s, 120) for s in range(3)])

    assert gain("iid-cells") > 0.03
    assert gain("noise-grows") < -0.03


def test_smooth_noise_is_autocorrelated_over_layers_and_best_layer_noise_is_not():
    def neighbour(name):
        made = world(name, 0, n_cells=200)
        mean = (made.attention["sum"] / made.attention["count"]).mean("head").values
        at = made.attention["count"].values > 20
        return np.mean([np.corrcoef(mean[k][at], mean[k + 1][at])[0, 1] for k in range(17)])

    assert abs(neighbour("smooth-noise") - 0.9) < 0.03
    assert abs(neighbour("best-layer-noise")) < 0.03


def test_cells_without_pairs_are_refused():
    spec = WorldSpec(n_genes=3, n_tfs=1, n_cells=2, n_states=1, n_donors=1, n_batches=1)
    genes = np.array(["A", "B", "C"], dtype=object)
    empty = np.zeros((2, 3))
    with pytest.raises(DataError, match="no cell holds two genes"):
        attention_sums(
            spec.changed(attention_law="direct"),
            empty,
            np.zeros((1, 1, 3)),
            np.zeros(3),
            np.zeros(2, dtype=int),
            (genes, np.array(["state1"])),
            np.random.default_rng(0),
        )


def test_coexpression_is_spearman_of_scaled_counts():
    counts = np.random.default_rng(0).poisson(3.0, (50, 6)).astype(float)
    counts[:, 5] = 0
    scaled = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    got = coexpression(counts)
    assert np.allclose(got[:5, :5], spearmanr(scaled[:, :5])[0], atol=1e-6)
    assert (got[5, :5] == 0).all() and (np.diag(got) == 1).all()
