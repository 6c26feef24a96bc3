"""Networks of worlds: density, signs, radius, and references drawn from them."""

from __future__ import annotations

import numpy as np

from helpers.datasets.simulate import (
    WorldSpec,
    world,
    world_spec,
)
from helpers.datasets.simulate.network import make_network, spectral_radius


def test_donor_rewiring_leaves_each_edge_in_half_of_the_donors():
    spec = world_spec("donor-rewiring")
    network = make_network(spec, np.random.default_rng(0))
    assert (network.donors.sum(axis=2) == 4).all()
    some = network.acting(0, 0) != 0
    assert 0.3 < some.sum() / (network.weight != 0).sum() < 0.7


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


def test_a_preference_spreads_the_targets_of_tfs_at_a_fixed_number_of_regulators():
    spread = []
    for sd in (0.0, 1.5):
        spec = world_spec("correlated-tfs", outdegree_sd=sd, regulators=3)
        edge = make_network(spec, np.random.default_rng(0)).weight != 0
        assert (edge.sum(axis=0)[20:] == 3).all()
        spread.append(edge.sum(axis=1).std())
    assert spread[1] > 2 * spread[0]
