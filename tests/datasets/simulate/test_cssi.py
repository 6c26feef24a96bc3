"""The two designs of state-wise aggregation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from helpers.datasets.simulate import (
    T2_CONFIGURATIONS,
    t2_draw,
    t4_draw,
)
from helpers.errors import DataError

# Published means and SD over ten draws: pooled F1, F1 of the maximum over known states.
TABLE_2 = {
    2: (0.850, 0.053, 0.957, 0.050),
    4: (0.657, 0.100, 0.921, 0.071),
    6: (0.486, 0.100, 0.900, 0.069),
    8: (0.550, 0.089, 0.967, 0.029),
    10: (0.514, 0.083, 0.932, 0.049),
    12: (0.527, 0.041, 0.942, 0.027),
}


def _edge_scores(expression):
    rank = rankdata(expression, axis=0)
    return np.abs(np.corrcoef(rank.T))[:5, 5:]


def _top_share(score, truth):
    top = np.argsort(-score.ravel(), kind="stable")[: truth.sum()]
    return truth.ravel()[top].mean()


@pytest.mark.parametrize("row", T2_CONFIGURATIONS, ids=lambda row: row.name)
def test_t2_means_lie_within_the_published_deviations(row):
    f1 = []
    for seed in range(10):
        made = t2_draw(row.n_states, row.cells_per_state, seed)
        inside = [_edge_scores(made.expression[made.state == s]) for s in range(row.n_states)]
        whole = _edge_scores(made.expression)
        f1.append([_top_share(whole, made.truth), _top_share(np.max(inside, axis=0), made.truth)])
    whole, best = np.mean(f1, axis=0)
    pooled_f1, pooled_sd, best_f1, best_sd = TABLE_2[row.n_states]
    assert abs(whole - pooled_f1) < pooled_sd
    assert abs(best - best_f1) < best_sd


def test_t2_edges_are_as_described():
    for row, expected in zip(T2_CONFIGURATIONS, (14, 14, 14, 18, 22, 26), strict=True):
        made = t2_draw(row.n_states, row.cells_per_state, 1)
        assert made.truth.sum() == len(made.edges) == expected
        assert (made.edges["state"] == -1).sum() == 2
        assert made.expression.shape == (row.n_cells, 30)
        assert made.seed == 100 + row.n_states
    shared = t2_draw(6, 100, 0, private=False)
    assert (shared.edges["state"] == -1).all()
    silent = t2_draw(6, 5000, 0, effect=0.0)
    assert _edge_scores(silent.expression).max() < 0.03


def test_t2_coefficient_is_the_planted_one():
    made = t2_draw(2, 20_000, 3)
    first = made.edges[made.edges["state"] == 0].drop_duplicates("target", keep=False).iloc[0]
    inside = made.state == 0
    tf, target = made.expression[inside, first["tf"]], made.expression[inside, 5 + first["target"]]
    assert abs(np.polyfit(tf, target, 1)[0] - 0.5) < 0.05


def test_t4_signal_sits_in_one_state_of_balanced_halves():
    made = t4_draw(4, 100, 0)
    assert made.truth.sum() == 20 and not np.diag(made.truth).any() and made.n_calls == 40
    for number in range(4):
        assert made.half[made.state == number].sum() == 50
    means = np.array([made.scores[made.state == s].mean(axis=0) for s in range(4)])
    at_edges = np.sort(means[:, made.truth], axis=0)
    assert abs(at_edges[-1].mean() - 0.4) < 0.05
    assert abs(at_edges[:-1].mean()) < 0.02
    assert abs(made.scores[:, ~made.truth].std() - 0.5) < 0.01


def test_t4_ceiling_of_f1_is_two_thirds():
    made = t4_draw(2, 100, 0)
    second = made.scores[~made.half]
    best = np.max([second[made.state[~made.half] == s].mean(axis=0) for s in range(2)], axis=0)
    called = np.argsort(-best.ravel(), kind="stable")[: made.n_calls]
    f1 = 2 * made.truth.ravel()[called].sum() / (made.n_calls + made.truth.sum())
    assert 0.6 < f1 <= 2 / 3 + 1e-12


def test_designs_refuse_what_they_cannot_hold():
    with pytest.raises(DataError, match="candidate pairs"):
        t2_draw(80, 2, 0)
    with pytest.raises(DataError, match="n_states is 0"):
        t2_draw(0, 10, 0)
    with pytest.raises(DataError, match="seed is -1"):
        t4_draw(2, 10, -1)
    with pytest.raises(DataError, match="two halves"):
        t4_draw(2, 1, 0)
