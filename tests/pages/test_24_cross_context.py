"""Functions of page 24 on profiles whose truth is known."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import sparse

from helpers.datasets.identifiers import known_symbols
from helpers.datasets.simulate.circuits import tissue_profiles
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from bookkit.page_functions import definitions
from helpers.statistics.banded_ranks import banded_test
from helpers.statistics.shared_sets import label_null, specificity


@pytest.fixture(scope="module")
def page():
    space = definitions("24_cross_context", draws=500)
    space["alpha"] = 0.05
    return space


def rows(pair, tissue, values, layers, n=8, kind="blocks"):
    """One traced pair as the archive has it, components in another order."""
    table = pd.DataFrame({"layer": layers, "mean": values, "block": np.arange(len(layers)) % 2})
    source, target = pair.split("->")
    table = table.assign(pair=pair, tissue=tissue, n=n, granularity=kind, se=0.1, sd=0.3, m2=1.0)
    return table.assign(source=source, target=target).sample(frac=1, random_state=1)


def test_p_within_layers_is_that_of_the_package(page):
    rng = np.random.default_rng(0)
    for world in ("depth-only", "same-circuit"):
        first, second, layers = tissue_profiles(world, rng)
        exact = banded_test(first, second, layers, draws=9, rng=rng).p_exact
        assert page["p_within_layers"](first, second, layers) == pytest.approx(exact)


def test_comparisons_align_components_and_skip_tissues_that_were_not_traced(page):
    first, second, layers = tissue_profiles("same-circuit", np.random.default_rng(1))
    table = pd.concat([rows("A->B", "immune", first, layers), rows("A->B", "lung", second, layers)])
    ((pair, tissues, kind, a, b),) = page["comparisons"](table)
    assert (pair, tissues, kind) == ("A->B", ("immune", "lung"), "blocks")
    assert np.allclose(a["mean"], first) and np.allclose(b["mean"], second)
    assert page["scope_of"](pair, tissues, kind) == ("a-b", "immune-lung", "blocks")


def test_a_shared_circuit_is_found_and_too_few_cells_are_said_so(page):
    first, second, layers = tissue_profiles("same-circuit", np.random.default_rng(2))
    a, b = rows("A->B", "x", first, layers), rows("A->B", "y", second, layers)
    a, b = (page["profile"](t, name) for t, name in ((a, "x"), (b, "y")))
    found = page["beyond_depth"]("blocks", a, b, np.random.default_rng(3))
    assert found.p <= 0.05
    assert found.null == "effects exchangeable within a layer"
    few = page["beyond_depth"]("blocks", a, b.assign(n=2), np.random.default_rng(3))
    assert isinstance(few, NotEstimable)


def test_opposite_total_effects_turn_the_sign(page):
    first, second, layers = tissue_profiles("opposite-sign", np.random.default_rng(4))
    a, b = rows("A->B", "x", first, layers), rows("A->B", "y", second, layers)
    effects = pd.DataFrame(
        {"granularity": "blocks", "pair": "A->B", "tissue": ["x", "y"], "mean": [1.0, -1.0]}
    ).assign(se=0.01, n=8)
    a, b = (page["profile"](t, name) for t, name in ((a, "x"), (b, "y")))
    found = page["what_limits"]("A->B", ("x", "y"), "blocks", a, b, effects)
    assert found["rho"] < -0.9 and found["rho_output"] > 0.9
    assert found["sign_known"]


def test_agreement_of_pairs_with_their_own_circuits_is_specific(page):
    rng, layers = np.random.default_rng(5), np.repeat(np.arange(11), 2)
    tables = []
    for pair in ("A->B", "C->D", "E->F"):
        circuit = rng.normal(size=22)
        for tissue in ("kidney", "lung", "immune"):
            noisy = circuit + 0.3 * rng.normal(size=22)
            tables.append(rows(pair, tissue, noisy, layers))
    tables = pd.concat(tables)
    table = page["agreement_table"](tables)
    assert specificity(table) > 0.5
    assert label_null(table).upper_tail(specificity(table)) == pytest.approx(1 / 36)
    alone = tables[(tables["pair"] != "E->F") | (tables["tissue"] == "lung")]
    assert np.isnan(page["agreement_table"](alone)[2, 0]).all()


def test_differing_components_are_counted(page):
    first, _, layers = tissue_profiles("same-circuit", np.random.default_rng(6))
    a = page["profile"](rows("A->B", "x", first, layers), "x")
    far = page["profile"](rows("A->B", "y", first + 5, layers), "y")
    found = page["differences"](a, far, np.random.default_rng(7))
    assert found["share with q < level"] == 1
    assert found["rejected if equal"] == pytest.approx(0.05, abs=0.02)


def live_page():
    return definitions("24_cross_context", n_permutations=99, n_tfs=15, n_genes=60)


def test_donors_of_worlds_give_what_was_planted():
    page, rng = live_page(), np.random.default_rng(0)
    found, differ, clean = page["donors_of_world"]("no-donor-effect", rng)
    assert found["24.15"].p <= 0.05 < differ.p
    assert all(one.low < 1 for one in clean if one)
    found, _, _ = page["donors_of_world"]("no-donor-effect", rng, permuted=True)
    assert found["24.15"].p > 0.05
    _, differ, _ = page["donors_of_world"]("donor-rewiring", rng)
    assert differ.p <= 0.05


def test_cells_without_donors_and_absent_files_are_not_estimable():
    page = live_page()
    assert "pbmc3k" not in str(page["labelled_cells"]("pbmc3k").reason)
    assert isinstance(page["labelled_cells"]("/absent/cells.h5ad"), NotEstimable)
    assert not page["three_sets"](np.zeros((2, 2, 15, 60)), None)["24.18"]
    assert not page["same_tf"](np.zeros((3, 2, 4, 60)), None)
    assert not page["agree"](np.zeros((3, 2, 4, 60)), np.random.default_rng(0))["24.15"]


def test_own_cells_without_counts_leave_with_their_labels(tmp_path):
    rng, genes = np.random.default_rng(0), sorted(known_symbols("human"))[:30]
    counts = rng.poisson(rng.gamma(1.0, 2.0, (105, 30)))
    counts[100:] = 0
    cells = ad.AnnData(sparse.csr_matrix(counts.astype(np.float32)))
    cells.var_names, order = genes, rng.permutation(105)
    cells.obs["cell_type"], cells.obs["donor"] = np.resize(["s", "t"], 105), "d"
    cells[order].write_h5ad(tmp_path / "five.h5ad")
    cells[order[order < 100]].write_h5ad(tmp_path / "none.h5ad")
    page = definitions("24_cross_context", n_permutations=99)
    page |= {"cell_type": "", "donor": "", "symbols": "", "seed": 0, "most_cells": 500}
    edges, found = pd.DataFrame({"source": genes[:3], "target": genes[3:6]}), []
    for name in ("five", "none"):
        held = page["labelled_cells"](str(tmp_path / f"{name}.h5ad"))
        contexts = {"s": held[held.obs["cell_type"] == "s"]}
        halves = page["context_scores"](contexts, "donor", genes, 4, np.random.default_rng(1))
        products = page["curated_products"](held, edges, genes)
        assert products.shape == (100, 3) and halves.shape == (1, 2, 4, 30)
        found.append((products, page["blocks"](held, genes, 4)[0]))
    assert np.allclose(np.sort(found[0][0], axis=0), np.sort(found[1][0], axis=0))
    assert np.allclose(found[0][1], found[1][1])


def test_pairs_without_a_score_leave_with_their_genes():
    page, genes = live_page(), [f"g{k}" for k in range(12)]
    scores = np.random.default_rng(0).normal(size=(3, 2, 12, 12))
    scores[1, 0, 3, 7] = np.nan
    kept = page["without_gaps"](scores, genes, {"g1", "g2", "g5"})
    assert kept.shape == (3, 2, 3, 11) and np.isfinite(kept).all()
    assert kept[0, 0, 0, 1] == scores[0, 0, 1, 2]


def test_blocks_hold_equally_many_cells_of_every_donor():
    page, rng = live_page(), np.random.default_rng(1)
    sizes = {("a", "x"): 30, ("a", "y"): 9, ("b", "x"): 12, ("b", "y"): 20, ("b", "z"): 5}
    rows = [pair for pair, n in sizes.items() for _ in range(n)]
    obs = pd.DataFrame(rows, columns=["donor", "cell_type"])
    drawn = obs.iloc[page["block_rows"](obs, 10, rng)].value_counts().to_dict()
    assert drawn == {("a", "x"): 10, ("b", "x"): 10, ("a", "y"): 9, ("b", "y"): 9}


class Read:
    """Attention sums of donors and halves, as a reading gives them."""

    def __init__(self, rng, shared, n=40, donors="abcd"):
        self.genes = [f"g{k:02d}" for k in range(n)]
        obs = [(d, h) for d in donors for h in "01"]
        common = rng.normal(size=(n, n))
        own = {d: shared * common + rng.normal(size=(n, n)) for d in donors}
        self.parts = {one: own[one[0]] + 0.3 * rng.normal(size=(n, n)) for one in obs}
        self.adata = type("Cells", (), {"obs": pd.DataFrame(obs, columns=["donor", "half"])})()

    def scores(self, min_count, donor, half):
        box = {"source": self.genes, "target": self.genes}
        halves = [self.parts[donor, one] for one in np.atleast_1d(half)]
        return xr.DataArray(np.mean(halves, axis=0), box, list(box))


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_attention_of_donors_agrees_where_that_is_planted_in_three_directions(shared):
    page, rng = live_page(), np.random.default_rng(2)
    page["tfs"] = {f"g{k:02d}" for k in range(12)}
    who, found = page["attended"](Read(rng, shared), ["donor"])
    assert list(who["donor"]) == list("abcd")
    assert list(found) == ["forward", "transpose", "symmetric"]
    for scores in found.values():
        tests = page["attention_tests"](scores, rng)
        assert scores.shape == (4, 2, 12, 40)
        assert all((tests[k].p <= 0.05) == bool(shared) for k in ("24.15", "24.17", "24.18"))
        assert not tests["24.16"]
        row = page["how_alike"](scores, tests)
        assert row["below 1"] == row["estimable"] == 6


def test_contexts_that_share_nothing_are_called_at_the_level():
    page, found = live_page(), []
    for k in range(30):
        rng = np.random.default_rng([k, 3])
        scores = page["pareto_contexts"](rng, m=12, g=50)
        found.append([one.p <= 0.05 for one in page["null_tests"](scores, rng).values()])
    assert np.mean(found, axis=0).max() <= 0.2  # 5 % and three standard errors


def test_components_that_cannot_act_are_an_error_and_few_of_them_no_test(page):
    layers, few = np.repeat(np.arange(11), 2), np.r_[1.0, 2.0, 3.0, np.zeros(19)]
    none, some = (page["profile"](rows("A->B", "x", v, layers), "x") for v in (0 * few, few))
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match="structural zero"):
        page["beyond_depth"]("blocks", none, none, rng)
    assert "2 arrangements" in page["beyond_depth"]("blocks", some, some, rng).reason


def test_one_context_or_small_ones_cannot_be_compared(page):
    cells = ad.AnnData(np.ones((320, 2)))
    cells.obs["donor"] = np.repeat(["a", "b", "c"], [200, 100, 20])
    assert page["contexts_of"](cells, "donor").reason.startswith("1 of donor with 150 cells")
    assert len(page["contexts_of"](cells, "donor", 100)) == 2
    halves = np.random.default_rng(0).normal(size=(1, 2, 8, 40))
    found = page["agree"](halves, None) | page["three_sets"](halves, None)
    assert len(found) == 5
    for number, one in found.items():
        assert isinstance(one, NotEstimable) and "1 contexts" in one.reason, number
    cells = ad.AnnData(np.random.default_rng(1).poisson(9.0, (320, 2)).astype(float), cells.obs)
    cells.obs["cell_type"], edges = "t", pd.DataFrame({"source": ["0"], "target": ["9"]})
    none = page["invariance"](cells, "donor", "cell_type", edges, ["0", "1"], None)
    assert "no curated pair" in none.reason
