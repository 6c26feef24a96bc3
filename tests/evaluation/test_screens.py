"""Screens are read with disjoint thirds of the controls, and refuse what cannot be compared."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from helpers.datasets import load
from helpers.datasets.simulate.screens import screen_world
from helpers.errors import DataError
from helpers.evaluation.responders import by_threshold
from helpers.evaluation.screens import pair_table, read_screen


@pytest.fixture
def file(tmp_path):
    made = screen_world("abundant-targets", 0, 60, 300, 3, 60, 10, kept=0.1)
    counts = np.vstack([made.controls, *made.perturbed])
    who = ["control"] * len(made.controls)
    names = load("baron-human").var_names[:60].tolist()
    who += [names[k] for k, cells in enumerate(made.perturbed) for _ in cells]
    obs = pd.DataFrame({"perturbation": who, "batch": "one"})
    obs.index = obs.index.astype(str)
    cells = ad.AnnData(counts.astype(np.float32), obs, pd.DataFrame(index=names))
    path = tmp_path / "screen.h5ad"

    def write(**changed):
        cells.obs = cells.obs.assign(**changed)
        cells.write_h5ad(path)
        return str(path)

    return write


def test_a_registered_screen_has_all_its_perturbations():
    screen = read_screen("renge", 0)
    assert len(screen.effects) == 23 and min(screen.sizes.values()) == 149
    thirds = [screen.scored.n_obs, len(screen.reference), len(screen.rest)]
    assert sum(thirds) == 1182 and max(thirds) - min(thirds) <= 1
    table = pair_table(
        {name: by_threshold(one) for name, one in screen.effects.items()},
        screen.genes,
        {"mean": np.arange(103.0)},
    )
    assert len(table) == 23 * 102 and (table["perturbation"] != table["gene"]).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"perturbation": "A1CF"}, "0 control cells"),
        ({"perturbation": "control"}, "no perturbation has 30 cells"),
    ],
)
def test_screens_without_controls_or_perturbations_are_refused(file, change, says):
    with pytest.raises(DataError, match=says):
        read_screen(file(**change), 0, batch="batch")


def test_a_missing_column_is_named(file):
    with pytest.raises(DataError, match="no column 'guide'"):
        read_screen(file(), 0, perturbation="guide")


def test_edges_that_are_not_known_are_missing():
    genes = np.array(["A", "B", "C"])
    edges = pd.DataFrame([[0.0, 1.0]], index=["A"], columns=["A", "C"])
    table = pair_table({"A#1": np.ones(3), "B": np.zeros(3)}, genes, {}, {"R": edges})
    assert table["perturbation"].tolist() == ["A#1", "A#1", "B", "B"]
    assert table["gene"].tolist() == ["B", "C", "A", "C"]
    assert table["R"].tolist()[1] == 1.0 and table["R"].isna().sum() == 3
