"""Differences between groups of cells and their controls, against Welch's test and planted ones."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.statistics.group_effects import group_effects


def test_one_stratum_is_welchs_test():
    rng = np.random.default_rng(0)
    values, group = rng.normal(size=(90, 4)), np.repeat(["a", "b", "control"], [20, 30, 40])
    found = group_effects(values, group, "control", np.zeros(90))
    for k, name in enumerate(found.names):
        welch = stats.ttest_ind(values[group == name], values[70 - 20 :], equal_var=False)
        np.testing.assert_allclose(found.p[k], welch.pvalue, rtol=1e-9)


def test_a_shift_of_a_stratum_is_no_effect():
    rng = np.random.default_rng(1)
    day = np.repeat([0, 1], 100)
    group = np.where(rng.random(200) < np.where(day == 0, 0.2, 0.8), "a", "control")
    values = rng.normal(size=(200, 1)) + 5 * day[:, None]
    values[group == "a"] += 1.0
    found = group_effects(values, group, "control", day)
    assert found.difference[0, 0] == pytest.approx(1.0, abs=0.4)


def test_p_are_uniform_without_effect():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(300, 400))
    group = rng.choice(["a", "b", "control"], 300)
    found = group_effects(values, group, "control", rng.integers(0, 3, 300))
    assert stats.kstest(found.p.ravel(), "uniform").pvalue > 0.001


def test_small_groups_are_left_out_and_absent_controls_named():
    values, group = np.ones((12, 2)), np.array(["a"] * 6 + ["control"] * 4 + ["b"] * 2)
    with pytest.raises(DataError, match="5 cells"):
        group_effects(values, group, "control", np.zeros(12))
    with pytest.raises(DataError, match="control"):
        group_effects(values, group, "wild type", np.zeros(12))
