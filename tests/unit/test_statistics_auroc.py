"""AUROC, its bootstrap and DeLong against scikit-learn, brute force and closed forms."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from helpers.errors import ParameterError
from helpers.estimates import Estimate, NotEstimable
from helpers.statistics import bootstrap, clusters, intervals
from helpers.statistics.auroc import auroc, auroc_many, midranks, presort, weighted_auroc
from helpers.statistics.delong import delong_covariance, delong_test


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


def test_weighted_auroc_equals_sklearn_sample_weight(tied):
    scores, labels, _ = tied
    weights = np.random.default_rng(0).integers(0, 5, labels.size)
    assert weighted_auroc(scores[0], labels, weights) == pytest.approx(
        roc_auc_score(labels, scores[0], sample_weight=weights), abs=1e-12
    )
    many = presort(scores, labels).weighted(weights)
    assert many.shape == (1, 4)
    assert many[0, 2] == pytest.approx(
        roc_auc_score(labels, scores[2], sample_weight=weights), abs=1e-12
    )


def test_constant_score_is_exactly_half_and_flagged():
    result = auroc(np.full(12, 3.3), np.arange(12) < 5)
    assert result.value == 0.5
    assert result.detail["flag"] == "constant score"
    interval = bootstrap.cluster_interval(
        np.full(12, 3.3), np.arange(12) % 2 == 0, np.arange(12) // 2, np.random.default_rng(0), 50
    )
    assert (interval.value, interval.detail["flag"]) == (0.5, "constant score")


@pytest.mark.parametrize(
    ("labels", "word"), [(np.zeros(5), "positives"), (np.ones(5), "negatives")]
)
def test_one_class_is_not_estimable(labels, word):
    rng = np.random.default_rng(0)
    for result in (
        auroc(np.arange(5), labels),
        bootstrap.cluster_interval(np.arange(5), labels, np.arange(5), rng),
    ):
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


def test_influence_is_the_derivative_by_the_cluster_weight(tied):
    scores, labels, tf = tied
    (table,) = clusters.cluster_tables(scores[0], labels, tf)
    step = 1e-6
    moved = table.auroc(1.0 + step * np.eye(20))
    np.testing.assert_allclose(table.influence()[0], (moved - table.auroc()) / step, atol=1e-5)


def test_few_clusters_give_a_point_without_limits():
    labels = np.zeros(60, bool)
    labels[[0, 11, 22]] = True
    result = bootstrap.cluster_interval(
        np.arange(60.0), labels, np.repeat(np.arange(6), 10), np.random.default_rng(0)
    )
    assert isinstance(result, Estimate)
    assert result.low is None and result.high is None
    assert "3 TFs" in result.detail["interval"]
    test = bootstrap.paired_cluster_test(
        np.arange(60.0),
        -np.arange(60.0),
        labels,
        np.repeat(np.arange(6), 10),
        np.random.default_rng(0),
    )
    assert isinstance(test, NotEstimable)


def test_the_three_intervals_agree_when_clusters_are_many():
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(20) < 3, 300)
    tf = np.repeat(np.arange(300), 20)
    scores = rng.normal(size=6000) + 0.4 * labels
    found = [
        bootstrap.cluster_interval(scores, labels, tf, np.random.default_rng(1), method=method)
        for method in ("percentile", "bca", "t")
    ]
    for other in found[1:]:
        assert (other.low, other.high) == pytest.approx((found[0].low, found[0].high), abs=0.006)
    assert found[0].low < stats.norm.cdf(0.4 / np.sqrt(2)) < found[0].high


def test_bca_equals_scipy():
    rng = np.random.default_rng(0)
    data = rng.gamma(1.0, size=40)
    theirs = stats.bootstrap(
        (data,), np.mean, n_resamples=4000, method="BCa", random_state=np.random.default_rng(1)
    )
    left_out = (data.sum() - data) / 39
    ours = intervals.bca(theirs.bootstrap_distribution, data.mean(), left_out)
    interval = theirs.confidence_interval
    assert ours == pytest.approx((interval.low, interval.high), rel=2e-3)


def _components(scores, labels):
    """DeLong's structural components by the double loop of the definition."""
    plus, minus = scores[labels], scores[~labels]
    psi = (plus[:, None] > minus) + 0.5 * (plus[:, None] == minus)
    return psi.mean(axis=1), psi.mean(axis=0)


def test_delong_equals_the_definition(tied):
    scores, labels, _ = tied
    values, covariance = delong_covariance(scores, labels)
    parts = [_components(row, labels) for row in scores]
    expected = np.cov([p[0] for p in parts]) / labels.sum()
    expected += np.cov([p[1] for p in parts]) / (~labels).sum()
    np.testing.assert_allclose(covariance, expected, rtol=1e-10)
    np.testing.assert_allclose(values, [roc_auc_score(labels, row) for row in scores])
    outcome = delong_test(scores[0], scores[2], labels)
    se = np.sqrt(expected[0, 0] + expected[2, 2] - 2 * expected[0, 2])
    assert outcome.p == pytest.approx(2 * stats.norm.sf(abs(values[0] - values[2]) / se))


def test_delong_survives_more_than_a_million_pairs():
    rng = np.random.default_rng(0)
    n = 1_200_000
    labels = rng.random(n) < 0.5
    scores = rng.normal(size=n).astype(np.float32) + labels
    (value,), covariance = delong_covariance(scores[None], labels)
    se = float(np.sqrt(covariance[0, 0]))
    assert 0 < se < 1e-3
    assert abs(value - stats.norm.cdf(1 / np.sqrt(2))) < 4 * se


def test_delong_refuses_no_variance():
    labels = np.arange(40) < 20
    assert isinstance(delong_test(np.arange(40), np.arange(40) * 2, labels), NotEstimable)
