"""Error rates of the concentration gap on archives made without a mediator, and its power."""

import numpy as np
import pytest
from scipy.stats import binom

from helpers.datasets.simulate.circuits import summaries
from helpers.statistics.concentration import Run, share_gap_test

pytestmark = pytest.mark.slow

CELLS = (12, 12, 11, 9, 6, 2)
ARCHIVES = 400


def rejections(sigma, effect=0.0, archives=ARCHIVES, common=0.0, seed=0):
    """Share of archives rejected at 5 %; `sigma` is the spread of true standard deviations.

    `common` is the noise that all components of a run share, in units of their own noise: a
    dependence that the archive, having no cells, cannot show.
    """
    rng = np.random.default_rng(seed)
    rejected = []
    for _ in range(archives):
        kinds = []
        for k, planted in ((11, effect), (22, 0.0)):
            runs = []
            for cells in CELLS:
                sd = rng.lognormal(sigma=sigma, size=k)
                effects = np.zeros(k)
                effects[0] = planted * np.median(sd) / np.sqrt(cells)
                effects = effects + common * sd * rng.normal() / np.sqrt(cells)
                mean, se = summaries(sd, cells, rng, effects)
                runs.append(Run(mean, se, np.full(k, cells)))
            kinds.append(runs)
        found = share_gap_test(*kinds, 5, rng, draws=199, inner=40, mde=False)
        rejected.append(found.p <= 0.05)
    return float(np.mean(rejected))


@pytest.mark.parametrize("sigma", [0.0, 0.6, 1.2])
def test_level_without_a_mediator(sigma):
    low, high = binom.ppf([0.005, 0.995], ARCHIVES, 0.05) / ARCHIVES
    assert low <= rejections(sigma) <= high


def test_power_with_one_mediator_per_run():
    assert rejections(0.6, effect=60.0, archives=60, seed=1) > 0.8


def test_noise_that_components_share_costs_level():
    """Against the assumption of the test; the docstring of the test names what it costs."""
    assert rejections(0.6, archives=150, common=2.0, seed=5) <= 0.17
