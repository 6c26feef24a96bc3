"""Counts of the simulated worlds: reproducible, directed, and true to their networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from helpers.datasets.simulate import (
    coexpression,
    training_world,
    world,
)
from helpers.errors import DataError


def dense(adata):
    return adata.layers["counts"].toarray()


def weights(made, table=None, genes=None):
    """Return TFs x genes from an edge table."""
    table = made.network if table is None else table
    names = list(made.genes if genes is None else genes)
    matrix = np.zeros((len(made.tfs), len(names)))
    rows = [names.index(s) for s in table["source"]]
    columns = [names.index(t) for t in table["target"]]
    matrix[rows, columns] = table["weight"]
    return matrix


@pytest.fixture(scope="module")
def screen():
    return world("edge-only", 1, n_genes=150, n_tfs=15, n_cells=1500, n_perturbed=15)


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    first, again, other = (
        world("state-grn", s, n_cells=120, attention_cells=40) for s in (3, 3, 4)
    )
    assert (dense(first.adata) == dense(again.adata)).all()
    assert first.attention.identical(again.attention)
    pd.testing.assert_frame_equal(first.reference, again.reference)
    assert (dense(first.adata) != dense(other.adata)).any()


def test_attention_parameters_leave_the_counts_alone():
    one = world("pair-signal", 0, n_cells=100)
    two = world("pair-signal", 0, n_cells=100, alpha=2.0, attention_law="tanh")
    assert (dense(one.adata) == dense(two.adata)).all()


def test_counts_are_integers_with_the_agreed_slots():
    made = world("no-donor-effect", 0, n_cells=200)
    counts = dense(made.adata)
    assert (counts == np.rint(counts)).all() and counts.min() == 0
    assert {"cell_type", "donor", "batch", "perturbation"} <= set(made.adata.obs)
    assert (made.adata.obs["perturbation"] == "control").all()
    assert list(made.adata.var["symbol"]) == list(made.genes)
    assert made.adata.obs.groupby("donor", observed=True)["batch"].nunique().max() == 1
    assert made.adata.obs["cell_type"].nunique() == 6 and made.adata.obs["donor"].nunique() == 8


def test_direction_source_is_a_tf_and_knocking_it_down_changes_its_targets(screen):
    assert set(screen.network["source"]) <= set(screen.tfs)
    assert not set(screen.network["target"]) <= set(screen.tfs)
    effects = screen.effects.pivot(index="perturbation", columns="target", values="log_fold_change")
    weight = pd.DataFrame(weights(screen), index=screen.tfs, columns=screen.genes)
    own = [effects.loc[tf, tf] for tf in effects.index]
    assert max(own) < np.log(0.2)
    # Genes above the TF in the hierarchy do not move; its children do.
    child = weight.loc[effects.index, effects.columns] != 0
    assert effects.where(child).abs().stack().median() > 0.1
    outside = effects.loc[:, ~effects.columns.isin(screen.tfs)]
    assert (outside.abs() < 1e-9).to_numpy().mean() > 0.5


def test_knock_downs_change_counts_with_the_sign_of_the_edge(screen):
    counts, obs = dense(screen.adata), screen.adata.obs
    scaled = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    control = scaled[obs["perturbation"] == "control"].mean(axis=0)
    at = {gene: i for i, gene in enumerate(screen.genes)}
    edges = screen.network[~screen.network["target"].isin(screen.tfs)]
    change = np.array(
        [
            scaled[obs["perturbation"] == s, at[t]].mean() - control[at[t]]
            for s, t in zip(edges["source"], edges["target"], strict=True)
        ]
    )
    sign = np.sign(edges["weight"].to_numpy())
    strong = np.abs(change) > 0.3
    assert strong.sum() > 30
    assert (np.sign(change[strong]) == -sign[strong]).mean() > 0.95
    truth = screen.effects.set_index(["perturbation", "target"])["log_fold_change"]
    wanted = truth.loc[list(zip(edges["source"], edges["target"], strict=True))]
    assert spearmanr(change, wanted)[0] > 0.8


def test_a_knock_down_lowers_its_own_transcript(screen):
    counts, obs = dense(screen.adata), screen.adata.obs
    at = {gene: i for i, gene in enumerate(screen.genes)}
    for tf in screen.effects["perturbation"].unique():
        column = counts[:, at[tf]]
        left = column[obs["perturbation"] == tf].mean()
        assert left < 0.3 * column[obs["perturbation"] == "control"].mean()


def test_planted_edges_raise_correlation_and_the_null_world_has_none():
    def excess(made):
        matrix = np.abs(coexpression(dense(made.adata)))[: len(made.tfs)]
        edge = weights(made) != 0
        off = ~np.eye(*matrix.shape, dtype=bool)
        spread = matrix[off & ~edge].std() / np.sqrt(edge.sum())
        return (matrix[edge].mean() - matrix[off & ~edge].mean()) / spread

    assert excess(world("grn-expression", 0)) > 20
    assert excess(world("training", 0, n_cells=800)) > 20
    null = [excess(world("null-expression", seed)) for seed in range(10)]
    assert np.abs(np.mean(null)) < 1.2
    assert np.max(np.abs(null)) < 4


def test_a_state_private_edge_shows_in_its_state_only():
    made = world(
        "state-grn", 2, attention_law="none", strata=False, log_mean=2.0, n_cells=3000, theta=20.0
    )
    states = made.adata.obs["cell_type"].to_numpy()
    at = {gene: i for i, gene in enumerate(made.genes)}
    edges = made.network[(made.network["state"] != "all") & (made.network["weight"] > 0)]
    assert len(edges) > 100
    inside, outside = [], []
    matrices = {s: coexpression(dense(made.adata)[states == s]) for s in np.unique(states)}
    for edge in edges.itertuples():
        for state, matrix in matrices.items():
            value = matrix[at[edge.source], at[edge.target]]
            (inside if state == edge.state else outside).append(value)
    assert np.mean(inside) > 0.08
    assert abs(np.mean(outside)) < 0.02


@pytest.mark.parametrize(("name", "share"), [("conserved", 1.0), ("half-conserved", 0.5)])
def test_species_share_the_stated_part_of_the_network(name, share):
    made = world(name, 0, n_cells=100)
    second = made.second.var_names
    other = weights(made, made.second_network, second) != 0
    mine = weights(made) != 0
    kept = (mine & other).sum(axis=1)[mine.any(axis=1)] / mine.sum(axis=1)[mine.any(axis=1)]
    assert abs(kept.mean() - share) < 0.05
    assert other.sum() == mine.sum()
    if name == "half-conserved":
        assert set(np.unique((kept > 0.99) | (kept < 0.3))) == {True}


def test_orthologs_are_one_to_one_and_pair_genes_of_the_same_number():
    made = world("conserved", 0, n_cells=100)
    table = made.orthologs
    assert len(table) == 270
    assert table["human"].is_unique and table["mouse"].is_unique
    assert (table["human"].str.lower() == table["mouse"].str.lower()).all()
    assert set(table["human"]) <= set(made.adata.var_names)
    assert set(table["mouse"]) <= set(made.second.var_names)
    assert not set(made.adata.var_names) & set(made.second.var_names)


def test_conserved_edges_give_similar_correlations_in_both_species():
    made = world("conserved", 0, n_cells=2000, program_sd=0.0, log_mean=2.0)
    block = slice(len(made.tfs), None)
    edge = weights(made)[:, block] != 0
    a, b = (coexpression(dense(x))[: len(made.tfs), block][edge] for x in (made.adata, made.second))
    assert spearmanr(a, b)[0] > 0.8


def test_other_cells_of_the_same_network():
    first, other = (world("correlated-tfs", 0, n_cells=100, cells_seed=seed) for seed in (None, 1))
    pd.testing.assert_frame_equal(first.network, other.network)
    assert (first.adata.var["log_mean"] == other.adata.var["log_mean"]).all()
    assert (dense(first.adata) != dense(other.adata)).any()
    again = world("correlated-tfs", 0, n_cells=100, cells_seed=0)
    assert (dense(first.adata) == dense(again.adata)).all()
    assert other.adata.uns["source"]["version"] == "seed 0, cells of seed 1"
    with pytest.raises(DataError, match="seed is -1"):
        world("correlated-tfs", 0, cells_seed=-1)


def test_training_world_is_fixed_and_structured():
    made = training_world(0)
    assert made.adata.shape == (3000, 360) and len(made.tfs) == 36
    counts = dense(made.adata)
    log = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    log -= log.mean(axis=0)
    train, test = np.arange(3000) % 5 > 0, np.arange(3000) % 5 == 0
    hidden = np.arange(360) % 7 == 0
    x, y = log[:, ~hidden], log[:, hidden]
    ridge = np.linalg.solve(x[train].T @ x[train] + 300 * np.eye(x.shape[1]), x[train].T @ y[train])
    explained = 1 - ((y[test] - x[test] @ ridge) ** 2).sum() / (y[test] ** 2).sum()
    assert explained > 0.3  # measured 0.42: a linear model beats the per-gene mean by far
