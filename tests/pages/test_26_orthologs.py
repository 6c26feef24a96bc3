"""Page 26: its functions, on worlds of two species whose answer is planted."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from helpers.estimates import NotEstimable
from helpers.evaluation.fold_scores import fold_scores
from helpers.datasets.simulate import world
from helpers.errors import DataError
from helpers.statistics.results import Outcome
from bookkit.page_functions import definitions

NAME = "26_orthologs"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page():
    return definitions(NAME, n_permutations=99)


def test_planted_worlds(page):
    hits = {"conserved": [], "permuted": [], "composition": []}
    for seed in range(4):
        both, kept, rng = page["in_world"]("conserved", seed, "mixed")
        found = page["agreement_tests"](both[0].all, both[1].all, rng)
        hits["conserved"].append(found["26.9"].p <= 0.05)
        assert page["without_noise"](*both).high > 0.9 and np.nanmean(kept) > 0.9
        both, _, rng = page["in_world"]("conserved", seed, "mixed", permuted=True)
        found = page["agreement_tests"](both[0].all, both[1].all, rng)
        hits["permuted"].append(found["26.9"].p <= 0.05)
        even = {"log_mean_sd": 0.5}
        both, _, rng = page["in_world"]("composition-only", seed, "within", **even)
        found = page["agreement_tests"](both[0].all, both[1].all, rng)
        hits["composition"].append(found["26.9"].p <= 0.05)
        assert abs(found["26.1"].estimate) < 0.1
    assert all(hits["conserved"])
    assert sum(hits["permuted"]) <= 1 and sum(hits["composition"]) <= 1


def test_parts_add_up_to_rho(page):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 12, 40)) + rng.normal(size=40)
    used = ~np.eye(12, 40, dtype=bool)
    rho = stats.spearmanr(a[used], b[used]).statistic
    genes, pairs = page["shares"](a, b)
    assert genes + pairs == pytest.approx(rho, abs=1e-3) and genes > abs(pairs)


def test_one_group_is_spearman_and_groups_take_means_out():
    made = world("composition-only", 0, log_mean=1.0, n_cells=400)
    cells, names = made.adata, list(made.genes[:30])
    rng = np.random.default_rng(0)
    one = fold_scores(cells, names, 5, np.zeros(cells.n_obs), rng)
    counts = cells.X.toarray()
    values = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))[:, :30]
    np.testing.assert_allclose(one.all, stats.spearmanr(values).statistic[:5], atol=1e-5)
    within = fold_scores(cells, names, 5, cells.obs["cell_type"].to_numpy(), rng)
    off = ~np.eye(5, 30, dtype=bool)
    assert np.abs(within.all[off]).mean() < 0.5 * np.abs(one.all[off]).mean()
    with pytest.raises(DataError, match="no group"):
        fold_scores(cells, names, 5, np.arange(cells.n_obs), rng)


def test_donors_have_as_many_arrangements_as_there_are(page):
    rho = np.full((6, 6), 0.2)
    rho[:4, :4] = rho[4:, 4:] = 0.8
    found = page["species_test"](rho, [0, 0, 0, 0, 1, 1])
    assert found.p == found.p_floor == pytest.approx(1 / 15)
    assert found.estimate == pytest.approx(0.6)
    assert isinstance(page["species_test"](rho[:2, :2], [0, 1]), NotEstimable)


def test_classes_of_factors(page):
    rng = np.random.default_rng(0)
    names = np.array([f"T{k}" for k in range(30)])
    own = pd.DataFrame({"TF": names, "own": rng.normal(size=30) * 0.1})
    level = pd.Series(rng.random(30), names)
    ask = page["class_test"]
    assert ask(own, level, names[:3], names[3:], rng).reason
    assert ask(own, level, names[:15], names[15:], rng).p > 0.01
    shifted = own.assign(own=own["own"] + 0.3 * (np.arange(30) < 15))
    found = ask(shifted, level, names[:15], names[15:], rng)
    assert isinstance(found, Outcome) and found.p <= 0.05 and found.estimate > 0.1


def test_the_paper_filter_inflates(page):
    rng = np.random.default_rng(0)
    x, y = 0.05 * rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], size=200_000).T
    rho, signs, share = page["filtered"](x, y, 0.05)
    assert (rho, signs) == (pytest.approx(0.69, abs=0.02), pytest.approx(0.89, abs=0.02))
    assert share < 0.2
    assert page["filtered"](x, y, 0.0)[0] == pytest.approx(0.38, abs=0.02)


def test_the_map_keeps_groups_apart_and_is_the_same_again(page, capfd):
    rng = np.random.default_rng(0)
    means = np.repeat(np.exp(rng.normal(0, 1.5, (2, 60))), 40, axis=0)
    cells = ad.AnnData(rng.poisson(means).astype(np.float32))
    one, two = page["umap_of"](cells.copy()), page["umap_of"](cells.copy())
    np.testing.assert_array_equal(one, two)
    centre = one[:40].mean(axis=0), one[40:].mean(axis=0)
    assert np.linalg.norm(centre[0] - centre[1]) > 2 * one[:40].std()
    assert "WARNING" not in capfd.readouterr().err


def cells_of(seen, kinds=("t", "u")):
    """Return 60 cells of one donor; `seen` of 40 genes have counts that vary."""
    counts = np.random.default_rng(0).poisson(1.0, (60, 40)).astype(np.float32)
    counts[:, seen:] = 0
    cells = ad.AnnData(counts, layers={"counts": sparse.csr_matrix(counts)})
    cells.obs["donor"], cells.obs["cell_type"] = "d", np.resize(kinds, 60)
    return cells


def test_cells_without_counts_of_shared_genes_leave_with_their_groups(page):
    cells, names = cells_of(40), [str(k) for k in range(40)]
    with_empty = ad.concat([cells, cells[:5]], index_unique="-")
    with_empty.layers["counts"] = sparse.vstack(
        [cells.layers["counts"], sparse.csr_matrix((5, 40))], format="csr"
    )
    for form in ("mixed", "within"):
        one, other = (
            page["scores_of"](x, names, 5, form, np.random.default_rng(0))
            for x in (cells, with_empty)
        )
        assert np.array_equal(one.sums, other.sums) and one.cells.sum() == 60


def test_genes_that_one_species_never_shows_leave_and_few_tfs_are_refused(page):
    names = [str(k) for k in range(40)]
    genes, m = page["shared_genes"](cells_of(40), cells_of(30), set(names[20:]))
    assert (m, set(genes)) == (10, set(names[:30]))
    with pytest.raises(DataError, match="4 regulators"):
        page["shared_genes"](cells_of(40), cells_of(30), set(names[26:]))
    with pytest.raises(DataError, match="8 genes"):
        page["shared_genes"](cells_of(8), cells_of(40), set(names))


def test_few_regulators_or_scores_that_do_not_vary_have_no_test(page):
    rng = np.random.default_rng(0)
    for made, reason in ((rng.normal(size=(4, 20)), "4 row genes"), (np.ones((12, 20)), "")):
        for number, one in page["agreement_tests"](made, made, rng).items():
            assert isinstance(one, NotEstimable) and reason in one.reason, number


def test_species_without_a_shared_type_or_with_one_donor_are_not_compared(page):
    rng, sets = np.random.default_rng(0), [cells_of(40), cells_of(40)]
    assert page["cells_of_donors"]([sets[0], cells_of(40, ("v",))], rng) == {}
    donors = page["cells_of_donors"](sets, rng)
    found = page["species_test"](np.eye(len(donors)), [k for k, _ in donors])
    assert "2 donors of two species" in found.reason
