"""Corrections: five p by hand, statsmodels, and bounds over every completion."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from helpers.errors import ParameterError
from helpers.statistics.multiplicity import adjust, adjust_bounds, hierarchical, simes


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
