"""A mean of sampled rows covers that of all rows."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.estimates import NotEstimable
from helpers.extraction import sampled_mean


def test_sampled_mean_covers_the_mean_of_all_rows():
    """In 400 draws of 12 out of 60 rows, the 95 % interval holds the truth in about 95 %."""
    rng = np.random.default_rng(0)
    population = rng.normal(2, 1, 60)
    inside = 0
    for _ in range(400):
        found = sampled_mean(rng.choice(population, 12, replace=False), 60)
        inside += found.low <= population.mean() <= found.high
    assert 0.91 <= inside / 400 <= 0.985
    everything = sampled_mean(population, 60)
    assert everything.low == everything.high == pytest.approx(population.mean())
    assert isinstance(sampled_mean(population[:2], 60), NotEstimable)
    assert isinstance(sampled_mean(np.array([1.0, np.nan, 2.0]), 60), NotEstimable)
