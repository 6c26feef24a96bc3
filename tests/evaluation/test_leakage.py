"""Donors that are there are found, donors that are labels only are not, and units are named."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from helpers.datasets.simulate import world
from helpers.errors import DataError
from helpers.evaluation import leakage
from helpers.evaluation.donors import donor_cells, edge_correlations, edge_products


def cells_of(name, seed=0, n_cells=1000):
    made = world(name, seed, log_mean=1.0, n_cells=n_cells)
    kept = np.random.default_rng(seed).random(n_cells) < 0.9 ** made.adata.obs["donor"].cat.codes
    return donor_cells(
        made.adata[kept.to_numpy()], made.network.drop_duplicates(["source", "target"])
    )


@pytest.fixture(scope="module")
def none():
    return cells_of("no-donor-effect")


@pytest.fixture(scope="module")
def shifted():
    return cells_of("donor-shift")


def test_correlations_agree_with_numpy_and_row_is_the_regulator(none):
    matrix = np.corrcoef(none.x, rowvar=False)
    assert edge_correlations(none) == pytest.approx(matrix[none.source, none.target], abs=1e-9)


def test_products_do_not_depend_on_the_order_of_equal_variances(none):
    """Both directions of a pair have the same product, so ties are certain: the first stays."""
    both = replace(
        none,
        source=np.concatenate([none.source, none.target]),
        target=np.concatenate([none.target, none.source]),
    )
    products, _ = edge_products(both, n_edges=2 * none.source.size)
    assert products.shape == (len(none.x), 2 * none.source.size)
    first, second = products[:, :1].std(), products[:, 1:2].std()
    assert first == pytest.approx(second)
    once, _ = edge_products(none, n_edges=50)
    assert np.array_equal(edge_products(both, n_edges=100)[0][:, ::2], once)


def test_an_edge_list_of_other_genes_is_refused():
    made = world("no-donor-effect", 0, n_cells=400)
    other = made.network.assign(target="NOT_A_GENE")
    with pytest.raises(DataError, match="least_detected"):
        donor_cells(made.adata, other)


def test_permuted_labels_stay_within_their_cell_type(none):
    kinds = np.arange(none.donor.size) % 3
    cells = replace(none, cell_type=kinds)
    found = cells.permuted(np.random.default_rng(0))
    assert not np.array_equal(found, cells.donor)
    for kind in range(3):
        before, after = (np.bincount(d[kinds == kind]) for d in (cells.donor, found))
        assert np.array_equal(before, after)


def test_sensitivity_by_hand():
    found = leakage.sensitivity(np.array([0.2, 0.2, 0.001]), np.array([0.09, 0.21, -0.001]))
    assert found["flagged"] == pytest.approx(1 / 3)
    assert found["flipped"] == pytest.approx(1 / 3)
    assert leakage.sensitivity(np.arange(3.0), np.arange(3.0))["flagged"] == 0.0


def test_balanced_draws_are_balanced(none):
    rows = leakage.balanced_rows(none.donor, np.random.default_rng(0))
    assert len(set(np.bincount(none.donor[rows]))) == 1
    assert len(set(rows)) == rows.size


def test_scores_of_many_labellings_are_those_of_one_ridge_fit_each():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 4)), np.array([rng.permutation(60) % 3 for _ in range(4)])
    found = leakage.donor_scores(x, labels, seed=1)
    for given, scores in zip(labels, found, strict=True):
        for train, test in KFold(5, shuffle=True, random_state=1).split(x):
            z = (x - x[train].mean(0)) / x[train].std(0)
            model = Ridge(alpha=leakage.RIDGE).fit(z[train], np.eye(3)[given][train])
            assert scores[test] == pytest.approx(model.predict(z[test]))


def test_cells_with_equal_features_have_equal_scores():
    """Rounding of a matrix product must not order cells that nothing tells apart."""
    rng = np.random.default_rng(0)
    kind, labels = rng.integers(0, 3, 300), rng.integers(0, 4, 300)
    scores = leakage.donor_scores(np.eye(3)[kind], labels, seed=0)[0]
    assert len(np.unique(scores[:, 0])) <= 3 * 5  # kinds times folds


def test_balanced_accuracy_is_the_mean_recall_after_taking_off_the_shares():
    labels = np.array([0, 0, 0, 1])
    scores = np.array([[0.8, 0.2], [0.7, 0.3], [0.9, 0.1], [0.6, 0.4]])
    # 1 is called where its score exceeds its share of a quarter by more: the second and the last.
    assert leakage.balanced_accuracy(scores, labels) == pytest.approx((2 / 3 + 1) / 2)


def test_shifted_donors_are_read_and_label_only_donors_are_not(none, shifted):
    table, found, _ = leakage.readability_test(shifted, 39, 0)
    assert found.p == found.p_floor == pytest.approx(1 / 40)
    assert (found.unit, found.n_units) == ("cell", len(shifted.x))
    assert table.set_index("features").loc["genes", "auc"] > 0.95
    table, found, added = leakage.readability_test(none, 39, 0)
    assert found.p > 0.05
    assert table["auc"].between(0.4, 0.6).all()
    assert (added.unit, added.n_units) == ("donor", none.n_donors)


def test_readability_keeps_its_level_without_donors(none):
    """Labels drawn at random stand for donors; folds do not look at them."""
    rng = np.random.default_rng(1)
    small = replace(none, x=none.x[:300], donor=none.donor[:300], cell_type=none.cell_type[:300])
    rejected = []
    for seed in range(60):
        drawn = replace(small, donor=small.permuted(rng))
        rejected.append(leakage.readability_test(drawn, 19, seed)[1].p <= 0.05)
    assert np.mean(rejected) <= 0.117  # 97.5 % point of 60 draws at 0.05


def test_balancing_is_no_more_than_noise_without_donors(none):
    table, found = leakage.balance_test(none, np.random.default_rng(0), 39, 2)
    assert found.p > 0.05 and found.unit == "cell"
    assert abs(table.loc["observed", "flagged"] - table.loc["expected", "flagged"]) < 0.05


def test_rewired_edges_differ_between_donors_and_label_only_donors_do_not(none):
    rewired = cells_of("donor-rewiring", n_cells=4000)
    found = leakage.heterogeneity_test(rewired, np.random.default_rng(0), 19)
    assert found.p == found.p_floor and found.estimate > 0.2
    assert leakage.heterogeneity_test(none, np.random.default_rng(0), 39).p > 0.05


def test_the_index_flags_half_of_the_edges_without_any_donor():
    at = leakage.noise_curve([1000, 20_000], seed=0).set_index("cells")
    assert 0.50 <= at.loc[1000, "flagged"] <= 0.56
    assert 0.15 <= at.loc[1000, "flipped"] <= 0.19
    assert 0.91 <= at.loc[1000, "r"] <= 0.94
    assert at.loc[20_000, "flagged"] == 0.0


def test_one_donor_is_not_estimable(none):
    single = replace(none, donor=np.zeros_like(none.donor))
    found = leakage.heterogeneity_test(single, np.random.default_rng(0), 9)
    assert "one donor" in found.reason
