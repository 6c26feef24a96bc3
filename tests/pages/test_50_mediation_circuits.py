"""Functions of page 50 against second routes, and on runs whose truth is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.datasets.simulate.circuits import summaries
from helpers.estimates import NotEstimable
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
