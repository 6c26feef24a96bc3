"""Equivalence: against statsmodels, its own interval, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics import equivalence


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
