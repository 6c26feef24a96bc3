"""Games, circuits and runs whose truth is known."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from helpers.datasets.simulate.circuits import (
    CIRCUITS,
    GAMES,
    additive_runs,
    circuit_effects,
    game,
    summaries,
    tissue_profiles,
)
from helpers.errors import ParameterError
from helpers.statistics.set_functions import moebius, shapley, sizes
from helpers.statistics.shared_sets import cross_table, membership, specificity


@pytest.mark.parametrize("name", GAMES)
def test_games_have_the_interactions_that_were_planted(name):
    values = game(name, 6, np.random.default_rng(0))
    mu = moebius(values)
    high = np.flatnonzero(np.abs(mu[sizes(6) >= 2]) > 1e-9).size
    assert values[0] == 0
    assert high == {"additive": 0, "one pair": 1, "cancelling": 2, "mixed": 57}[name]
    if name != "mixed":
        assert values[-1] == pytest.approx(1)
        assert shapley(values).sum() == pytest.approx(1)


def test_additive_runs_add_up_to_one():
    assert additive_runs(8, 12, 4000, np.random.default_rng(1)).sum(2).mean() == pytest.approx(
        1, abs=0.003
    )


def test_circuits_differ_in_what_pairs_share():
    rng = np.random.default_rng(2)
    found = {}
    for world in CIRCUITS:
        sets = [membership(circuit_effects(world, rng), 5) for _ in range(50)]
        found[world] = np.mean([specificity(cross_table(one)) for one in sets])
    assert found["two circuits"] > 0.3
    assert all(abs(found[world]) < 0.06 for world in set(CIRCUITS) - {"two circuits"})


def test_profiles_correlate_as_planted():
    rng = np.random.default_rng(3)

    def rho(world):
        return spearmanr(*tissue_profiles(world, rng)[:2]).statistic

    assert rho("same-circuit") > 0.9
    assert rho("opposite-sign") < -0.9
    assert np.mean([rho("depth-only") for _ in range(50)]) > 0.3


def test_summaries_have_the_law_of_cells():
    rng = np.random.default_rng(4)
    mean, se = summaries(np.full(40_000, 2.0), 5, rng, effects=1.0)
    assert mean.mean() == pytest.approx(1, abs=0.02)
    assert mean.std() == pytest.approx(2 / np.sqrt(5), rel=0.02)
    assert (se**2).mean() == pytest.approx(4 / 5, rel=0.03)


def test_unknown_names_are_refused():
    rng = np.random.default_rng(5)
    for make in (lambda: game("none", 5, rng), lambda: circuit_effects("none", rng)):
        with pytest.raises(ParameterError, match="'none'"):
            make()
    with pytest.raises(ParameterError, match="at least 4"):
        game("additive", 3, rng)
    with pytest.raises(ParameterError, match="opposite-sign"):
        tissue_profiles("none", rng)
