"""Parameters of worlds: the smallest are fine, bad ones are refused by name."""

from __future__ import annotations

import pytest

from helpers.datasets.simulate import (
    world,
)
from helpers.errors import DataError


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
