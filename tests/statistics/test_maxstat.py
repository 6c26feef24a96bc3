"""The max-statistic equals its definition and prefers no noisy score."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.statistics.maxstat import max_statistic


def test_max_statistic_equals_the_definition():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(999, 5))
    observed = np.array([0.5, 3.0, -1.0, 2.2, 2.5])
    result = max_statistic(observed, draws, standardise=False)
    expected = [(1 + (draws.max(axis=1) >= value).sum()) / 1000 for value in observed]
    np.testing.assert_allclose(result.adjusted, expected)
    assert (result.best, result.best_p) == (1, expected[1])
    down = max_statistic(observed, draws, standardise=False, step_down=True)
    second = (1 + (draws[:, [0, 2, 3, 4]].max(axis=1) >= 2.5).sum()) / 1000
    assert down.adjusted[4] == pytest.approx(max(second, expected[1]))
    assert (down.adjusted <= result.adjusted + 1e-12).all()


def test_max_statistic_does_not_prefer_noisy_scores():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(2000, 2)) * np.array([1.0, 10.0])
    result = max_statistic(np.array([3.0, 8.0]), draws)
    assert result.best == 0
