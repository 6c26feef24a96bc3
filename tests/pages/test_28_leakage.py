"""Page 28: its functions, on worlds whose answer is planted."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import sparse
from sklearn.model_selection import KFold, LeaveOneGroupOut

from bookkit.page_functions import definitions
from helpers.datasets import load_reference
from helpers.datasets.simulate import WORLDS
from helpers.estimates import NotEstimable
from helpers.evaluation.donors import edge_correlations

NAME = "28_leakage"
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("world", ["no-donor-effect", "donor-shift", "donor-rewiring"])
def test_worlds_give_what_was_planted(world):
    rejected = dict.fromkeys(WORLDS[world].expect, 0)
    for seed in range(3):
        page = definitions(NAME, draws=39, seed=seed)
        found, _, _ = page["leakage_tests"](page["cells_of"](world))
        for number in rejected:
            rejected[number] += found[number].p <= 0.05
    for number, promise in WORLDS[world].expect.items():
        assert rejected[number] == 3 if promise == "reject" else rejected[number] <= 1, rejected


def test_the_plain_correlation_is_the_fast_one():
    page = definitions(NAME, world_cells=500)
    cells = page["cells_of"]("donor-shift")
    rows = np.arange(0, len(cells.x), 2)
    plain = [page["correlation_of"](cells, edge, rows) for edge in range(20)]
    assert edge_correlations(cells, rows)[:20] == pytest.approx(plain)


def test_the_units_are_what_was_permuted():
    page = definitions(NAME, draws=19, world_cells=500)
    cells = page["cells_of"]("no-donor-effect")
    found, scores, shares = page["leakage_tests"](cells)
    assert {n: (o.unit, o.n_units) for n, o in found.items()} == {
        "28.1": ("cell", len(cells.x)),
        "28.6": ("donor", cells.n_donors),
        "28.7": ("cell", len(cells.x)),
        "28.9": ("cell", len(cells.x)),
    }
    assert list(scores["features"]) == ["edges", "genes", "cell type"]
    assert list(shares.index) == ["observed", "expected"]


def test_two_sets_of_equal_composition_are_compared_with_as_many_cells():
    page = definitions(NAME, world_cells=1500)
    cells = page["cells_of"]("donor-shift")
    ways = page["three_ways"](cells, 0, 1, np.random.default_rng(0))
    assert len({len(rows) for way in ways.values() for rows in way}) == 1
    first, second = ways["same composition"]
    kinds = [np.bincount(cells.cell_type[rows]).tolist() for rows in (first, second)]
    assert kinds[0] == kinds[1]
    assert (cells.donor[first] == 0).all()
    assert (cells.donor[second] == 1).all()
    halves = ways["halves of one"]
    assert not set(halves[0]) & set(halves[1])
    rho = page["agreement"](cells, np.random.default_rng(1))
    assert ((rho > -1) & (rho <= 1)).all()


def test_a_donor_that_differs_costs_what_was_learned_on_others():
    page = definitions(NAME)
    rng = np.random.default_rng(2)
    labels, donor = rng.integers(0, 2, 600), np.arange(600) % 3
    x = rng.normal(size=(600, 6))
    x[:, 0] += 2 * labels
    x[np.arange(600), 1 + donor] += 3 * labels  # what tells the types apart differs by donor
    split = page["out_of_fold"](x, labels, KFold(5, shuffle=True, random_state=0))
    left = page["out_of_fold"](x, labels, LeaveOneGroupOut(), donor)
    assert page["mean_auc"](split, labels) > page["mean_auc"](left, labels)
    assert page["mean_auc"](split, np.zeros(600, int)) is None


def test_averaging_over_donors_removes_an_edge_that_only_their_shift_makes():
    page = definitions(NAME)
    genes = [f"G{k}" for k in range(40)]
    rng = np.random.default_rng(3)
    edges = pd.DataFrame([(f"G{i}", f"G{j}") for i in range(8) for j in range(10 + i, 30, 3)])
    edges.columns = ["source", "target"]
    label = np.zeros((40, 40))
    for i, j in edges.to_numpy():
        label[int(i[1:]), int(j[1:])] = 1
    box = {"source": genes, "target": genes}
    parts = [xr.DataArray(rng.normal(size=(40, 40)), box, list(box)) for _ in range(3)]
    pooled = page["joined"](parts) + 3 * xr.DataArray(label, box, list(box))
    found, row = page["repaired"](edges, pooled, parts, "forward")
    assert found.unit == "TF x target"
    assert found.p < 0.01
    assert row["pooled"] > 0.9 > row["donor-wise"]
    _, row = page["repaired"](edges, parts[0], [parts[0]] * 3, "transpose")
    assert row["pooled"] == pytest.approx(row["donor-wise"])


class Read:
    """Attention of donors and halves, as a reading gives it; donor c is unlike the others."""

    def __init__(self, rng, n=30):
        self.genes = [f"G{k}" for k in range(n)]
        common, other = rng.normal(size=(2, n, n))
        own = {"a": common, "b": common, "c": other}
        self.of = {(d, h): own[d] + 0.5 * rng.normal(size=(n, n)) for d in own for h in "01"}

    def scores(self, min_count, donor, half):
        box = {"source": self.genes, "target": self.genes}
        return xr.DataArray(self.of[donor, half], box, list(box))


@pytest.mark.parametrize("direction", ["forward", "transpose", "symmetric"])
def test_attention_of_donors_is_compared_with_that_of_halves(direction):
    page, one = definitions(NAME), Read(np.random.default_rng(4))

    def alike(*donors):
        parts = {(d, h): page["turn"](one.scores(3, d, h)) for d in donors for h in "01"}
        return page["donors_alike"](parts, one.genes[:8], direction)

    same = alike("a", "b")
    assert same["halves"] == pytest.approx(same["donors"], abs=0.1)
    unlike = alike("a", "c")
    assert unlike["halves"] > 0.6 > 0.3 > abs(unlike["donors"])
    alone = alike("a")
    assert np.isnan(alone["donors"]) and alone["halves"] > 0.6


def own_cells(donors, kinds=("t",)):
    """Return cells with donors and types of which 30 genes are seen and 10 are not."""
    counts = np.random.default_rng(0).poisson(1.0, (len(donors), 40))
    counts[:, 30:] = 0
    cells = ad.AnnData(counts.astype(float), layers={"counts": sparse.csr_matrix(counts)})
    cells.obs["donor"], cells.obs["cell_type"] = donors, np.resize(kinds, len(donors))
    return cells


EDGES = pd.DataFrame({"source": "0", "target": [str(k) for k in range(40)]})


def test_few_donors_small_donors_and_genes_that_are_not_seen():
    page, many = definitions(NAME), own_cells(np.repeat(["a", "b", "c"], [120, 90, 20]))
    assert "1 donors with 50" in page["no_donors"](own_cells(["a"] * 120)).reason
    cells = page["donor_cells"](many, EDGES)
    assert (len(cells.x), cells.n_donors) == (210, 2)
    assert len(cells.source) == 29, "neither the pair of a gene with itself nor an unseen gene"
    alone = page["donor_cells"](own_cells(["a"] * 120), EDGES)
    assert page["agreement"](alone, np.random.default_rng(0)).empty


def test_own_cells_without_counts_are_not_drawn(tmp_path):
    cells, edges = own_cells(np.resize(["a", "b"], 125)), load_reference("trrust")
    cells.var_names = pd.unique(edges[["source", "target"]].head(60).to_numpy().ravel())[:40]
    counts = cells.layers["counts"].toarray()
    counts[60:65] = 0
    cells.X = cells.layers["counts"] = sparse.csr_matrix(counts)
    cells.write_h5ad(tmp_path / "five.h5ad")
    page = definitions(NAME, most_cells=500, seed=0, symbols="")
    page["roles"] = {"cell_type": "", "donor": ""}
    own = page["donors_of"](str(tmp_path / "five.h5ad"))
    assert (len(own.x), own.n_donors) == (120, 2) and (own.x.max(axis=1) > 0).all()


def test_donors_of_one_size_leave_nothing_to_balance():
    page = definitions(NAME, draws=19)
    cells = page["donor_cells"](own_cells(["a", "b"] * 60), EDGES)
    found, _, shares = page["leakage_tests"](cells)
    assert (found["28.7"].estimate, found["28.7"].p) == (0.0, 1.0)
    assert (shares["flagged"] == 0).all()
    assert isinstance(found["28.6"], NotEstimable), "two donors cannot be flipped to any p"


def test_a_type_with_few_cells_has_no_auc_of_its_own():
    page = definitions(NAME)
    page["over_cells"] = KFold(5, shuffle=True, random_state=0)
    kinds = ["t"] * 114 + ["rare"] * 6
    one = page["donor_cells"](own_cells(["a", "b"] * 60, ["t"] * 120), EDGES)
    rare = page["donor_cells"](own_cells(["a", "b"] * 60, kinds), EDGES)
    for cells in (one, rare):
        assert page["type_aucs"](cells).empty
