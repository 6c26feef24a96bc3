"""The banded rank test against enumeration, and in worlds that share only depth."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.banded_ranks import banded_test


def test_banded_p_equals_enumeration():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 10))
    bands = np.repeat(np.arange(5), 2)
    found = banded_test(a, b, bands, draws=20_000, rng=rng)
    ra, rb = stats.rankdata(a), stats.rankdata(b)
    values = []
    for flips in np.ndindex(*(2,) * 5):
        moved = rb.reshape(5, 2).copy()
        moved[np.array(flips) == 1] = moved[np.array(flips) == 1][:, ::-1]
        values.append(np.corrcoef(ra, moved.ravel())[0, 1])
    assert found.statistic == pytest.approx(stats.spearmanr(a, b).statistic)
    assert found.p_exact == pytest.approx(np.mean(np.array(values) >= found.statistic - 1e-9))
    assert found.p_drawn == pytest.approx(found.p_exact, abs=0.015)
    assert found.arrangements == 32


def test_banded_test_ignores_depth_and_the_naive_one_does_not():
    rng = np.random.default_rng(3)
    depth = np.repeat(np.arange(11), 2)
    naive, banded = [], []
    for _ in range(200):
        a, b = np.exp(-depth / 4) * rng.lognormal(sigma=0.5, size=(2, depth.size))
        naive.append(stats.spearmanr(a, b).pvalue < 0.05)
        banded.append(banded_test(a, b, depth, draws=10, rng=rng).p_exact <= 0.05)
    assert np.mean(naive) > 0.9
    assert np.mean(banded) < 0.1


def test_banded_test_refuses_what_it_cannot_do():
    rng = np.random.default_rng(4)
    with pytest.raises(ParameterError, match="structural zero"):
        banded_test(np.zeros(8), np.ones(8), np.arange(8) // 2, draws=10, rng=rng)
    few = banded_test(np.arange(8.0), np.arange(8.0), np.arange(8), draws=10, rng=rng)
    assert isinstance(few, NotEstimable)
