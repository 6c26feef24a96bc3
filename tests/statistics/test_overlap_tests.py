"""Overlap beyond random sets, beyond depth, and specific to an object."""

import numpy as np
import pytest

from helpers.datasets.simulate.circuits import circuit_effects
from helpers.errors import ParameterError
from helpers.statistics.overlap_tests import overlap_test, specificity_test
from helpers.statistics.shared_sets import (
    cross_table,
    label_draws,
    label_null,
    mean_same,
    membership,
    specificity,
    triple_draws,
    triple_null,
)

BANDS = np.repeat(np.arange(11), 2)


def test_outcome_is_the_exact_law():
    rng = np.random.default_rng(0)
    sets = membership(rng.normal(size=(2, 3, 22)), 5)
    for bands in (None, BANDS):
        found, law = overlap_test(sets, rng, 4000, bands), triple_null(sets, bands)
        assert found.estimate == mean_same(sets)
        assert found.p == law.upper_tail(found.estimate)
        assert found.detail["expected"] == law.mean
        assert found.detail["p_drawn"] == pytest.approx(found.p, abs=0.035)


def test_power_at_the_stated_agreement():
    rng = np.random.default_rng(1)
    sets = membership(rng.normal(size=(2, 3, 22)), 5)
    found, law = overlap_test(sets, rng, 99), triple_null(sets)
    drawn = triple_draws(sets, None, 3000, rng, found.detail["mde_agreement"])
    power = np.mean([law.upper_tail(value) <= 0.05 for value in drawn])
    assert 0.77 < power < 0.93  # the grid of agreements has steps of 0.05
    assert drawn.mean() == pytest.approx(found.detail["mde"], abs=0.02)


def test_full_agreement_makes_equal_sets():
    sets = membership(np.random.default_rng(2).normal(size=(2, 3, 12)), 4)
    assert (triple_draws(sets, None, 50, np.random.default_rng(3), 1.0) == 1).all()


def test_where_no_overlap_could_be_found_none_is_named():
    sets = membership(np.random.default_rng(4).normal(size=(1, 3, 3)), 2)
    found = overlap_test(sets, np.random.default_rng(5), 99)
    assert found.p_floor > 0.05
    assert found.detail["mde"] is None


def test_depth_alone_is_overlap_but_not_beyond_depth():
    rng = np.random.default_rng(6)
    p = {"random": [], "depth": []}
    for _ in range(60):
        sets = membership(circuit_effects("depth only", rng), 5)
        p["random"].append(triple_null(sets).upper_tail(mean_same(sets)))
        p["depth"].append(triple_null(sets, BANDS).upper_tail(mean_same(sets)))
    assert np.mean(np.array(p["random"]) <= 0.05) > 0.8
    assert np.mean(np.array(p["depth"]) <= 0.05) < 0.15


def brute_specificity(table):
    """Same minus other, comparison by comparison, tissue pairs without a same object left out."""
    objects, conditions = table.shape[:2]
    same, other = [], []
    for c in range(conditions):
        for d in range(conditions):
            own = [table[i, c, i, d] for i in range(objects)]
            if c == d or not np.isfinite(own).any():
                continue
            same += own
            other += [table[i, c, j, d] for i in range(objects) for j in range(objects) if i != j]
    return np.nanmean(same) - np.nanmean(other)


def incomplete(rng):
    """Three objects; the first condition lacks the last one, the third holds only that one."""
    scores = rng.normal(size=(3, 3, 30))
    scores[2, 0] = scores[0, 2] = scores[1, 2] = np.nan
    flat = scores.reshape(9, 30)
    return np.corrcoef(flat).reshape(3, 3, 3, 3)


def test_specificity_of_an_incomplete_design_equals_brute_force():
    table = incomplete(np.random.default_rng(7))
    assert specificity(table) == pytest.approx(brute_specificity(table))
    complete = np.random.default_rng(8).random((3, 3, 3, 3))
    assert specificity(complete) == pytest.approx(brute_specificity(complete))


def test_labels_of_a_condition_move_once_for_all_its_comparisons():
    """Two, six and one order of labels: twelve arrangements, not one set per comparison."""
    table = incomplete(np.random.default_rng(9))
    law = label_null(table)
    assert np.allclose(law.probabilities * 12, np.round(law.probabilities * 12))
    drawn = label_draws(table, 4000, np.random.default_rng(10))
    assert drawn.mean() == pytest.approx(law.mean, abs=0.02)
    assert set(np.round(drawn, 9)) <= set(np.round(law.values, 9))


def test_specificity_p_and_what_two_pairs_allow():
    rng = np.random.default_rng(11)
    two = specificity_test(
        cross_table(membership(circuit_effects("two circuits", rng), 5)), rng, 99
    )
    assert two.estimate > 0.3
    assert two.p == two.p_floor == 0.25
    assert two.detail["mde"] is None
    scores = np.repeat(rng.normal(size=(4, 1, 40)), 3, axis=1)
    scores += 0.3 * rng.normal(size=scores.shape)
    four = specificity_test(cross_table(membership(scores, 8)), rng, 99)
    assert four.p <= 0.05
    assert 0 < four.detail["mde"] < four.estimate


def test_objects_seen_once_have_no_specificity():
    table = incomplete(np.random.default_rng(12))[:2, [0, 2]][:, :, :2, [0, 2]]
    with pytest.raises(ParameterError, match="two conditions"):
        specificity(table)
