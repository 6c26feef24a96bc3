"""Functions of page 24 on profiles whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from helpers.datasets.simulate.circuits import tissue_profiles
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
    assert not page["three_sets"](np.zeros((2, 2, 15, 60)))["24.18"]


def test_pairs_without_a_score_leave_with_their_genes():
    page, genes = live_page(), [f"g{k}" for k in range(12)]
    scores = np.random.default_rng(0).normal(size=(3, 2, 12, 12))
    scores[1, 0, 3, 7] = np.nan
    kept = page["without_gaps"](scores, genes, {"g1", "g2", "g5"})
    assert kept.shape == (3, 2, 3, 11) and np.isfinite(kept).all()
    assert kept[0, 0, 0, 1] == scores[0, 0, 1, 2]
