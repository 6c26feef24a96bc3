from __future__ import annotations

from itertools import product

import anndata
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import sparse

from helpers.analyses import data
from helpers.plotting import data as plots


@pytest.fixture
def cells() -> anndata.AnnData:
    """120 cells of two donors: type t only from donor a, type s from both."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(3.0, (120, 60)).astype(np.float32)
    counts[:40, :10] += 30
    obs = pd.DataFrame({"donor": ["a"] * 70 + ["b"] * 50, "cell_type": ["t"] * 40 + ["s"] * 80})
    obs.index = obs.index.astype(str)
    made = anndata.AnnData(sparse.csr_matrix(counts), obs=obs)
    made.layers["counts"] = made.X.copy()
    return made


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_composition_and_imbalance(cells):
    counts = data.composition(cells)
    assert counts.loc["a"].to_dict() == {"s": 30, "t": 40}
    assert counts.loc["b"].to_dict() == {"s": 50, "t": 0}
    shares = data.imbalance(counts, min_cells=35)
    assert shares.loc["t", ["donor", "largest_share", "donors_with_enough"]].tolist() == ["a", 1, 1]
    assert shares.loc["s", "largest_share"] == pytest.approx(50 / 80)
    assert shares.loc["t", "expected_share"] == pytest.approx(70 / 120)


@pytest.mark.parametrize("donors", [2, 3, 4, 8])
def test_the_floor_is_that_of_all_sign_flips(donors: int):
    """Oracle: enumerate every assignment of signs to effects that all agree."""
    effects = np.ones(donors)
    flips = np.array(list(product([-1, 1], repeat=donors))) @ effects
    assert data.sign_flip_floor(donors) == np.mean(np.abs(flips) >= effects.sum())


def test_components_separate_planted_types_and_repeat(cells):
    table = data.coordinates(cells, 60, seed=0)
    first = table["pc1"].to_numpy()
    planted = (table["cell_type"] == "t").to_numpy()
    assert abs(np.corrcoef(first, planted)[0, 1]) > 0.9
    pd.testing.assert_frame_equal(table, data.coordinates(cells, 60, seed=0))


def test_sizes_and_detection_equal_dense_counts(cells):
    dense = cells.X.toarray()
    sizes = data.cell_sizes(cells)
    np.testing.assert_array_equal(sizes["genes"], (dense > 0).sum(axis=1))
    np.testing.assert_allclose(sizes["total"], dense.sum(axis=1))
    np.testing.assert_allclose(data.gene_detection(cells), (dense > 0).mean(axis=0))


def reference(*pairs: str) -> pd.DataFrame:
    return pd.DataFrame({"source": [p[0] for p in pairs], "target": [p[1] for p in pairs]})


def test_overlap_is_read_by_row(monkeypatch: pytest.MonkeyPatch):
    tables = {"small": reference("AB"), "large": reference("AB", "BA", "AC", "CA")}
    monkeypatch.setattr(data, "load_reference", tables.__getitem__)
    overlap = data.overlap_table(["small", "large"])
    assert overlap.loc["small", "large"] == 1.0 and overlap.loc["large", "small"] == 0.25


def test_gene_choices_grow_and_count_edges_inside(cells, monkeypatch: pytest.MonkeyPatch):
    cells.var_names = [f"g{i}" for i in range(60)]
    edges = pd.DataFrame({"source": ["g30", "g31", "g30"], "target": ["g31", "g40", "nowhere"]})
    monkeypatch.setattr(data, "load_reference", lambda name: edges)
    monkeypatch.setattr(data, "transcription_factors", lambda: frozenset({"g30", "g31"}))
    table, report = data.gene_choices(cells, 5, "any", 0.02)
    assert table["genes"].is_monotonic_increasing and table["genes"].iloc[0] == 5
    assert table["tfs"].iloc[1:].tolist() == [2, 2]
    assert table["edges"].iloc[-1] == 2 and report["targets_given"] == 3


def test_figures_come_with_words_that_hold_their_numbers(cells):
    counts = data.composition(cells)
    repairs = pd.DataFrame(
        {"as_they_come": [10], "edges_repaired": [15], "both_repaired": [1700]}, index=["trrust"]
    )
    overlap = pd.DataFrame([[1.0]], index=["trrust"], columns=["trrust"])
    choices = pd.DataFrame(
        {"genes": [5, 9], "genes_per_cell": [2.0, 3.0], "tfs": [0, 2], "edges": [1, 4]},
        index=["one", "two"],
    )
    drawn = {
        "120 cells": plots.map_of_cells(data.coordinates(cells, 20, 0)),
        "2 donors": plots.donors_by_type(counts),
        "2%": plots.detection_of_genes(data.gene_detection(cells), data.cell_sizes(cells), 0.02),
        "from 10 to 1,700": plots.coverage(repairs, overlap),
        "from 1 to 4": plots.gene_sets(choices),
    }
    for words, (figure, alt) in drawn.items():
        assert isinstance(figure, Figure) and words in alt
