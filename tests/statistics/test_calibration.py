"""Maps to probabilities, calibration errors and conformal thresholds, against other ways."""

import numpy as np
import pytest
from crepes import ConformalClassifier
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score

from helpers.datasets.simulate.labels import LABEL_WORLDS, label_world
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics import calibration as cal
from helpers.statistics.crossed_means import crossed_mean_test


@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_that_of_scikit_learns_curve(seed):
    made = label_world("overconfident", 20, 50, np.random.default_rng(seed))
    share, mean = calibration_curve(made.label, made.p, n_bins=10, strategy="quantile")
    ours = cal.calibration_error(made.p, made.label, 10)
    assert ours.bins == 10
    assert ours.ece == pytest.approx(np.abs(share - mean).mean(), abs=1e-3)


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_parts_add_up_and_bins_keep_ties(n_bins, seed):
    rng = np.random.default_rng(seed)
    p = rng.choice([0.0, 0.2, 0.5, 0.9], size=200)
    label = rng.random(200) < p
    parts = cal.brier_parts(p, label, n_bins)
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within"]
    assert total == pytest.approx(brier_score_loss(label, p)) == pytest.approx(parts["Brier"])
    at = cal.equal_bins(p, n_bins)
    assert all(np.unique(at[p == value]).size == 1 for value in np.unique(p))


def test_each_probability_in_its_own_bin_leaves_nothing_within():
    p = np.repeat([0.1, 0.4, 0.8], 50)
    label = np.random.default_rng(0).random(150) < p
    assert cal.brier_parts(p, label, 30)["within"] == pytest.approx(0, abs=1e-12)


def test_maps_mend_what_is_too_extreme_and_keep_the_order():
    made = label_world("overconfident", 60, 80, np.random.default_rng(1))
    floor = cal.sampling_floor(made.p, np.random.default_rng(0))
    assert cal.calibration_error(made.p, made.label).ece > 0.1
    for name in ("Platt", "isotonic", "beta"):
        p = cal.probability_map(name, made.p, made.label)(made.p)
        assert cal.calibration_error(p, made.label).ece < 3 * floor, name
        assert roc_auc_score(made.label, p) == pytest.approx(
            roc_auc_score(made.label, made.p), abs=0.01
        )


def test_beta_holds_the_identity_and_never_falls():
    rng = np.random.default_rng(2)
    p = np.r_[0.0, 1.0, rng.random(20_000)]
    label = rng.random(p.size) < p
    grid = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(cal.probability_map("beta", p, label)(grid), grid, atol=0.02)
    falling = cal.probability_map("beta", p, ~label)(grid)
    assert (np.diff(falling) >= -1e-9).all()


def test_the_debiased_error_is_zero_for_true_probabilities_on_average():
    found = [
        cal.calibration_error(w.p, w.label)
        for w in (label_world("calibrated", 20, 50, np.random.default_rng(k)) for k in range(40))
    ]
    assert np.mean([one.debiased**2 for one in found]) < 5e-4
    assert np.mean([one.ece for one in found]) == pytest.approx(0.035, abs=0.01)


def test_one_class_or_one_value_gives_the_share_of_positives():
    for score, label in (([1.0, 1.0, 1.0], [0, 1, 1]), ([0.1, 0.2, 0.3], [1, 1, 1])):
        for name in ("Platt", "isotonic", "beta", "constant"):
            to = cal.probability_map(name, np.array(score), np.array(label))
            np.testing.assert_allclose(to(np.array([0.0, 5.0])), np.mean(label))


def test_a_shift_of_the_share_is_bayes_rule():
    p, old, new = np.array([0.2, 0.7]), 0.4, 0.1
    odds = p / (1 - p) * new / (1 - new) * (1 - old) / old
    np.testing.assert_allclose(cal.shifted(p, old, new), odds / (1 + odds))
    assert expit(logit(0.3)) == pytest.approx(0.3)


@given(st.integers(1, 60), st.sampled_from([0.05, 0.1, 0.2]), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_with_one_pair_per_group_it_is_split_conformal(n, alpha, seed):
    rng = np.random.default_rng(seed)
    scores, new = rng.random(n), rng.random((8, 2))
    other = ConformalClassifier()
    other.fit(scores)
    sets = other.predict_set(new, confidence=1 - alpha, smoothing=False)
    q = cal.hierarchical_threshold(scores, np.arange(n), alpha)
    np.testing.assert_array_equal(new <= q, sets.astype(bool))


def test_groups_of_any_size_have_the_same_weight():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), rng.integers(1, 40, 30))
    scores = rng.random(groups.size)
    q = cal.hierarchical_threshold(scores, groups, 0.1)
    share = [(scores[groups == k] <= q).mean() for k in range(30)]
    below = [(scores[groups == k] < q).mean() for k in range(30)]
    assert sum(share) / 31 >= 0.9 > sum(below) / 31


def test_blocks_share_no_row_and_no_column_and_test_every_pair_once():
    row, column = np.divmod(np.arange(300), 15)
    seen = np.zeros(300, int)
    for train, test in cal.crossed_folds(row, column, 4, np.random.default_rng(0)):
        assert not np.isin(row[train], row[test]).any()
        assert not np.isin(column[train], column[test]).any()
        seen += test
    assert (seen == 1).all()
    few = cal.crossed_folds(row[:60], column[:60], 4, np.random.default_rng(0))
    assert isinstance(few, NotEstimable)
    assert "4 rows" in few.reason


def test_the_curve_counts_rows_and_columns():
    made = label_world("perturbation-effects", 20, 40, np.random.default_rng(3), effect=2.0)
    wide = cal.reliability_curve(made.p, made.label, made.row, made.column, 5)
    alone = np.arange(made.p.size)
    narrow = cal.reliability_curve(made.p, made.label, alone, alone, 5)
    assert (wide["high"] - wide["low"] > narrow["high"] - narrow["low"]).all()
    assert wide["n"].sum() == made.p.size


def test_bad_input_is_refused():
    with pytest.raises(ParameterError, match="name"):
        cal.probability_map("spline", np.arange(3.0), np.array([0, 1, 1]))
    with pytest.raises(ParameterError, match="between 0 and 1"):
        cal.calibration_error(np.array([0.5, 1.2]), np.array([0, 1]))
    with pytest.raises(ParameterError, match="alpha"):
        cal.hierarchical_threshold(np.arange(3.0), np.arange(3), 1.0)
    with pytest.raises(ParameterError, match="world"):
        label_world("flat", 3, 3, np.random.default_rng(0))


def test_scores_without_knowledge_do_not_beat_the_constant_where_rows_and_columns_have_effects():
    assert set(LABEL_WORLDS) >= {"uninformative", "perturbation-effects"}
    rejected = 0
    for k in range(60):
        rng = np.random.default_rng(k)
        made = label_world("perturbation-effects", 16, 30, rng)
        score, gain = rng.random(made.p.size), np.zeros(made.p.size)
        for train, test in cal.crossed_folds(made.row, made.column, 4, rng):
            loss = {}
            for name in ("constant", "Platt"):
                p = cal.probability_map(name, score[train], made.label[train])(score[test])
                loss[name] = (p - made.label[test]) ** 2
            gain[test] = loss["constant"] - loss["Platt"]
        rejected += crossed_mean_test(gain, made.row, made.column, sides="one").p <= 0.05
    assert rejected <= 7  # the 0.99 quantile of a binomial with n = 60, p = 0.05


def test_maps_of_one_class_or_of_a_constant_score_are_the_share():
    score, label = np.arange(10.0), np.arange(10) < 3
    for name in ("Platt", "isotonic", "beta", "constant"):
        assert cal.probability_map(name, np.ones(10), label)(score) == pytest.approx(0.3)
        assert (cal.probability_map(name, score, np.zeros(10))(score) == 0).all()
    moved = cal.shifted(np.zeros(4), before=0.0, after=0.3)  # nothing was learnt of the order
    assert moved == pytest.approx(0.3)
    assert cal.shifted(np.zeros(4), 0.0, 0.0) == pytest.approx(0.0, abs=1e-5)


def test_a_bin_without_pairs_is_dropped():
    p, label = np.repeat([0.2, 0.8], 10), np.r_[np.arange(10) < 2, np.arange(10) < 8]
    found = cal.calibration_error(p, label, n_bins=15)
    assert (found.bins, found.ece) == (2, pytest.approx(0.0))
