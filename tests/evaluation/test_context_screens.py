"""One screen in several contexts: equal cells, no shared controls, refusals."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from helpers.errors import DataError
from helpers.evaluation.context_screens import context_screens


def cells(sizes, n_genes=12, seed=0):
    rng = np.random.default_rng(seed)
    parts = [
        (day, who) for day, groups in sizes.items() for who, n in groups.items() for _ in range(n)
    ]
    obs = pd.DataFrame(parts, columns=["day", "perturbation"])
    obs.index = [f"c{k}" for k in range(len(obs))]
    counts = rng.poisson(3.0, (len(obs), n_genes)).astype(float)
    var = pd.DataFrame(index=[f"g{k}" for k in range(n_genes)])
    return ad.AnnData(counts, obs, var, layers={"counts": counts})


DAYS = {
    "a": {"control": 100, "g1": 40, "g2": 35},
    "b": {"control": 160, "g1": 90, "g2": 20},
}


def test_cells_are_equal_and_perturbations_are_those_of_every_context():
    found = context_screens(cells(DAYS), "day", 0)
    assert list(found) == ["a", "b"]
    for one in found.values():
        assert one.sizes == {"g1": 40}
        assert len(one.reference) == one.scored.n_obs == 50
    own = context_screens(cells(DAYS), "day", 0, equal=False)
    assert own["b"].sizes == {"g1": 90} and own["a"].sizes == {"g1": 40, "g2": 35}
    assert len(own["b"].reference) == 80


def test_controls_for_scores_and_for_effects_are_different_cells():
    made = cells(DAYS)
    made.layers["counts"][:, 0] = np.arange(made.n_obs) + 1  # names the cell
    for one in context_screens(made, "day", 0).values():
        scored = set(np.asarray(one.scored.layers["counts"])[:, 0])
        assert not scored & set(one.reference[:, 0])


def test_refusals_say_what_is_missing():
    with pytest.raises(DataError, match="no column 'hour'"):
        context_screens(cells(DAYS), "hour", 0)
    with pytest.raises(DataError, match="1 contexts"):
        context_screens(cells({"a": DAYS["a"], "b": {"control": 20, "g1": 40}}), "day", 0)
    with pytest.raises(DataError, match="no perturbation has 30 cells"):
        context_screens(cells({d: {"control": 80, "g1": 20} for d in "ab"}), "day", 0)
    with pytest.raises(DataError, match="0 contexts"):
        context_screens(cells(DAYS), "day", 0, control="nothing")
