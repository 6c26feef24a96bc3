"""Degree-preserving rewiring: margins, uniformity, and AUROCs from loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.auroc import auroc_many
from helpers.statistics.curveball import curveball, curveball_tests


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    rate = rng.dirichlet(np.ones(12) * 0.7)[:, None] * rng.dirichlet(np.ones(60) * 0.7)
    forbidden = np.eye(12, 60, dtype=bool)
    cells = rng.choice(720, 90, replace=False, p=(rate + 1e-4).ravel() / (rate + 1e-4).sum())
    matrix = np.zeros(720, bool)
    matrix[cells] = True
    return matrix.reshape(12, 60) & ~forbidden, forbidden


def test_curveball_keeps_margins_and_forbidden_cells(network):
    matrix, forbidden = network
    result = curveball(matrix, np.random.default_rng(1), 100, forbidden)
    for draw in range(100):
        drawn = result.network(draw)
        np.testing.assert_array_equal(drawn.sum(axis=0), matrix.sum(axis=0))
        np.testing.assert_array_equal(drawn.sum(axis=1), matrix.sum(axis=1))
        assert not (drawn & forbidden).any()
        shared = (drawn & matrix).sum()
        assert result.jaccard_distance[draw] == pytest.approx(1 - shared / (drawn | matrix).sum())
    assert result.share_unchanged == 0.0
    assert result.jaccard_distance.mean() > 0.4


def test_curveball_is_uniform_on_a_small_space():
    start = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], bool)
    rows, columns = start.sum(axis=1), start.sum(axis=0)
    space = [
        np.array(m, bool).reshape(3, 4)
        for m in product((0, 1), repeat=12)
        if (np.array(m).reshape(3, 4).sum(1) == rows).all()
        and (np.array(m).reshape(3, 4).sum(0) == columns).all()
    ]
    drawn = curveball(start, np.random.default_rng(3), 6000)
    seen = [drawn.network(b).tobytes() for b in range(6000)]
    tally = [seen.count(m.tobytes()) for m in space]
    assert sum(tally) == 6000
    assert stats.chisquare(tally).pvalue > 1e-4


def test_target_only_score_does_not_vary_under_curveball(network):
    matrix, forbidden = network
    target = np.tile(np.random.default_rng(0).random(60), (12, 1))
    (result,) = curveball_tests(target[None], matrix, np.random.default_rng(1), 200, forbidden)
    assert np.ptp(result.draws) < 1e-12
    assert result.draws[0] == pytest.approx(result.estimate, abs=1e-12)
    assert result.p == 1.0


def test_curveball_auroc_is_that_of_the_drawn_networks(network):
    matrix, forbidden = network
    scores = np.random.default_rng(4).normal(size=(2, 12, 60))
    outcomes = curveball_tests(scores, matrix, np.random.default_rng(5), 20, forbidden)
    drawn = curveball(matrix, np.random.default_rng(5), 20, forbidden)
    for b in range(20):
        labels = drawn.network(b)[~forbidden]
        expected = auroc_many(scores[:, ~forbidden], labels)
        np.testing.assert_allclose([o.draws[b] for o in outcomes], expected, atol=1e-12)


def test_the_crossed_p_of_curveball_from_loops(network):
    matrix, forbidden = network
    rng = np.random.default_rng(8)
    scores = rng.normal(size=(12, 60)) + 0.7 * matrix + 3 * rng.normal(size=60)
    (found,) = curveball_tests(scores[None], matrix, np.random.default_rng(5), 50, forbidden)
    drawn = curveball(matrix, np.random.default_rng(5), 50, forbidden)
    surplus = matrix - np.mean([drawn.network(b) for b in range(50)], axis=0)
    assert surplus.sum(axis=0) == pytest.approx(0) and surplus.sum(axis=1) == pytest.approx(0)
    ranks = np.full((12, 60), np.nan)
    ranks[~forbidden] = stats.rankdata(scores[~forbidden])
    ones, zeros = matrix.sum(), (~forbidden & ~matrix).sum()
    excess = np.nansum(surplus * ranks) / (ones * zeros)
    assert excess == pytest.approx(found.estimate - found.detail["null_mean"])
    ranks = ranks - np.nanmean(ranks, axis=1, keepdims=True)
    terms = surplus * (ranks - np.nanmean(ranks, axis=0)) / (ones * zeros)
    kept = ~forbidden & (surplus != 0)
    variance, limits = -np.nansum(terms**2), []
    for axis, names in enumerate(np.nonzero(kept)):
        sums = [np.nansum(terms.take(k, axis)) for k in np.unique(names)]
        n = np.bincount(names)
        variance += len(sums) / (len(sums) - 1) * np.sum(np.square(sums))
        limits += [n.sum() ** 2 / (n**2).sum() - 1]
        limits += [3 * np.sum(np.square(sums)) ** 2 / np.sum(np.power(sums, 4))]
    expected = stats.t.sf(np.nansum(terms) / np.sqrt(variance), min(limits))
    assert found.detail["p_crossed"] == pytest.approx(expected, rel=1e-6)
    assert found.p == max(found.detail["p_rewired"], found.detail["p_crossed"])
    (planted,) = curveball_tests((scores + 3 * matrix)[None], matrix, rng, 199, forbidden)
    assert planted.p < 0.02


def test_curveball_degenerate_networks():
    rng = np.random.default_rng(0)
    assert isinstance(curveball(np.ones((3, 4), bool), rng), NotEstimable)
    assert isinstance(curveball(np.array([[1, 0, 1]], bool), rng), NotEstimable)
    only_row = np.zeros((4, 5), bool)
    only_row[2, 1:3] = True
    assert isinstance(curveball_tests(np.zeros((1, 4, 5)), only_row, rng), NotEstimable)
    with pytest.raises(ParameterError, match="forbidden"):
        curveball(np.eye(3, dtype=bool), rng, forbidden=np.eye(3, dtype=bool))
