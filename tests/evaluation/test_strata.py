"""Correlations inside cell states: against scipy, and what cannot be called."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from helpers.datasets.simulate import t2_draw
from helpers.edges import kmeans
from helpers.errors import DataError, ParameterError
from helpers.evaluation import strata


def test_correlations_equal_scipy_and_leave_small_strata_out():
    draw = t2_draw(2, 30, 0)
    labels = np.where(np.arange(60) < 5, 2, draw.state)
    found = strata.correlations(draw.expression, labels)
    inside = draw.expression[labels == 1]
    expected = stats.spearmanr(inside[:, 1], inside[:, 5 + 3]).statistic
    assert found[1, 1, 3].item() == pytest.approx(expected, abs=1e-12)  # row = TF
    assert found[2].isnull().all()  # 5 cells
    assert 0 <= strata.cssi_f1(draw.expression, labels, draw.truth, "sidak") <= 1


def test_f1_of_calls_against_scikit_learn():
    rng = np.random.default_rng(0)
    truth, scores = rng.random((5, 25)) < 0.2, rng.random((5, 25))
    for calls in (None, 40):
        n = truth.sum() if calls is None else calls
        called = scores.ravel() >= np.sort(scores.ravel())[-n]
        expected = f1_score(truth.ravel(), called)
        assert strata.f1_of_calls(scores, truth, calls) == pytest.approx(expected)
    scores[truth] = np.nan
    assert strata.f1_of_calls(scores, truth) == 0  # missing pairs are not called


def test_one_stratum_is_pooling_and_has_no_gain():
    draw, one = t2_draw(4, 50, 0), np.zeros(200, int)
    pooled = strata.pooled_f1(draw.expression, draw.truth)
    assert strata.cssi_f1(draw.expression, one, draw.truth) == pooled
    rng = np.random.default_rng(0)
    found = strata.label_nulls(draw.expression, one, draw.truth, rng, 5)
    assert all("one stratum" in outcome.reason for outcome in found.values())


def test_a_constant_gene_is_missing_and_never_called():
    draw = t2_draw(2, 50, 0)
    x = draw.expression.copy()
    x[:, 5] = 1.0
    found = strata.correlations(x, draw.state)
    assert found[:, :, 0].isnull().all() and found[:, :, 1:].notnull().all()
    assert np.isfinite(strata.cssi_f1(x, draw.state, draw.truth))


def test_shuffled_labels_take_the_gain_away():
    draw = t2_draw(6, 100, 0)
    rng = np.random.default_rng(0)
    found = strata.label_nulls(draw.expression, draw.state, draw.truth, rng, 40)
    assert set(found) == set(strata.NULLS)
    assert found["shuffled labels"].detail["share_no_gain"] >= 0.95
    assert all(o.p == pytest.approx(1 / 41) == o.p_floor for o in found.values())


def test_more_strata_than_cells_and_missing_labels_are_refused():
    with pytest.raises(ParameterError, match="5 strata for 4 cells"):
        kmeans(np.zeros((4, 2)), 5)
    with pytest.raises(DataError, match="one label per cell"):
        strata.correlations(np.zeros((4, 30)), np.arange(5))
