"""Ranking, multiplicity, intervals, equivalence, effects: closed forms and other libraries."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics import equivalence, intervals
from helpers.statistics.jackknife import jackknife_se, leave_one_cluster_out
from helpers.statistics.multiplicity import adjust, adjust_bounds, hierarchical, simes
from helpers.statistics.ranking import (
    average_precision,
    precision_at,
    ranking_metrics,
)


def test_average_precision_equals_sklearn_without_ties():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=300), rng.random(300) < 0.1
    assert average_precision(scores, labels) == pytest.approx(
        average_precision_score(labels, scores), abs=1e-12
    )


def _every_tie_order(scores, labels, k):
    """Mean average precision and precision at k over all orders that sort the scores."""
    areas, early = [], []
    for order in permutations(range(len(scores))):
        ranked = scores[list(order)]
        if (np.diff(ranked) > 0).any():
            continue
        hits = labels[list(order)]
        precision = np.cumsum(hits) / np.arange(1, hits.size + 1)
        areas.append(precision[hits].mean())
        early.append(hits[:k].mean())
    return np.mean(areas), np.mean(early)


@pytest.mark.parametrize("seed", range(4))
def test_ties_are_averaged_over_all_orders(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 3, 7).astype(float), rng.permutation(7) < 3
    area, early = _every_tie_order(scores, labels, 3)
    assert average_precision(scores, labels) == pytest.approx(area, abs=1e-12)
    assert precision_at(scores, labels, 3) == pytest.approx(early, abs=1e-12)
    assert ranking_metrics(scores, labels)["early_precision_ratio"] == pytest.approx(
        early / (3 / 7), abs=1e-12
    )


def test_ranking_degenerate_input():
    assert isinstance(ranking_metrics(np.arange(4), np.zeros(4)), NotEstimable)
    assert isinstance(ranking_metrics(np.arange(4), np.ones(4)), NotEstimable)
    with pytest.raises(ParameterError, match="k is 9"):
        precision_at(np.arange(4), np.arange(4) < 1, 9)
    constant = ranking_metrics(np.zeros(10), np.arange(10) < 2)
    assert constant["early_precision_ratio"] == pytest.approx(1.0)


def test_five_p_example():
    p = [0.005, 0.011, 0.02, 0.04, 0.8]
    np.testing.assert_allclose(adjust(p), [0.025, 0.0275, 1 / 30, 0.05, 0.8], atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("bh", "fdr_bh"), ("by", "fdr_by"), ("holm", "holm"), ("bonferroni", "bonferroni")],
)
def test_adjusted_p_equal_statsmodels(ours, theirs):
    p = np.round(np.random.default_rng(0).beta(0.4, 1, 47), 2)
    np.testing.assert_allclose(adjust(p, ours), multipletests(p, method=theirs)[1], atol=1e-12)


def test_multiplicity_refuses_what_is_not_a_p():
    for bad in ([0.1, np.nan], [-0.1], [1.2]):
        with pytest.raises(ParameterError, match=r"\[0, 1\]"):
            adjust(bad)
    assert adjust([]).size == 0
    with pytest.raises(ParameterError, match="low <= high"):
        adjust_bounds([0.2], [0.1])


def test_bounds_hold_every_completion():
    rng = np.random.default_rng(0)
    p = rng.random(8)
    low, high = p.copy(), p.copy()
    low[:2], high[:2] = 0.0, 1.0
    least, most = adjust_bounds(low, high)
    for _ in range(200):
        p[:2] = rng.random(2)
        q = adjust(p)
        assert (q >= least - 1e-12).all() and (q <= most + 1e-12).all()


def test_simes_and_hierarchy_by_hand():
    assert simes([0.04, 0.03, 0.5]) == pytest.approx(0.06)
    calls = hierarchical({"a": [0.001, 0.02, 0.6], "b": [0.3, 0.9], "c": [0.004, 0.5]})
    # Simes 0.003, 0.6, 0.008: a and c are selected, so BH runs at 0.05 * 2 / 3.
    assert calls["a"].tolist() == [True, True, False]
    assert calls["b"].tolist() == [False, False]
    assert calls["c"].tolist() == [True, False]
    assert hierarchical({}) == {}


def test_fieller_solves_its_equation_and_knows_when_it_has_none():
    found = intervals.fieller(2.0, 4.0, 0.09, 0.16, 0.02, df=20)
    t = stats.t.ppf(0.975, 20)
    for ratio in (found.low, found.high):
        variance = 0.09 - 2 * ratio * 0.02 + ratio**2 * 0.16
        assert (2.0 - ratio * 4.0) ** 2 == pytest.approx(t**2 * variance)
    assert found.low < 0.5 < found.high
    assert isinstance(intervals.fieller(2.0, 0.3, 0.1, 0.1), NotEstimable)


def test_hanley_mcneil_example_of_the_paper():
    # Hanley and McNeil 1982: AUC 0.893, 51 abnormal and 58 normal cases, SE 0.032.
    found = intervals.hanley_mcneil(0.893, 51, 58)
    assert found.detail["se"] == pytest.approx(0.032, abs=0.001)


def test_tost_equals_statsmodels():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=25), rng.normal(size=25)
    ours = equivalence.tost_mean(a - b, -0.8, 0.9)
    p, (_, p_low, _), (_, p_high, _) = ttost_paired(a, b, -0.8, 0.9)
    assert ours.p == pytest.approx(p)
    assert (ours.detail["p_low"], ours.detail["p_high"]) == pytest.approx((p_low, p_high))


def test_tost_agrees_with_its_interval():
    for estimate in (0.5, 0.53, 0.56):
        result = equivalence.tost(estimate, 0.015, 0.45, 0.55)
        assert (result.p < 0.05) == (0.45 < result.low and result.high < 0.55)
    with pytest.raises(ParameterError, match="margins"):
        equivalence.tost(0.5, 0.1, 0.6, 0.4)
    assert isinstance(equivalence.tost_mean([1.0, 2.0], 0, 3), NotEstimable)


def test_tost_power_by_simulation():
    rng = np.random.default_rng(0)
    p = [equivalence.tost(rng.normal(0.0, 0.02), 0.02, -0.05, 0.05).p for _ in range(2000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(
        equivalence.tost_power(0.02, -0.05, 0.05), abs=0.04
    )


def test_jackknife_se_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=30)
    left_out = (values.sum() - values) / 29
    assert jackknife_se(left_out) == pytest.approx(values.std(ddof=1) / np.sqrt(30))


def test_leave_one_cluster_out_finds_the_one_that_matters():
    rng = np.random.default_rng(0)
    tf = np.repeat([f"t{i}" for i in range(10)], 40)
    labels = np.tile(np.arange(40) < 4, 10)
    scores = rng.normal(size=400) + 6 * labels * (tf == "t3")
    result = leave_one_cluster_out(scores, labels, tf)
    assert result.most_influential == "t3"
    assert result.share_of_excess > 0.5
    single = leave_one_cluster_out(scores, labels & (tf == "t3"), tf)
    assert single.undefined == ("t3",)
