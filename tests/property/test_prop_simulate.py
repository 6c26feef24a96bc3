"""What must hold in every simulated world, whatever its parameters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.datasets.simulate import WorldSpec, draw, t2_draw
from helpers.datasets.simulate.network import make_network, rewired, spectral_radius


@st.composite
def specs(draw_from):
    n_genes = draw_from(st.integers(4, 40))
    n_cells = draw_from(st.integers(8, 40))
    n_tfs = draw_from(st.integers(1, n_genes - 1))
    n_donors = draw_from(st.integers(1, 4))
    return WorldSpec(
        name="property",
        n_genes=n_genes,
        n_tfs=n_tfs,
        n_cells=n_cells,
        n_states=draw_from(st.integers(1, 4)),
        n_donors=n_donors,
        n_batches=draw_from(st.integers(1, n_donors)),
        density=draw_from(st.floats(0.0, 0.5)),
        positive_share=draw_from(st.floats(0.0, 1.0)),
        feedback=draw_from(st.floats(0.0, 0.3)),
        private_share=draw_from(st.sampled_from([0.0, 0.5, 1.0])),
        edge_donor_share=draw_from(st.sampled_from([0.5, 1.0])),
        kinetics=draw_from(st.sampled_from(["hill", "log-linear"])),
        tail_df=draw_from(st.sampled_from([0.0, 3.0])),
        modules=draw_from(st.integers(0, 3)),
        module_strength=0.5,
        composition=draw_from(st.sampled_from([0.0, 1.0])),
        dropout=draw_from(st.sampled_from([0.0, 0.3])),
        log_mean=draw_from(st.floats(0.5, 2.0)),
        n_perturbed=draw_from(st.integers(0, n_tfs)),
        perturbed_cells=3,
        second_species=draw_from(st.booleans()),
        conserved=draw_from(st.floats(0.0, 1.0)),
        rewire=draw_from(st.sampled_from(["edges", "tfs"])),
        reference_bias=draw_from(st.floats(-2.0, 2.0)),
        attention_law=draw_from(st.sampled_from(["softmax", "direct", "tanh", "none"])),
        alpha=draw_from(st.floats(0.0, 1.0)),
        beta=draw_from(st.floats(0.0, 1.0)),
        gamma=draw_from(st.floats(0.0, 1.0)),
        n_layers=1,
        n_heads=draw_from(st.integers(1, 2)),
        strata=draw_from(st.booleans()),
    )


@settings(max_examples=40, deadline=None)
@given(specs(), st.integers(0, 1000))
def test_a_world_is_complete_and_consistent(spec, seed):
    made = draw(spec, seed)
    counts = made.adata.layers["counts"].toarray()
    assert made.adata.n_obs == spec.n_cells + spec.n_perturbed * spec.perturbed_cells
    assert np.isfinite(counts).all() and (counts >= 0).all()
    assert (counts == np.rint(counts)).all()
    assert set(made.network["source"]) <= set(made.tfs)
    assert (made.network["source"] != made.network["target"]).all()
    pairs = set(zip(made.network["source"], made.network["target"], strict=True))
    assert set(zip(made.reference["source"], made.reference["target"], strict=True)) <= pairs
    sign = made.network.set_index(["source", "target"])["weight"]
    for edge in made.reference.itertuples():
        assert edge.sign == np.sign(sign[(edge.source, edge.target)])
    if spec.attention_law != "none":
        total, count = made.attention["sum"], made.attention["count"]
        assert np.isfinite(total.values).all()
        assert (total.values[..., count.values == 0] == 0).all() if not spec.strata else True
        assert (count.values == np.swapaxes(count.values, -1, -2)).all()
    if spec.n_perturbed:
        assert np.isfinite(made.effects["log_fold_change"]).all()
        assert len(made.effects) == spec.n_perturbed * spec.n_genes
    assert (made.second is None) == (not spec.second_species)


@settings(max_examples=60, deadline=None)
@given(specs(), st.integers(0, 1000))
def test_networks_keep_radius_size_and_outdegree(spec, seed):
    rng = np.random.default_rng(seed)
    network = make_network(spec, rng)
    assert spectral_radius(network.weight) < spec.radius
    assert (network.weight != 0).sum() <= round(spec.density * spec.n_tfs * (spec.n_genes - 1))
    assert (network.weight[:, : spec.n_tfs][:, network.masters] == 0).all()
    other = rewired(network, spec, rng)
    before, after = ((n.weight != 0).sum(axis=1) for n in (network, other))
    assert (after <= before).all()
    if spec.conserved == 1.0:
        assert (other.weight == network.weight).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(5, 30), st.integers(0, 50))
def test_t2_edges_are_distinct_and_states_balanced(n_states, cells, seed):
    made = t2_draw(n_states, cells, seed)
    assert not made.edges.duplicated(["tf", "target"]).any()
    assert made.truth.sum() == len(made.edges)
    assert (np.bincount(made.state) == cells).all()
    again = t2_draw(n_states, cells, seed)
    assert (made.expression == again.expression).all()
