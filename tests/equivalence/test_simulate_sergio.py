"""Our steady states against sergio-rs, which integrates the stochastic dynamics, on one network.

The two share edges, weights, Hill coefficient and master levels. They differ by design in the
noise (intrinsic in time against a log-normal factor on production), and sergio-rs sets the
half-saturation constants to mean levels over states whatever is asked for. So signs and ranks
are compared, not values.

A knock-out is a pair of states that differ in one master regulator only, on in one and off in
the other. sergio-rs has a knock-out of its own, but it deletes the gene together with its edges:
targets left without a regulator become masters with a new random level, and targets of a
repressor lose that part of their production instead of gaining it. That is another experiment.
"""

import numpy as np
import pytest
from scipy.stats import spearmanr

from helpers.datasets.simulate import WorldSpec
from helpers.datasets.simulate.cells import CellLabels, GeneTable, log_levels
from helpers.datasets.simulate.kinetics import steady_state
from helpers.datasets.simulate.network import Network, make_network

sergio = pytest.importorskip("sergio_rs", reason="sergio-rs (test extra) is not installed")

STATES, CELLS, HILL, UNIT = 16, 60, 2, 20.0
SPEC = WorldSpec(
    name="shared",
    n_genes=60,
    n_tfs=10,
    n_cells=STATES * CELLS,
    n_states=STATES,
    n_donors=1,
    n_batches=1,
    density=0.12,
    weight_low=1.0,
    weight_high=2.0,
    master_share=0.3,
    feedback=0.0,
    basal=1e-6,
    tf_noise=0.15,
    gene_noise=0.15,
    hill_n=float(HILL),
)


def shared_network() -> Network:
    """A hierarchy in which every gene that is no master has at least one regulator."""
    rng = np.random.default_rng(3)
    network = make_network(SPEC, rng)
    weight = network.weight.copy()
    n_masters = int(network.masters.sum())
    for gene in np.flatnonzero(~np.any(weight != 0, axis=0)):
        if gene >= n_masters:
            weight[rng.integers(min(gene, SPEC.n_tfs)), gene] = 1.5
    for master in np.flatnonzero(~np.any(weight[:n_masters] != 0, axis=1)):
        weight[master, -1] = 1.5
    return Network(weight, network.state, network.donors, network.masters)


def run_sergio(network: Network) -> np.ndarray:
    """Return cells x genes, states one after the other; each master is on or off in a state."""
    grn = sergio.GRN()
    genes = [sergio.Gene(f"g{i}", 1.0) for i in range(SPEC.n_genes)]
    for tf, target in zip(*np.nonzero(network.weight), strict=True):
        strength = UNIT * float(network.weight[tf, target])
        grn.add_interaction(genes[tf], genes[target], strength, None, HILL)
    grn.set_mrs()
    masters = sergio.MrProfile.from_random(grn, STATES, (0.0, 0.001), (UNIT, UNIT + 0.001), 11)
    frame = sergio.Sim(grn, CELLS, 500, 60, 0.02, 1, 5).simulate(masters)
    table = {row[0]: row[1:] for row in frame.iter_rows()}
    return np.array([table[f"g{i}"] for i in range(SPEC.n_genes)]).T


@pytest.fixture(scope="module")
def shared():
    network = shared_network()
    theirs = run_sergio(network)
    state = np.repeat(np.arange(STATES), CELLS)
    means = np.array([theirs[state == s].mean(axis=0) for s in range(STATES)])
    masters = np.flatnonzero(network.masters)
    on = means[:, masters] > UNIT / 2
    level = np.zeros((STATES, SPEC.n_tfs))
    level[:, masters] = np.where(on, 0.0, -6.0) - np.log(on.mean(axis=0))
    flat, none = np.zeros(SPEC.n_genes), np.zeros((STATES, SPEC.n_genes))
    genes = GeneTable(flat, flat, level, none, none[:1], none[:1], flat.astype(int) - 1)
    zero = np.zeros_like(state)
    labels = CellLabels(state, zero, zero, zero - 1)
    ours = np.exp(log_levels(SPEC, network, genes, labels, np.random.default_rng(0)))
    return network, level, on, means, theirs, ours


def test_masters_are_on_or_off_in_matched_states(shared):
    _, _, on, means, _, _ = shared
    assert len(np.unique(on, axis=0)) == 8
    assert 0.1 < on.mean() < 0.9
    assert means.min() >= 0


def test_state_means_agree(shared):
    _, _, on, means, _, ours = shared
    state = np.repeat(np.arange(STATES), CELLS)
    mine = np.array([ours[state == s].mean(axis=0) for s in range(STATES)])
    # States with the same masters on are one condition; their order is noise.
    _, pattern = np.unique(on, axis=0, return_inverse=True)
    a, b = (
        np.array([table[pattern == p].mean(axis=0) for p in range(pattern.max() + 1)])
        for table in (means, mine)
    )
    rho = [spearmanr(a[:, g], b[:, g])[0] for g in range(SPEC.n_tfs, SPEC.n_genes)]
    # Measured 0.76 over 8 conditions.
    assert np.median(rho) > 0.65


def test_correlation_structure_agrees_in_sign_and_rank(shared):
    _, _, _, _, theirs, ours = shared
    off = np.triu(np.ones((SPEC.n_genes, SPEC.n_genes), dtype=bool), k=1)
    a, b = spearmanr(theirs)[0], spearmanr(ours)[0]
    # Measured 0.98 over 1,770 pairs.
    assert spearmanr(a[off], b[off])[0] > 0.9
    strong = off & (np.abs(b) > 0.3)
    assert strong.sum() > 100
    assert (np.sign(a[strong]) == np.sign(b[strong])).mean() > 0.95


def test_response_to_a_knock_out_agrees_in_sign_and_rank(shared):
    network, level, on, means, _, _ = shared
    masters = np.flatnonzero(network.masters)
    predicted, observed = [], []
    for column, master in enumerate(masters):
        others = np.delete(on, column, axis=1)
        for before in np.flatnonzero(on[:, column]):
            twins = np.flatnonzero(~on[:, column] & (others == others[before]).all(axis=1))
            if not twins.size:
                continue
            drive = np.zeros((2, SPEC.n_genes))
            drive[:, : SPEC.n_tfs] = level[before]
            remaining = np.ones((2, SPEC.n_tfs))
            remaining[1, master] = 0.0
            wild, knocked = steady_state(SPEC, network.weight, network.masters, drive, remaining)
            rest = np.arange(SPEC.n_genes) != master
            predicted.append((np.exp(knocked) - np.exp(wild))[rest])
            observed.append((means[twins].mean(axis=0) - means[before])[rest])
    predicted, observed = np.concatenate(predicted), np.concatenate(observed)
    moved = np.abs(predicted) > 0.2
    assert moved.sum() > 100
    assert (np.sign(predicted[moved]) == np.sign(observed[moved])).mean() > 0.95
    # Measured 0.79 over 494 responses, with all signs equal.
    assert spearmanr(predicted[moved], observed[moved])[0] > 0.7
    still = np.abs(predicted) < 1e-6
    assert np.abs(observed[still]).mean() < 0.3 * np.abs(observed[moved]).mean()
