"""AUROC, its bootstrap and DeLong against scikit-learn, brute force and closed forms."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics import clusters
from helpers.statistics.auroc import auroc, auroc_many, midranks, presort


@pytest.fixture
def tied():
    rng = np.random.default_rng(3)
    scores = np.round(rng.normal(size=(4, 600)), 1)
    labels = rng.random(600) < 0.1
    tf = np.repeat(np.arange(20), 30)
    scores[:2] += 0.5 * labels
    return scores, labels, tf


def test_auroc_equals_sklearn_with_ties(tied):
    scores, labels, _ = tied
    expected = [roc_auc_score(labels, row) for row in scores]
    np.testing.assert_allclose(auroc_many(scores, labels), expected, atol=1e-12)
    single = auroc(scores[0], labels)
    assert single.value == pytest.approx(expected[0], abs=1e-12)
    assert single.detail == {"n_positive": labels.sum(), "n_negative": (~labels).sum()}


def test_auroc_is_the_mann_whitney_statistic(tied):
    scores, labels, _ = tied
    u = stats.mannwhitneyu(scores[0][labels], scores[0][~labels]).statistic
    assert auroc(scores[0], labels).value == pytest.approx(
        u / (labels.sum() * (~labels).sum()), abs=1e-12
    )


def test_midranks_equal_scipy(tied):
    np.testing.assert_array_equal(midranks(tied[0][1]), stats.rankdata(tied[0][1]))


def test_weighted_draws_equal_sklearn_sample_weight(tied):
    scores, labels, _ = tied
    weights = np.random.default_rng(0).integers(0, 5, labels.size)
    many = presort(scores, labels).weighted(weights)
    assert many.shape == (1, 4)
    assert many[0, 2] == pytest.approx(
        roc_auc_score(labels, scores[2], sample_weight=weights), abs=1e-12
    )


def test_constant_score_is_exactly_half_and_flagged():
    result = auroc(np.full(12, 3.3), np.arange(12) < 5)
    assert result.value == 0.5
    assert result.detail["flag"] == "constant score"


@pytest.mark.parametrize(
    ("labels", "word"), [(np.zeros(5), "positives"), (np.ones(5), "negatives")]
)
def test_one_class_is_not_estimable(labels, word):
    result = auroc(np.arange(5), labels)
    assert isinstance(result, NotEstimable)
    assert word in result.reason


def test_bad_scores_and_labels_are_refused():
    with pytest.raises(ParameterError, match="NaN"):
        auroc(np.array([1.0, np.nan]), np.array([0, 1]))
    with pytest.raises(ParameterError, match="labels"):
        auroc(np.arange(3), np.array([0, 1, 2]))
    with pytest.raises(ParameterError, match="shape"):
        auroc(np.arange(3), np.array([0, 1]))


def test_cluster_table_equals_resampling_the_pairs(tied):
    scores, labels, tf = tied
    (table,) = clusters.cluster_tables(scores[0], labels, tf)
    counts = clusters.cluster_counts(20, np.random.default_rng(1), 10)
    assert (counts.sum(axis=1) == 20).all()
    expected = [roc_auc_score(labels, scores[0], sample_weight=row[tf]) for row in counts]
    np.testing.assert_allclose(table.auroc(counts), expected, atol=1e-12)
    without = [roc_auc_score(labels[tf != t], scores[0][tf != t]) for t in range(20)]
    np.testing.assert_allclose(table.leave_one_out(), without, atol=1e-12)
