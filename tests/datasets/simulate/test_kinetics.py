"""Steady states against a hand solution and their equation."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.datasets.simulate import (
    WorldSpec,
)
from helpers.datasets.simulate.kinetics import steady_state
from helpers.datasets.simulate.network import make_network
from helpers.errors import DataError


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


def test_levels_that_do_not_settle_are_refused():
    weight = np.array([[0.0, 50.0, 0.0], [-50.0, 0.0, 0.0]])
    spec = WorldSpec(n_genes=3, n_tfs=2, n_cells=2, hill_n=8.0, n_states=1, n_donors=1, n_batches=1)
    with pytest.raises(DataError, match="did not settle"):
        steady_state(spec, weight, np.zeros(2, dtype=bool), np.array([[1.0, 0.3, 0.0]]))
