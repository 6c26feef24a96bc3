"""Correlations inside rows: oracles, properties, worlds with a known answer."""

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from helpers.datasets.simulate.effects import effect_world
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.row_ranks import relabelled_rows, row_correlations
from helpers.statistics.splines import natural_cubic, unit_ranks

NONE = -np.ones(12, int)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_rows_are_those_of_scipy(rng):
    w = effect_world("true-effects", 8, 30, rng)
    found = row_correlations(w.predicted, w.measured)
    by_hand = [spearmanr(a, b).statistic for a, b in zip(w.predicted, w.measured, strict=True)]
    np.testing.assert_allclose(found.by_row[0], by_hand)
    assert found.mean[0] == pytest.approx(np.mean(by_hand))
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)


def test_covariates_are_taken_out_by_least_squares(rng):
    w = effect_world("baseline-only", 6, 50, rng)
    x, y = np.abs(w.predicted), np.abs(w.measured)
    found = row_correlations(x, y, [w.baseline])
    design = np.column_stack([np.ones(50), natural_cubic(unit_ranks(w.baseline))])
    project = np.eye(50) - design @ np.linalg.pinv(design)
    a, b = project @ rankdata(x[2]), project @ rankdata(y[2])
    assert found.by_row[0, 2] == pytest.approx(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("change", [np.exp, lambda x: x**3])
def test_increasing_functions_change_nothing(rng, change):
    w = effect_world("true-effects", 8, 30, rng)
    one, other = (row_correlations(f(w.predicted), w.measured) for f in (change, np.array))
    np.testing.assert_allclose(one.mean, other.mean)
    by_row = w.predicted + 10 * np.arange(8)[:, None]
    np.testing.assert_allclose(row_correlations(by_row, w.measured).mean, one.mean)


def test_the_relabelled_draws_are_those_of_moved_labels(rng):
    d, s = rng.normal(size=(2, 6, 20))
    own = np.arange(6)
    d[own, own] = s[own, own] = np.nan
    found = relabelled_rows(s, d, own, np.random.default_rng(1), 200)
    order, others = rng.permutation(6), 6 + rng.permutation(14)
    new = d[order][:, np.concatenate([order, others])]
    assert np.isnan(new[own, own]).all()
    moved = row_correlations(s, new).mean[0]
    assert found.draws.min() < moved < found.draws.max()
    assert found.estimate == pytest.approx(row_correlations(s, d).mean[0])
    again = relabelled_rows(s, new, own, np.random.default_rng(1), 200)
    assert again.estimate == pytest.approx(moved)


def test_a_planted_agreement_is_found_and_covered(rng):
    covered = 0
    for _ in range(30):
        w = effect_world("true-effects", 40, 10, rng)
        found = row_correlations(w.predicted, w.measured).contrast([1.0])
        covered += found.low <= 6 / np.pi * np.arcsin(0.25) <= found.high
    assert covered >= 24  # P(fewer of 30 at 95 %) = 0.04 %
    w = effect_world("true-effects", 12, 20, rng)
    assert relabelled_rows(w.predicted, w.measured, NONE, rng, 99).p == pytest.approx(0.02)


@pytest.mark.parametrize("name", ["tf-clustered", "gene-clustered", "baseline-only"])
def test_worlds_without_agreement_hold_the_level(rng, name):
    called = np.zeros(2)
    for _ in range(40):
        w = effect_world(name, 12, 30, rng)
        x, y = w.predicted, w.measured
        if name == "baseline-only":
            x, y = np.abs(x), np.abs(y)
        wide = row_correlations(x, y, [w.baseline]).contrast([1.0])
        called += [relabelled_rows(x, y, NONE, rng, 39, [w.baseline]).p <= 0.05, wide.p <= 0.05]
    assert (called <= 8).all(), called  # P(more than 8 of 40 at 5 %) = 0.02 %


def test_two_scores_are_compared(rng):
    w = effect_world("true-effects", 12, 30, rng)
    both = row_correlations(np.stack([w.predicted, rng.normal(size=(12, 30))]), w.measured)
    found = both.contrast([1.0, -1.0])
    assert found.low > 0
    assert found.null == "no difference"
    same = row_correlations(np.stack([w.predicted, w.predicted]), w.measured)
    assert isinstance(same.contrast([1.0, -1.0]), NotEstimable)


def test_what_cannot_be_estimated_says_so(rng):
    w = effect_world("true-effects", 4, 30, rng)
    assert "4 rows" in row_correlations(w.predicted, w.measured).reason
    w = effect_world("true-effects", 12, 7, rng)
    assert isinstance(row_correlations(w.predicted, w.measured), NotEstimable)
    w = effect_world("true-effects", 12, 30, rng)
    constant = np.zeros((12, 30))
    assert isinstance(relabelled_rows(constant, w.measured, NONE, rng, 9), NotEstimable)
    constant[3:] = w.predicted[3:]
    assert row_correlations(constant, w.measured).rows.tolist() == list(range(3, 12))
    with pytest.raises(ParameterError, match="shape"):
        row_correlations(w.predicted[:, :9], w.measured)
    w.measured[3, 4] = np.nan
    with pytest.raises(ParameterError, match="finite"):
        relabelled_rows(w.predicted, w.measured, NONE, rng, 9)
