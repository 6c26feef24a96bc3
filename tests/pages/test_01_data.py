"""The functions of the page on the data, on small cells and references made for it."""

from itertools import product

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bookkit import definitions


@pytest.fixture
def page():
    return definitions("01_data")


@pytest.fixture
def cells():
    """120 cells of two donors: type t only from donor a, type s from both."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(3.0, (120, 60)).astype(np.float32)
    counts[:40, :10] += 30
    obs = pd.DataFrame({"donor": ["a"] * 70 + ["b"] * 50, "cell_type": ["t"] * 40 + ["s"] * 80})
    obs.index = obs.index.astype(str)
    made = anndata.AnnData(sparse.csr_matrix(counts), obs=obs)
    made.layers["counts"] = made.X.copy()
    return made


def test_composition_and_imbalance(page, cells):
    counts = page["composition"](cells)
    assert counts.loc["a"].to_dict() == {"s": 30, "t": 40}
    assert counts.loc["b"].to_dict() == {"s": 50, "t": 0}
    shares = page["imbalance"](counts, min_cells=35)
    assert shares.loc["t", ["donor", "largest_share", "donors_with_enough"]].tolist() == ["a", 1, 1]
    assert shares.loc["s", "largest_share"] == pytest.approx(50 / 80)
    assert shares.loc["t", "expected_share"] == pytest.approx(70 / 120)


@pytest.mark.parametrize("donors", [2, 3, 4, 8])
def test_the_floor_is_that_of_all_sign_flips(page, donors):
    """Oracle: enumerate every assignment of signs to effects that all agree."""
    effects = np.ones(donors)
    flips = np.array(list(product([-1, 1], repeat=donors))) @ effects
    assert page["sign_flip_floor"](donors) == np.mean(np.abs(flips) >= effects.sum())


def test_components_separate_planted_types_and_repeat(page, cells):
    table = page["components"](cells, 60, seed=0)
    first = table.iloc[:, 2].to_numpy()
    planted = (table["cell_type"] == "t").to_numpy()
    assert abs(np.corrcoef(first, planted)[0, 1]) > 0.9
    pd.testing.assert_frame_equal(table, page["components"](cells, 60, seed=0))


def reference(*pairs):
    return pd.DataFrame({"source": [p[0] for p in pairs], "target": [p[1] for p in pairs]})


def test_overlap_is_read_by_row(page):
    tables = {"small": reference("AB"), "large": reference("AB", "BA", "AC", "CA")}
    page["load_reference"] = tables.__getitem__
    found = page["overlap"](["small", "large"])
    assert found.loc["small", "large"] == 1.0 and found.loc["large", "small"] == 0.25


def test_choices_count_edges_inside(page, cells):
    cells.var_names = [f"g{i}" for i in range(60)]
    page |= {"n_hvg": 5, "transcription_factors": lambda: frozenset({"g30", "g31"})}
    edges = pd.DataFrame({"source": ["g30", "g31", "g30"], "target": ["g31", "g40", "nowhere"]})
    few, _ = page["choice"](cells, edges, (), ())
    tfs = {"g30", "g31"}
    many, report = page["choice"](cells, edges, tfs, edges["target"])
    assert few["genes"] == 5 and many["genes"] > 5
    assert many["tfs"] == 2 and many["edges"] == 2 and report["targets_given"] == 3
