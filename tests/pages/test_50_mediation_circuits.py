"""Functions of page 50 against second routes, and on runs whose truth is known."""

from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hand_set_models import GENES, HEAD, MLP, hand_set, some_cells, some_network
from scipy import stats

from helpers.datasets.simulate.circuits import summaries
from helpers.estimates import Estimate, NotEstimable
from helpers.interventions import Component, heads, mlps, restore, traced
from bookkit.page_functions import definitions
from helpers.statistics.from_summaries import chance_corrected_share
from helpers.statistics.shared_sets import independent_null


@pytest.fixture(scope="module")
def page():
    space = definitions("50_mediation_circuits", draws=4000)
    space["alpha"] = 0.05
    return space


def archive(effects, n=9, sd=1.0, seed=0):
    """Two pairs in three tissues, two blocks per layer, the last layer zero by construction."""
    rng, parts = np.random.default_rng(seed), []
    for pair in ("A->B", "C->D"):
        for tissue in ("kidney", "lung", "immune"):
            mean, se = summaries(np.full(effects.size, sd), n, rng, effects)
            mean[-2:], se[-2:] = 0.0, 0.0
            table = pd.DataFrame({"mean": mean, "se": se, "sd": se * np.sqrt(n), "n": n})
            table["layer"], table["block"] = (
                np.repeat(np.arange(effects.size // 2), 2),
                [0, 1] * (effects.size // 2),
            )
            table["m2"] = table["sd"] ** 2 * (n - 1)
            parts.append(table.assign(pair=pair, tissue=tissue, granularity="blocks"))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("k", "n"), [(3, 22), (5, 12), (10, 11)])
def test_expected_index_is_exact_and_above_the_plug_in(page, k, n):
    assert page["expected_jaccard"](k, n) == pytest.approx(independent_null(k, n, 6).mean)
    assert page["plug_in"](k, n) < page["expected_jaccard"](k, n)


def test_corrected_share_is_that_of_the_package(page):
    x = np.random.default_rng(1).normal(size=22)
    assert page["corrected_share"](x) == pytest.approx(float(chance_corrected_share(x, 5)))


def test_structural_zeros_are_left_out_and_bands_are_layers(page):
    table = archive(np.zeros(24))
    values, bands = page["effects_of"](table, "blocks")
    assert values.shape == (2, 3, 22) and bands.max() == 10
    assert page["effects_of"](table, "blocks", structural=True)[0].shape == (2, 3, 24)
    assert values[0, 0, 0] == table.loc[0, "mean"]


def test_total_effect_test_is_a_t_test_of_the_cells(page):
    x = np.random.default_rng(2).normal(0.5, 1, size=7)
    row = SimpleNamespace(mean=x.mean(), se=x.std(ddof=1) / np.sqrt(7), n=7)
    found, oracle = page["total_effect_test"](row), stats.ttest_1samp(x, 0)
    assert found.p == pytest.approx(oracle.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(oracle.confidence_interval()))
    row.n = 2
    assert isinstance(page["total_effect_test"](row), NotEstimable)


def test_noise_alone_is_no_concentration_and_one_mediator_is(page):
    rng = np.random.default_rng(3)
    for effects, low, high in ((np.zeros(24), 0.02, 1.0), (np.r_[60.0, np.zeros(23)], 0, 0.002)):
        table = archive(effects)
        part = table[(table["m2"] > 0) & (table["pair"] == "A->B") & (table["tissue"] == "lung")]
        found = page["concentration"](part, rng)
        assert low <= found["p_noise"] <= high
        assert found["noise_share"] == pytest.approx(found["noise_share_exact"], abs=0.01)


def test_counts_fall_as_defects_are_removed_and_noise_counts_too(page):
    table = archive(np.zeros(24), n=3, seed=4)
    part = table[(table["m2"] > 0) & (table["tissue"] == "lung")]
    found = page["component_counts"](part, np.random.default_rng(5))
    assert found["published_of_top10"] >= found["t_of_top10"]
    assert found["bh_of_all"] == 0 < found["simes"]
    assert found["tested"] == 44
    assert found["by_noise"] == pytest.approx(found["by_noise_drawn"], rel=0.05)
    real = archive(np.r_[np.full(4, 50.0), np.zeros(20)], seed=6)
    part = real[(real["m2"] > 0) & (real["tissue"] == "lung")]
    assert page["component_counts"](part, np.random.default_rng(7))["bh_of_all"] >= 8


def test_the_largest_t_is_adjusted_as_by_all_patterns_of_signs(page):
    r = np.random.default_rng(8).normal(0.4, 1, (5, 8))
    t, found = page["family"](r, np.random.default_rng(0), flips=9999)
    assert t == pytest.approx(stats.ttest_1samp(r, 0, axis=1).statistic)
    turned = [
        np.abs(stats.ttest_1samp(r * signs, 0, axis=1).statistic).max()
        for signs in product((-1, 1), repeat=8)
    ]
    share = (np.array(turned)[:, None] >= np.abs(t) - 1e-9).mean(axis=0)
    assert found.adjusted == pytest.approx(share, abs=0.02)


def verdicts(page, share, n, seed):
    rng = np.random.default_rng(seed)
    made = [page["verdicts"](*page["table_world"](share, rng), rng) for _ in range(n)]
    return {rule: pd.DataFrame([one[rule] for one in made]) for rule in ("published", "corrected")}


def test_without_mediation_the_corrected_rule_claims_at_its_level_and_the_published_does_not(page):
    found = verdicts(page, 0.0, 400, 9)
    assert found["corrected"][2].mean() <= stats.binom.ppf(0.999, 400, 0.05) / 400
    assert found["published"][2].mean() > 0.2
    assert abs(found["corrected"][1].mean()) < 0.03
    assert found["published"][1].abs().median() > 2 * found["corrected"][1].abs().median()


def test_a_planted_mediator_comes_first_in_95_of_100_tables(page):
    found = verdicts(page, 0.4, 100, 10)
    assert (found["corrected"][0] == 0).mean() >= 0.95 > (found["published"][0] == 0).mean()
    assert found["corrected"][1].mean() == pytest.approx(0.4, abs=0.03)
    assert found["corrected"][2].mean() > 0.7


def test_the_only_head_that_writes_comes_first_in_40_networks(page):
    control = page["load_model"]("control-scgpt")
    tokens = control.tokenise(page["draw_cells"]("control", 20, 0))
    edges = page["references_for"]("control", [])["network"]
    rng, right = np.random.default_rng(11), []
    for r, effect, path in page["network_tables"](control, tokens, edges, 40, rng):
        right.append(page["verdicts"](r, effect, rng)["corrected"][0] == path)
        others = np.delete(r[: len(heads(control))], path, axis=0)
        assert np.abs(others).max() < 1e-6, "heads that write nothing restore nothing"
    assert np.mean(right) >= 0.95
    blocked = page["planted_network"](control, None, 0)
    two = traced(blocked, tokens, edges["source"][0], edges["target"][0], 16)
    table, total = restore(blocked, *two, [*heads(blocked), *mlps(blocked)])
    assert not total.any()
    none, adjusted = page["any_test"](table.to_numpy(), rng)
    assert isinstance(none, NotEstimable) and (adjusted == 1).all()


def judged(page, family):
    """One edge of a network set by hand, in cells of four donors, cell types not known."""
    network, cells = some_network(4), some_cells(4, 80)
    model = hand_set(family, network, GENES)
    space = page["judged_pair"].__globals__
    space.update(screen_cells=6, trace_cells=40)
    obs = pd.DataFrame({"donor": np.repeat(["a", "b", "c", "d"], 20)}, index=cells.obs_names)
    edge = network.iloc[0]
    return model, *page["judged_pair"](model, model.tokenise(cells), obs, edge)


def test_a_circuit_set_by_hand_is_found_and_nothing_else(page):
    model, tests, row, shares = judged(page, "scgpt")
    parts = [*heads(model), *mlps(model)]
    circuit = {Component("head", *HEAD), Component("mlp", MLP)}
    assert {c for c, share in zip(parts, shares, strict=True) if abs(share) > 1e-3} == circuit
    assert row["first"] in set(map(str, circuit)) and row["found"] == 2
    for number in ("50.21", "50.22", "50.24"):
        assert tests[number].p < 0.05
    assert tests["50.21"].estimate > 0
    assert "no column cell_type" in tests["50.23"].reason
    assert isinstance(tests["50.25"], Estimate)
    assert tests["50.25"].value == pytest.approx(1, abs=1e-3)


def test_a_target_that_is_hidden_from_its_own_head_has_no_effect_to_mediate(page):
    """Geneformer's mask takes the place of the token, so the head set by hand knows no target."""
    _, tests, row, shares = judged(page, "geneformer")
    assert {one.reason for one in tests.values()} == {"the knock-out changes nothing that is read"}
    assert row["found"] == 0 and not shares.any()


def test_noise_alone_has_the_share_and_the_hits_that_the_laws_say(page):
    rng, seen = np.random.default_rng(13), []
    for _ in range(60):
        r = rng.normal(size=(20, 12))
        hits = page["published_shares"](r, np.ones(12))[1].sum()
        seen.append((hits, page["noise_of"](r) if not seen else None, r))
    law = seen[0][1]
    shares = [np.sort(np.abs(r.mean(1)))[-5:].sum() / np.abs(r.mean(1)).sum() for *_, r in seen]
    assert law["share by noise"] == pytest.approx(np.mean(shares), abs=0.03)
    assert law["hits by noise"] == pytest.approx(np.mean([one[0] for one in seen]), abs=0.5)
    assert page["noise_of"](np.zeros((20, 12))) == {}


def test_too_few_cells_are_no_test_and_contexts_are_kept_whole(page):
    few = np.random.default_rng(12).normal(size=(4, 5))
    assert page["any_test"](few, np.random.default_rng(0))[0].reason.startswith("5 cells")
    assert isinstance(page["replay_test"](np.ones(2), 1.0), NotEstimable)
    obs = pd.DataFrame({"donor": ["a"] * 5})
    assert page["replays"](few, np.ones(5), obs, "donor")[0] is None
    labels = np.array(list("aaaabbbccd"))
    half = page["apart"](labels)
    assert not set(labels[half]) & set(labels[~half]) and half.sum() == 6
    assert page["replay_test"](-np.arange(1.0, 7), -1.0).estimate == pytest.approx(3.5)
    edges = pd.DataFrame({"source": ["X"], "target": ["Y"]})
    tokens = SimpleNamespace(gene_names=["A", "B"], genes=[np.arange(2)] * 3)
    assert page["candidates"](edges, tokens, 5).empty
    assert page["strongest_pairs"](None, tokens, edges).empty


def noisy_circuit(seed, size=0.05):
    """A network set by hand, all other heads and MLPs writing noise; tokens, and one edge of it."""
    network, cells = some_network(seed), some_cells(seed, 40)
    model, generator = hand_set("scgpt", network, GENES), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in model.layers():
            value = part.attention.in_proj_weight[2 * model.width :]
            for weight in (value, part.projection.weight, part.mlp_in.weight, part.mlp_out.weight):
                weight += size * torch.randn(weight.shape, generator=generator)
    return model, model.tokenise(cells), network.iloc[0]


def test_the_circuit_comes_first_in_95_of_100_seeds(page):
    circuit, right, claimed = {Component("head", *HEAD), Component("mlp", MLP)}, 0, 0
    for seed in range(100):
        model, tokens, edge = noisy_circuit(seed)
        two = traced(model, tokens, edge["source"], edge["target"], 16)
        table, total = restore(model, *two, parts := [*heads(model), *mlps(model)])
        best, _, claims = page["verdicts"](
            table.to_numpy(), total.to_numpy(), np.random.default_rng(seed)
        )["corrected"]
        right, claimed = right + (parts[best] in circuit), claimed + claims
    assert right >= 95 and claimed >= 95


def test_without_mediation_any_component_is_claimed_at_the_level(page):
    """Both runs hold random values at the TF: to exchange them turns the sign of there and back."""
    claimed = []
    for seed in range(100):
        model, tokens, edge = noisy_circuit(seed)
        clean, changed, read = traced(model, tokens, edge["source"], edge["target"], 16)
        at = clean.values != changed.values
        generator, runs = torch.Generator().manual_seed(seed), []
        for batch in (clean, changed):
            drawn = torch.randint(1, 51, at.shape, generator=generator).to(batch.values.dtype)
            runs.append(replace(batch, values=torch.where(at, drawn, clean.values)))
        there, back = (
            restore(model, *order, read, [*heads(model), *mlps(model)])[0].to_numpy()
            for order in (runs, runs[::-1])
        )
        adjusted = page["any_test"](there - back, np.random.default_rng(seed))[1]
        claimed.append((adjusted <= 0.05).any())
    low, high = stats.binom.ppf([0.005, 0.995], 100, 0.05)
    assert low <= sum(claimed) <= high, sum(claimed)


def test_agreement_of_ranks_is_a_distribution_over_pairs(page):
    rng, guesses = np.random.default_rng(0), page["GUESSES"]
    exact = rng.exponential(size=40)
    table = pd.DataFrame({guess: exact for guess in guesses} | {"exact": exact})
    table["patched"] = np.repeat(["output", "key"], 20)
    table.loc[20:, "AtP"] = -exact[20:]
    found = page["agreements"](table).set_index("patched")
    assert found.loc["output", "AtP"] == 1 and found.loc["key", "AtP"] == -1
    assert (found["nodes"] == 20).all()
    flat = table.assign(exact=0.0)
    assert page["agreements"](flat).empty
    rho = pd.Series([0.6, 0.7, 0.8, 0.9])
    one, wanted = page["over_pairs"](rho), stats.ttest_1samp(rho, 0).confidence_interval()
    assert (one.low, one.high) == pytest.approx((wanted.low, wanted.high))
    assert one.unit == "TF" and one.n_units == 4
    assert page["over_pairs"](pd.Series([1.0, 1.0, 0.9])).high == 1.0
    assert isinstance(page["over_pairs"](rho[:2]), NotEstimable)


def test_a_circuit_of_a_few_weights_is_recovered_to_the_last_digit(page):
    control = page["load_model"]("control-scgpt")
    tokens = control.tokenise(page["draw_cells"]("control", 20, 0))
    names = list(tokens.gene_names)
    silent = page["silent"](control)
    assert not any(bool(one.any()) for one in silent.module.parameters())
    table, total, twice = page["restored_by_parts"](control, tokens, names[3], names[-4])
    np.testing.assert_array_equal(total, twice)
    circuit = [str(c) in ("L0H2", "L1 MLP") for c in table.index]
    np.testing.assert_array_equal(table, np.outer(circuit, total))
    assert sum(circuit) == 2 and len(np.unique(total)) > 1
