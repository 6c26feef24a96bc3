"""Every named world is drawn, and unknown ones are refused."""

from __future__ import annotations

import pytest

from helpers.datasets.simulate import (
    WORLDS,
    world,
)
from helpers.errors import DataError


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


def test_unknown_worlds_and_seeds_are_refused():
    with pytest.raises(DataError, match=r"coexp-only.*training"):
        world("planted-lag", 0)
    for seed in (-1, 0.5, True):
        with pytest.raises(DataError, match="seed"):
            world("no-donor-effect", seed)
