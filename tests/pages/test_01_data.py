"""The functions of the page on the data, on small cells and references made for it."""

from itertools import product

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bookkit import definitions
from helpers.datasets import load_reference
from helpers.estimates import NotEstimable


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


@pytest.fixture
def own_file(cells, tmp_path):
    """The cells above under the symbols of 60 TFs of TRRUST, with columns of other names."""
    names = load_reference("trrust")["source"].unique()
    cells.var_names = sorted(names)[:60]
    cells.obs.columns = ["who", "kind"]
    cells.write_h5ad(tmp_path / "mine.h5ad")
    return str(tmp_path / "mine.h5ad")


def test_own_cells_are_read_and_what_was_kept_is_said(page, cells, own_file):
    page |= {"donor": "who", "cell_type": "kind"}
    mine, kept = page["own_cells"](own_file)
    assert page["no_donors"](mine) is None
    assert page["composition"](mine).loc["b"].to_dict() == {"s": 50, "t": 0}
    assert (mine.X != cells.X).nnz == 0
    some = {"species": "human", "values": "counts of layers['counts']", "genes kept": 60}
    assert some.items() <= kept.items() and kept["cells drawn"] == 120
    page["most_cells"] = 50
    few, kept = page["own_cells"](own_file)
    assert (few.n_obs, kept["cells with counts"], kept["cells drawn"]) == (50, 120, 50)


def test_own_cells_without_labels_have_a_named_reason(page, own_file):
    mine, _ = page["own_cells"](own_file)
    reason = page["no_donors"](mine)
    assert isinstance(reason, NotEstimable) and "donor=COLUMN" in reason.reason


def test_own_coverage_counts_edges_of_genes_that_are_seen(page, own_file):
    mine, _ = page["own_cells"](own_file)
    mine.X = mine.X.multiply(np.arange(60) > 0).tocsr()  # a gene that no cell shows takes its edges with it
    seen = set(mine.var_names[1:])
    page["covered"] = pd.DataFrame({"edges": 1, "edges_detected": 1}, page["REFERENCES"])
    edges = load_reference("trrust")
    inside = edges["source"].isin(seen) & edges["target"].isin(seen)
    table = page["own_coverage"](mine)
    assert table.loc["trrust", "yours"] == inside.sum() > 0
