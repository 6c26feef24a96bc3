"""Counts of the simulated worlds: reproducible, directed, and true to their networks."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from helpers.datasets.simulate import (
    WORLDS,
    WorldSpec,
    coexpression,
    draw,
    training_world,
    world,
    world_spec,
)
from helpers.datasets.simulate.kinetics import steady_state
from helpers.datasets.simulate.network import make_network, spectral_radius
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


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_every_named_world_is_drawn_and_states_what_to_expect(name):
    small = {"n_genes": 60, "n_tfs": 10, "n_cells": 60, "n_perturbed": 0}
    entry = WORLDS[name]
    if entry.changes.get("n_perturbed"):
        small |= {"n_perturbed": 2, "perturbed_cells": 10}
    if entry.changes.get("attention_cells"):
        small["attention_cells"] = 30
    made = world(name, 0, **small)
    assert made.adata.n_vars == 60
    assert list(made.network.columns) == ["source", "target", "weight", "state"]
    assert list(made.reference.columns) == [
        *("source", "target", "sign", "confidence", "evidence", "database")
    ]
    assert not made.reference.duplicated(["source", "target"]).any()
    assert entry.about.endswith(".")
    assert made.expect or name == "training"
    assert set(made.expect.values()) <= {"reject", "not reject"}
    assert (made.attention is not None) == (made.spec.attention_law != "none")


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


def test_library_factors_set_the_totals():
    made = world("null-expression", 0, library_sd=0.5, n_genes=400, dropout=0.0)
    log_library = np.log(made.adata.obs["library"])
    assert abs(log_library.std() - 0.5) < 0.05
    assert spearmanr(log_library, dense(made.adata).sum(axis=1))[0] > 0.8


def test_dropout_has_the_average_asked_for_and_spares_high_counts():
    with_loss, without = (
        world("null-expression", 0, dropout=d, log_mean=1.0, theta=1e6) for d in (0.3, 0.0)
    )
    rate = np.exp(with_loss.adata.var["log_mean"].to_numpy())
    lost = 1 - dense(with_loss.adata).mean(axis=0) / dense(without.adata).mean(axis=0)
    assert spearmanr(rate, lost)[0] < -0.7
    # A lost entry of a gene with a Poisson count of mean m shows unless the count was 0 anyway.
    zero = (dense(with_loss.adata) == 0).mean() - (dense(without.adata) == 0).mean()
    assert 0.05 < zero < 0.3


def test_negative_binomial_moments():
    made = world(
        "null-expression",
        0,
        n_cells=20_000,
        n_genes=20,
        n_tfs=2,
        log_mean_sd=0.0,
        log_mean=1.0,
        library_sd=0.0,
        tf_noise=0.0,
        gene_noise=0.0,
        dropout=0.0,
    )
    counts = dense(made.adata)
    mean = np.exp(1.0)
    assert np.allclose(counts.mean(axis=0), mean, rtol=0.05)
    assert np.allclose(counts.var(axis=0), mean + mean**2 / 2, rtol=0.1)


def test_heavy_tails_widen_the_expression():
    spec = WorldSpec(n_genes=50, n_tfs=5, n_cells=2000, gene_noise=0.5, log_mean=4.0, theta=1e6)
    flat = spec.changed(log_mean_sd=0.0, library_sd=0.0, dropout=0.0, density=0.0, program_sd=0.0)
    kurtosis = []
    for tail in (0.0, 3.0):
        value = np.log1p(dense(draw(flat.changed(tail_df=tail), 0).adata)[:, 5:])
        z = (value - value.mean(axis=0)) / value.std(axis=0)
        kurtosis.append(np.median((z**4).mean(axis=0)))
    assert kurtosis[0] < 4 < kurtosis[1]


def test_donor_shift_moves_donor_means_and_no_donor_effect_does_not():
    def between(name):
        made = world(name, 0, log_mean=1.0, n_states=1)
        log = np.log1p(dense(made.adata))
        means = pd.DataFrame(log).groupby(made.adata.obs["donor"].to_numpy()).mean()
        within = log.std(axis=0) / np.sqrt(len(log) / made.spec.n_donors)
        seen = within > 0
        return float(np.median(means.to_numpy().std(axis=0)[seen] / within[seen]))

    assert between("donor-shift") > 4
    assert between("no-donor-effect") < 1.5


def test_composition_differs_between_donors_only_when_asked():
    def spread(name):
        obs = world(name, 0).adata.obs
        share = pd.crosstab(obs["donor"], obs["cell_type"], normalize="index")
        return float(share.std(axis=0).max())

    assert spread("no-donor-effect") < 0.01
    assert spread("composition-only") > 0.1


def test_donor_rewiring_leaves_each_edge_in_half_of_the_donors():
    spec = world_spec("donor-rewiring")
    network = make_network(spec, np.random.default_rng(0))
    assert (network.donors.sum(axis=2) == 4).all()
    some = network.acting(0, 0) != 0
    assert 0.3 < some.sum() / (network.weight != 0).sum() < 0.7


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


def test_network_keeps_density_signs_and_radius():
    spec = WorldSpec(n_genes=400, n_tfs=60, feedback=0.5, weight_high=3.0)
    network = make_network(spec, np.random.default_rng(0))
    n_edges = (network.weight != 0).sum()
    assert n_edges == round(0.05 * 60 * 399)
    assert abs((network.weight > 0).sum() / n_edges - 0.7) < 1e-3
    assert spectral_radius(network.weight) < 0.9
    assert (network.weight[:, :60][:, network.masters] == 0).all()
    assert (np.diag(network.weight) == 0).all()


def test_a_prominence_bias_puts_expressed_genes_into_the_reference():
    means = []
    for bias in (0.0, 1.5):
        made = world("no-donor-effect", 0, reference_bias=bias)
        level = made.adata.var["log_mean"]
        means.append(level[made.reference["target"]].mean() - level.mean())
    assert abs(means[0]) < 0.3 and means[1] > 0.5
    few = world("no-donor-effect", 0, reference_per_tf=2)
    assert few.reference["source"].value_counts().max() == 2


def test_steady_state_against_a_hand_solution():
    # TF 1 activates TF 2, which represses a gene; n = 2, basal = 0.2.
    weight = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -2.0]])
    spec = WorldSpec(n_genes=3, n_tfs=2, n_cells=2, n_states=1, n_donors=1, n_batches=1)
    noise = np.array([[0.0, 0.0, 0.0], [np.log(3.0), 0.0, 0.0]])
    got = np.exp(steady_state(spec, weight, np.array([True, False]), noise))
    assert np.allclose(got[0], 1.0)
    tf2 = (0.2 + 9 / 10) / 0.7
    gene = (0.2 + 2 * 1 / (1 + tf2**2)) / 1.2
    assert np.allclose(got[1], [3.0, tf2, gene])


def test_log_linear_steady_state_solves_its_equation():
    rng = np.random.default_rng(0)
    spec = WorldSpec(n_genes=20, n_tfs=5, kinetics="log-linear", feedback=0.5)
    network = make_network(spec, rng)
    noise = rng.standard_normal((10, 20))
    level = steady_state(spec, network.weight, network.masters, noise)
    assert np.allclose(level, level[:, :5] @ network.weight + noise)


def test_modules_correlate_within_and_not_between():
    made = world("coexp-only", 0, log_mean=2.0)
    matrix = coexpression(dense(made.adata))
    module = made.adata.var["module"].to_numpy()
    same = module[:, None] == module[None, :]
    off = ~np.eye(len(module), dtype=bool)
    assert matrix[same & off].mean() > 0.2
    assert abs(matrix[~same].mean()) < 0.02


def test_tfs_correlate_in_blocks_and_genes_with_tfs_that_do_not_regulate_them():
    made = world("correlated-tfs", 0, n_cells=4000, theta=1e6, log_mean=6.0)
    level = np.log1p(dense(made.adata) / made.adata.obs["library"].to_numpy()[:, None])
    matrix = np.corrcoef(level.T)
    block = np.arange(20) // 5
    same = (block[:, None] == block[None, :]) & ~np.eye(20, dtype=bool)
    among = matrix[:20, :20]
    assert abs(among[same].mean() - 0.8) < 0.03
    assert abs(among[block[:, None] != block[None, :]].mean()) < 0.03
    edge = weights(made) != 0
    assert (edge.sum(axis=0)[20:] == 2).all() and not edge[:, :20].any()
    # the neighbours in its block of a gene's only TF there: no edge, and a clear correlation
    neighbour = ~edge & (same.astype(int) @ edge > 0)
    far = ~edge & ~neighbour
    size = np.abs(matrix[:20, 20:])
    assert size[neighbour[:, 20:]].mean() > 3 * size[far[:, 20:]].mean()
    # a linear model of the TFs finds the edges that correlation confuses
    coefficient = np.linalg.lstsq(
        level[:, :20] - level[:, :20].mean(axis=0),
        level[:, 20:] - level[:, 20:].mean(axis=0),
        rcond=None,
    )[0]
    top = np.argsort(-np.abs(coefficient), axis=0, kind="stable")[:2]
    assert np.take_along_axis(edge[:, 20:], top, axis=0).mean() > 0.97
    top = np.argsort(-size, axis=0, kind="stable")[:2]
    assert np.take_along_axis(edge[:, 20:], top, axis=0).mean() < 0.8


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


def test_a_preference_spreads_the_targets_of_tfs_at_a_fixed_number_of_regulators():
    spread = []
    for sd in (0.0, 1.5):
        spec = world_spec("correlated-tfs", outdegree_sd=sd, regulators=3)
        edge = make_network(spec, np.random.default_rng(0)).weight != 0
        assert (edge.sum(axis=0)[20:] == 3).all()
        spread.append(edge.sum(axis=1).std())
    assert spread[1] > 2 * spread[0]


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


def test_one_state_one_donor_and_an_empty_network_are_fine():
    made = world("no-donor-effect", 0, n_states=1, n_donors=1, n_batches=1, density=0.0, n_cells=20)
    assert len(made.network) == 0 and len(made.reference) == 0
    assert made.adata.n_obs == 20


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_tfs": 0}, "n_tfs is 0"),
        ({"n_tfs": 300}, "n_tfs is 300"),
        ({"n_cells": 4}, "n_states is 6"),
        ({"n_states": 0}, "n_states is 0"),
        ({"n_batches": 9}, "n_batches is 9"),
        ({"density": 1.5}, "density is 1.5"),
        ({"density": float("nan")}, "density is nan"),
        ({"n_genes": 10.5}, "expected int"),
        ({"second_species": 1}, "expected bool"),
        ({"kinetics": "boolean"}, "choose one of hill, log-linear"),
        ({"nonsense": 1}, "no parameter nonsense"),
        ({"n_perturbed": 31}, "n_perturbed is 31"),
        ({"regulators": 31}, "regulators is 31"),
        ({"tf_blocks": 31}, "tf_blocks is 31"),
        ({"tf_correlation": 1.5}, "tf_correlation is 1.5"),
    ],
)
def test_bad_parameters_are_refused_by_name(changes, words):
    with pytest.raises(DataError, match=words):
        world("no-donor-effect", 0, **changes)


def test_unknown_worlds_and_seeds_are_refused():
    with pytest.raises(DataError, match=r"coexp-only.*training"):
        world("planted-lag", 0)
    for seed in (-1, 0.5, True):
        with pytest.raises(DataError, match="seed"):
            world("no-donor-effect", seed)


def test_levels_that_do_not_settle_are_refused():
    weight = np.array([[0.0, 50.0, 0.0], [-50.0, 0.0, 0.0]])
    spec = WorldSpec(n_genes=3, n_tfs=2, n_cells=2, hill_n=8.0, n_states=1, n_donors=1, n_batches=1)
    with pytest.raises(DataError, match="did not settle"):
        steady_state(spec, weight, np.zeros(2, dtype=bool), np.array([[1.0, 0.3, 0.0]]))
