"""The gap of top shares against archives without mediators."""

import numpy as np
import pytest

from helpers.datasets.simulate.circuits import summaries
from helpers.errors import ParameterError
from helpers.statistics.concentration import Run, share_gap, share_gap_test
from helpers.statistics.from_summaries import chance_corrected_share
from helpers.statistics.top_share_law import expected_noise_share

CELLS = (12, 12, 11, 9, 6, 2)


def archive(rng, effect=0.0, sigma=0.6):
    """Six runs of 11 and of 22 components; `effect` is that of one mediator per smaller run."""
    kinds = []
    for components, planted in ((11, effect), (22, 0.0)):
        runs = []
        for cells in CELLS:
            sd = rng.lognormal(sigma=sigma, size=components)
            effects = np.r_[planted * np.median(sd) / np.sqrt(cells), np.zeros(components - 1)]
            mean, se = summaries(sd, cells, rng, effects)
            runs.append(Run(mean, se, np.full(components, cells)))
        kinds.append(runs)
    return kinds


def test_gap_is_the_difference_of_mean_corrected_shares():
    rng = np.random.default_rng(0)
    first, second = [rng.normal(size=11)], [rng.normal(size=(22,)), rng.normal(size=22)]
    expected = chance_corrected_share(first[0], 5) - np.mean(
        [chance_corrected_share(x, 5) for x in second]
    )
    assert share_gap(first, second, 5) == pytest.approx(expected)


def test_noise_alone_has_the_gap_that_integration_gives():
    """Independent route: with t noise the mean share of each run is integrated, not drawn."""
    rng = np.random.default_rng(1)
    sd = [rng.lognormal(sigma=0.5, size=k) for k in (11, 22)]
    cells = 2000  # so many that the t law of the integral is the normal one of the draws
    first, second = ([Run(*summaries(s, cells, rng), np.full(s.size, cells))] for s in sd)
    expected = [
        (expected_noise_share(s, np.full(s.size, cells), 5) - 5 / s.size) / (1 - 5 / s.size)
        for s in sd
    ]
    found = share_gap_test(first, second, 5, rng, draws=1999, inner=20, mde=False)
    error = 4 * found.detail["null_sd"] / np.sqrt(1999) + 0.003
    assert found.detail["null_mean"] == pytest.approx(expected[0] - expected[1], abs=error)


def test_a_gap_of_noise_is_far_from_zero_and_no_finding():
    rng = np.random.default_rng(2)
    found = [
        share_gap_test(*archive(rng), 5, rng, draws=199, inner=30, mde=False) for _ in range(20)
    ]
    # Counting draws beyond 0 would reject all of these.
    assert all(one.detail["null_mean"] > 2.5 * one.detail["null_sd"] for one in found)
    assert sum(one.p <= 0.05 for one in found) <= 4


def test_one_mediator_in_every_run_is_found():
    first, second = archive(np.random.default_rng(4), effect=300.0)
    found = share_gap_test(first, second, 5, np.random.default_rng(5), draws=499, inner=50)
    assert found.p <= 0.01
    assert found.estimate > found.detail["mde"] > found.detail["null_mean"]


def test_units_of_the_effects_do_not_matter():
    first, second = archive(np.random.default_rng(6))
    scaled = [[Run(1e-4 * r.mean, 1e-4 * r.se, r.n) for r in kind] for kind in (first, second)]
    one, two = (
        share_gap_test(*kinds, 5, np.random.default_rng(7), draws=199, inner=20, mde=False)
        for kinds in ((first, second), scaled)
    )
    assert one.p == two.p
    assert one.estimate == pytest.approx(two.estimate)


def test_a_single_cell_is_refused():
    run = Run(np.ones(6), np.ones(6), np.ones(6))
    with pytest.raises(ParameterError, match="two cells"):
        share_gap_test([run], [run], 2, np.random.default_rng(8))
