"""Page 30: its functions, on generators whose conclusion is put in, and on some where it is not."""

import numpy as np
import pandas as pd
import pytest

from bookkit.page_functions import definitions
from helpers.datasets.simulate import printed as generator
from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics import set_functions as sets

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page():
    return definitions("30_synthetic_validation", orders=60, components=6, draws=300)


def test_each_law_has_the_slope_that_was_put_in(page):
    laws = pd.DataFrame([row for one in range(6) for row in page["recoveries"](one)])
    slopes = {law: page["slope_test"](part, "cells") for law, part in laws.groupby("law")}
    assert slopes["printed"].high < 0 < slopes["averaged"].low
    assert slopes["averaged"].unit == "seed" and slopes["averaged"].n_units == 6
    final = laws[laws["cells"] == 2000].groupby("law")["recovery"].mean()
    ceiling = np.mean([page["ceiling"](one) for one in range(6)])
    assert final["averaged, mixed"] < ceiling + 0.02 < final["averaged"]


def test_states_lower_recovery_only_if_their_networks_differ(page):
    pools = pd.DataFrame([row for one in range(6) for row in page["by_states"](one)])
    found = {what: page["slope_test"](part, "states") for what, part in pools.groupby("what")}
    assert found["own networks"].high < 0
    assert found["one network"].low < 0.002 and found["one network"].high > -0.002


def test_pooled_maps_are_those_of_single_cells(page):
    rng = np.random.default_rng(0)
    network = generator.tiered_network(rng, 12)
    held = np.full(12, 0.6)
    maps = [page["map_of"]([network], 200, rng, held) for _ in range(200)]
    averaged = np.mean([one[1] for one in maps], axis=0)
    off = ~np.eye(12, dtype=bool)
    np.testing.assert_allclose(averaged[off], 1 + np.tanh(network)[off], atol=0.06)
    summed = np.mean([one[0] for one in maps], axis=0)
    expected = 200 * 0.36 * (1 + np.tanh(network))
    np.testing.assert_allclose(summed[off], expected[off], rtol=0.1, atol=3)


def test_a_permuted_network_is_not_recovered(page):
    rng, found = np.random.default_rng(1), []
    for _ in range(30):
        network = generator.tiered_network(rng, 30)
        made = page["map_of"]([network], 500, rng, np.full(30, 0.6))[1]
        order = rng.permutation(30)
        found.append(generator.recovery(made, network[np.ix_(order, order)]))
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(30) + 0.02


def test_additive_games_have_one_effect_and_others_do_not(page):
    rng = np.random.default_rng(2)
    plain = page["mixed_game"](0.0, rng)
    np.testing.assert_allclose(sets.first_in(plain), sets.shapley(plain), atol=1e-12)
    np.testing.assert_allclose(sets.last_in(plain), sets.shapley(plain), atol=1e-12)
    table = pd.DataFrame([page["estimates_of"](0.6, rng) for _ in range(60)])
    assert page["error_test"](table).p < 0.001
    assert table["sampled"].mean() > 0.95 > table["first"].mean()
    assert 0.9 < table["covered"].mean() < 0.99


def test_the_share_of_the_variance_is_the_one_asked_for(page):
    rng, order = np.random.default_rng(3), sets.sizes(6)
    mu = np.array([sets.moebius(page["mixed_game"](0.4, rng)) for _ in range(2000)])
    variance = [(mu[:, order == k] ** 2).sum(axis=1).mean() for k in (1, 2, 3)]
    np.testing.assert_allclose(variance, [0.6, 0.2, 0.2], atol=0.02)


def test_zero_mean_effects_are_found_as_often_as_by_chance(page):
    power = page["powers_of"](np.random.default_rng(4), 0.05)
    assert power["zero mean"].mean() == pytest.approx(0.05, abs=0.01)
    assert (power["fixed"] - power["predicted"]).abs().mean() < 0.03


def test_values_that_do_not_vary_have_no_test(page):
    assert isinstance(page["mean_test"](np.ones(5), "seed"), NotEstimable)


def test_one_seed_has_no_interval(page):
    table = pd.DataFrame({"seed": 0, "cells": [200, 500], "recovery": [0.5, 0.6]})
    assert "1 values, one a seed" in page["slope_test"](table, "cells").reason


def test_a_network_without_edges_is_not_recovered_and_an_unstable_one_has_no_state():
    rng = np.random.default_rng(5)
    network = generator.tiered_network(rng, 20)
    for scores, weight in ((network, 0 * network), (np.ones((20, 20)), network)):
        assert isinstance(generator.recovery(scores, weight), NotEstimable)
    assert np.abs(np.linalg.eigvals(network)).max() < 1
    for loop in (np.eye(4), np.array([[0.0, 2.0], [1.0, 0.0]])):
        with pytest.raises(ParameterError, match="spectral radius"):
            generator.steady_cells(loop, 5, rng)


def test_a_gene_that_no_cell_shows_is_left_out_of_correlations():
    rng = np.random.default_rng(6)
    network = generator.tiered_network(rng, 20)
    cells = generator.steady_cells(network, 300, rng)
    whole = generator.single_and_partial(cells[:, :19], network[:19, :19])
    cells[:, 19] = 0.0
    assert generator.single_and_partial(cells, network) == pytest.approx(whole)
