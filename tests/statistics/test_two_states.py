"""Edges that differ between two states: brute force, planted, null and hostile worlds."""

import numpy as np
import pandas as pd
import pytest

from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.two_states import compare_states
from helpers.statistics.two_states import differential, stability, standardised

N_EDGES = 30


def cells(seed, n=400, planted=0, strength=0.8, shift=0.0, donors=4):
    """Products of standardised genes; the first `planted` edges act in the second state only."""
    rng = np.random.default_rng(seed)
    donor = np.arange(n) % donors
    second = rng.random(n) < np.array([0.3, 0.5, 0.7, 0.4])[donor]
    x, y = rng.normal(size=(2, n, N_EDGES)) + rng.normal(size=(donors, N_EDGES))[donor]
    y[:, :planted] += strength * x[:, :planted] * second[:, None]
    x, y = x + shift * second[:, None], y + shift * second[:, None]
    group = np.char.add(donor.astype(str), np.where(second, "b", "a"))
    return standardised(x, group) * standardised(y, group), second, donor


def test_every_permutation_by_brute_force():
    """All ways to place the states within two groups of four: exact p of the largest |z|."""
    from itertools import combinations

    rng = np.random.default_rng(0)
    products = rng.normal(size=(8, 3))
    group = np.repeat([0, 1], 4)
    second = np.array([1, 1, 0, 0, 1, 1, 0, 0], bool)
    every = []
    for one in combinations(range(4), 2):
        for other in combinations(range(4, 8), 2):
            states = np.isin(np.arange(8), [*one, *other])
            every.append(products[states].mean(axis=0) - products[~states].mean(axis=0))
    every = np.array(every)
    spread = every.std(axis=0)
    z = (products[second].mean(axis=0) - products[~second].mean(axis=0)) / spread
    exact = (abs(every / spread).max(axis=1)[:, None] >= abs(z) - 1e-9).mean(axis=0)
    found = differential(products, second, group, np.random.default_rng(1), 20_000)
    np.testing.assert_allclose(found.z, z, atol=0.05)
    np.testing.assert_allclose(found.adjusted_p, exact, atol=0.02)
    np.testing.assert_allclose(found.second, products[second].mean(axis=0))
    assert found.any_edge.p == pytest.approx(exact.min(), abs=0.02)


def test_planted_edges_are_found_and_no_others():
    found = differential(*cells(1, 800, planted=3), np.random.default_rng(0), 499)
    assert list(np.flatnonzero(found.adjusted_p <= 0.05)) == [0, 1, 2]
    assert (found.z[:3] > 0).all() and found.any_edge.p == pytest.approx(1 / 500)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_without_differences_one_call_in_twenty_sets(shift):
    """Also where every gene's mean changes with the state: a shift is no edge."""
    called = [
        differential(*cells(seed, 200, shift=shift), np.random.default_rng(seed), 99).any_edge.p
        <= 0.05
        for seed in range(150)
    ]
    assert np.mean(called) <= 0.11  # 150 draws of 0.05: 3.3 SD above
    assert np.mean(called) > 0


def test_an_edge_that_differs_by_the_smallest_effect_is_found_with_power_80_percent():
    found = 0
    for seed in range(60):
        products, second, donor = cells(seed)
        about = differential(products, second, donor, np.random.default_rng(seed), 199)
        detail = about.any_edge.detail
        assert detail["mde"] > 2.5
        products[second, 0] += detail["mde_difference"]
        again = differential(products, second, donor, np.random.default_rng(seed), 199)
        found += again.adjusted_p[0] <= 0.05
    assert 0.66 <= found / 60 <= 0.93, found


def test_donors_that_differ_are_no_states():
    """States that follow donors: permuting across donors would call the donors' own edges."""
    rng = np.random.default_rng(3)
    donor = np.repeat([0, 1], 300)
    second = rng.random(600) < np.where(donor == 1, 0.8, 0.2)
    x, y = rng.normal(size=(2, 600, N_EDGES))
    y += 0.9 * x * (donor == 1)[:, None]  # the second donor's edges, in both states
    products = standardised(x, donor) * standardised(y, donor)
    within = differential(products, second, donor, np.random.default_rng(0), 299)
    across = differential(products, second, np.zeros(600), np.random.default_rng(0), 299)
    assert within.any_edge.p > 0.05 >= across.any_edge.p


def test_one_state_per_donor_is_not_estimable():
    products, _, donor = cells(0)
    found = differential(products, donor % 2 == 1, donor, np.random.default_rng(0))
    assert isinstance(found, NotEstimable) and "both states" in found.reason
    with pytest.raises(ParameterError, match="groups"):
        differential(products, donor[:5] > 1, donor, np.random.default_rng(0))


def test_the_order_of_cells_does_not_matter_for_scores():
    products, second, donor = cells(4)
    order = np.random.default_rng(1).permutation(len(donor))
    one = differential(products, second, donor, np.random.default_rng(0), 199)
    other = differential(
        products[order], second[order], donor[order], np.random.default_rng(0), 199
    )
    np.testing.assert_allclose(one.first, other.first)
    np.testing.assert_allclose(one.second, other.second)


def test_stability_is_the_overlap_counted_by_hand():
    products = cells(5, 60)[0]
    table = stability(products, 5, np.random.default_rng(0), (0.5,), 20)
    rng, kept = np.random.default_rng(0), []
    whole = set(np.argsort(-abs(products.mean(axis=0)), kind="stable")[:5])
    for _ in range(20):
        rest = np.delete(products, rng.choice(60, 30, replace=False), axis=0)
        kept.append(len(whole & set(np.argsort(-abs(rest.mean(axis=0)), kind="stable")[:5])) / 5)
    assert table["overlap"].iloc[0] == pytest.approx(np.mean(kept))
    assert table["chance"].iloc[0] == pytest.approx(5 / N_EDGES)


def test_strong_edges_stay_and_noise_does_not():
    rng = np.random.default_rng(6)
    strong = rng.normal(size=(500, 100)) + np.r_[np.ones(10), np.zeros(90)]
    noise = rng.normal(size=(500, 100))
    assert stability(strong, 10, rng)["overlap"].min() > 0.95
    found = stability(noise, 10, rng)
    assert found["overlap"].is_monotonic_decreasing and found["overlap"].iloc[-1] < 0.75
    with pytest.raises(ParameterError, match="there are 100 edges"):
        stability(noise, 101, rng)


def test_cells_of_a_world_are_compared_within_donors():
    from helpers.datasets.simulate import world

    made = world("no-donor-effect", 0, n_cells=2400)
    adata = made.adata
    adata.obs["treated"] = np.where(np.random.default_rng(0).random(2400) < 0.5, "yes", "no")
    edges = made.network.drop_duplicates(["source", "target"])
    found = compare_states(adata, edges, "treated", "no", "yes", np.random.default_rng(0), 99)
    assert found.states.any_edge.p > 0.01
    assert list(found.edges.columns) == ["source", "target", "first", "second", "z", "p"]
    assert found.edges["p"].is_monotonic_increasing
    assert isinstance(found.stability, pd.DataFrame)
    kinds = list(adata.obs["cell_type"].astype(str).value_counts().index[:2])
    rng = np.random.default_rng(0)
    assert compare_states(adata, edges, "cell_type", *kinds, rng, 99).states.cells[0] > 50
    lone = adata[adata.obs["treated"] == "yes"].copy()
    with pytest.raises(DataError, match="no value 'no'"):
        compare_states(lone, edges, "treated", "no", "yes", np.random.default_rng(0))
    with pytest.raises(DataError, match="no column 'dose'"):
        compare_states(adata, edges, "dose", "no", "yes", np.random.default_rng(0))
    adata.obs["treated"] = np.where(adata.obs["donor"] == adata.obs["donor"].iloc[0], "yes", "no")
    apart = compare_states(adata, edges, "treated", "no", "yes", np.random.default_rng(0), 99)
    assert isinstance(apart, NotEstimable)


def test_the_command_says_what_differs_and_writes_every_edge(tmp_path):
    from typer.testing import CliRunner

    from helpers.cli import app

    words = ["compare", "baron-human", "--by", "cell_type", "--first", "beta"]
    table = tmp_path / "edges.csv"
    more = ["--second", "alpha", "--permutations", "99", "-o", str(table)]
    done = CliRunner().invoke(app, [*words, *more])
    assert done.exit_code == 0, done.output
    assert "4 groups of a donor" in done.output and "when cells are removed" in done.output
    assert f"of {len(pd.read_csv(table))} edges differ" in done.output
    done = CliRunner().invoke(app, [*words, "--second", "none"])
    assert done.exit_code == 1 and "cell_type has no value 'none'; it has acinar" in done.output
