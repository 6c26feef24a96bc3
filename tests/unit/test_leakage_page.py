"""The leakage page: donors that are there are found, donors that are labels only are not."""

import numpy as np
import pytest

from helpers.analyses import leakage
from helpers.analyses import leakage_records as records


@pytest.fixture(scope="module")
def none():
    return leakage.simulated("no-donor-effect", 0, 0.9, n_cells=1000)


@pytest.fixture(scope="module")
def shifted():
    return leakage.simulated("donor-shift", 0, 0.9, n_cells=1000)


def test_correlations_agree_with_numpy_and_row_is_the_regulator(none):
    matrix = np.corrcoef(none.x, rowvar=False)
    expected = matrix[none.source, none.target]
    assert leakage.edge_correlations(none) == pytest.approx(expected, abs=1e-9)


def test_sensitivity_by_hand():
    found = leakage.sensitivity(np.array([0.2, 0.2, 0.001]), np.array([0.09, 0.21, -0.001]))
    assert found["flagged"] == pytest.approx(1 / 3)
    assert found["flipped"] == pytest.approx(1 / 3)
    assert leakage.sensitivity(np.arange(3.0), np.arange(3.0))["flagged"] == 0.0


def test_balanced_draws_are_balanced(none):
    rows = leakage.balanced_rows(none.donor, np.random.default_rng(0))
    assert len(set(np.bincount(none.donor[rows]))) == 1
    assert len(set(rows)) == rows.size


def test_linear_folds_agree_with_scikit_learn():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    train, test = np.arange(40), np.arange(40, 60)
    z = (x - x[train].mean(0)) / x[train].std(0)
    hot = np.eye(3)[labels]
    expected = Ridge(alpha=leakage.RIDGE).fit(z[train], hot[train]).predict(z[test])
    got = leakage.LinearFolds.fit(x, [(train, test)]).scores(labels)[test]
    assert got == pytest.approx(expected)


def test_shifted_donors_are_read_and_label_only_donors_are_not(none, shifted):
    table, found, _ = leakage.donor_test(shifted, 39, 0)
    assert found.p == pytest.approx(1 / 40)
    assert table.set_index("features").loc["genes", "auc"] > 0.95
    table, found, _ = leakage.donor_test(none, 39, 0)
    assert found.p > 0.05
    assert table["auc"].between(0.4, 0.6).all()


def test_balancing_is_no_more_than_noise_without_donors(none):
    table, found = leakage.balance_test(none, 39, 0, 2)
    assert found.p > 0.05
    assert abs(table.loc["observed", "flagged"] - table.loc["expected", "flagged"]) < 0.05


def test_the_index_flags_half_of_the_edges_without_any_donor():
    at = leakage.noise_curve([1000, 20_000], seed=0).set_index("cells")
    assert 0.50 <= at.loc[1000, "flagged"] <= 0.56
    assert 0.15 <= at.loc[1000, "flipped"] <= 0.19
    assert 0.91 <= at.loc[1000, "r"] <= 0.94
    assert at.loc[20_000, "flagged"] == 0.0


def test_one_donor_is_not_estimable(none):
    single = leakage.Cells(
        none.x, none.source, none.target, np.zeros_like(none.donor), none.cell_type
    )
    assert "one donor" in leakage.heterogeneity_test(single, 9, 0).reason


def test_every_published_tissue_is_recorded_with_a_reason():
    rows = records.not_here()
    assert all(not row.estimable and row.reason for row in rows)
    assert len({row.test_id for row in rows}) == len(rows)
