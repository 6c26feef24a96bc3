"""Error rates of the concentration gap on archives made without a mediator, and its power."""

import calibration_kit as kit
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from helpers.datasets.simulate.circuits import summaries
from helpers.statistics.concentration import Run, share_gap, share_gap_test

pytestmark = pytest.mark.slow

CELLS = (12, 12, 11, 9, 6, 2)
ARCHIVES = 400


SIGMAS = (0.0, 0.6, 1.2)
"""Spreads of the true standard deviations."""


def raw_test(first, second, k, rng):
    """Return p of the gap with the archived standard errors taken as the true ones."""
    runs, split = [*first, *second], len(first)

    def gap(means):
        return share_gap(means[:split], means[split:], k)

    null = gap([rng.normal(size=(199, run.se.size)) * run.se for run in runs])
    seen = gap([run.mean for run in runs])
    return min(1.0, 2 * (1 + min((null >= seen).sum(), (null <= seen).sum())) / 200)


def packaged_test(first, second, k, rng):
    """Return p of the package's test."""
    return share_gap_test(first, second, k, rng, draws=199, inner=40, mde=False).p


def rejections(sigma, effect=0.0, archives=ARCHIVES, common=0.0, seed=0, test=packaged_test):
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
        rejected.append(test(*kinds, 5, rng) <= 0.05)
    return float(np.mean(rejected))


def measure():
    """Return rejections without a mediator: raw, packaged, and with noise that is shared."""
    rows = [("standard errors taken as true", s, 0.0, raw_test) for s in SIGMAS]
    rows += [("standard errors drawn again", s, 0.0, packaged_test) for s in SIGMAS]
    rows.append(("noise shared (correlation 0.8)", 0.6, 2.0, packaged_test))
    found = [rejections(s, common=c, test=test) for _, s, c, test in rows]
    table = pd.DataFrame(rows, columns=["test", "sigma", "common", "share"])
    return table.assign(share=found, draws=ARCHIVES)


def test_recorded_rates():
    """What pages say of this test is measured here."""
    rests_on = {"helpers.statistics.concentration", "helpers.datasets.simulate.circuits"}
    table = kit.kept("concentration", measure, rests_on).groupby("test")["share"]
    low, high = binom.ppf([0.005, 0.995], ARCHIVES, 0.05) / ARCHIVES
    assert table.get_group("standard errors drawn again").between(low, high).all()
    assert 0.05 < table.get_group("noise shared (correlation 0.8)").item() <= 0.17


def test_power_with_one_mediator_per_run():
    assert rejections(0.6, effect=60.0, archives=60, seed=1) > 0.8
