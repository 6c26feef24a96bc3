"""Worlds of hubs in which nothing is true, and the counting of rejections over them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.registry import error_rates
from helpers.registry.null_worlds import (
    numbered,
    pareto_world,
    planted,
    relabelled,
    shift_for,
)
from helpers.statistics.auroc import auroc_many
from helpers.statistics.results import Outcome


@pytest.fixture(scope="module")
def world():
    return pareto_world(np.random.default_rng(0), n_tfs=30, n_genes=100, n_positive=200)


def degrees(pairs, side) -> list[int]:
    return sorted(pd.Series(getattr(pairs, side)[pairs.label]).value_counts().tolist())


def test_relabelling_keeps_degrees_and_scores(world):
    moved = relabelled(world, np.random.default_rng(1))
    assert degrees(moved.pairs, "source") == degrees(world.pairs, "source")
    assert degrees(moved.pairs, "target") == degrees(world.pairs, "target")
    assert (moved.pairs.label != world.pairs.label).any()
    assert moved.scores is world.scores
    few = relabelled(world, np.random.default_rng(1), n_tfs=10)
    assert few.pairs.n_tfs == few.pairs.n_tfs_with_positive == 10
    assert (few.pairs.regulators == world.pairs.regulators).all()
    with pytest.raises(ParameterError, match="have a positive"):
        relabelled(world, np.random.default_rng(1), n_tfs=40)


def test_degrees_have_heavy_tails_and_shared_hubs_are_shared():
    rng = np.random.default_rng(2)
    apart, shared = pareto_world(rng), pareto_world(rng, shared=0.7)
    for one in (apart, shared):
        counts = pd.Series(one.pairs.target[one.pairs.label]).value_counts()
        assert counts.iloc[:10].sum() > 0.15 * one.pairs.n_positive
        assert abs(one.pairs.n_positive - 400) < 80
    value = [auroc_many(w.score("attention"), w.pairs.label)[0] for w in (apart, shared)]
    assert abs(value[0] - 0.5) < 0.12 and value[1] > 0.6


def test_a_planted_shift_gives_the_mean_auroc_asked_for(world):
    shift = shift_for(world, 0.6, np.random.default_rng(3), 60)
    rng = np.random.default_rng(4)
    moved = [planted(relabelled(world, rng), shift) for _ in range(60)]
    values = [auroc_many(m.score("attention"), m.pairs.label)[0] for m in moved]
    assert np.mean(values) == pytest.approx(0.6, abs=0.02)
    with pytest.raises(ParameterError, match="without a shift"):
        shift_for(world, 0.2, rng)


def test_numbers_for_names_change_nothing(world):
    again = numbered(world)
    names = world.features.index
    assert (names[again.pairs.source] == world.pairs.source).all()
    assert (names[again.pairs.target] == world.pairs.target).all()
    assert (names[again.pairs.regulators] == world.pairs.regulators).all()
    assert again.features.to_numpy() == pytest.approx(world.features.to_numpy())


def outcome(estimate, p, se=1.0, df=10.0):
    detail = {"se": se, "df": df}
    return Outcome(estimate, p, "two", "t", "zero", "TF x target", 11, detail=detail)


def test_rates_count_what_was_drawn():
    def make(seed):
        t = float(stats.t.rvs(10, random_state=seed)) + 5.0
        p = 2 * stats.t.sf(abs(t), 10)
        return {"a": outcome(t, p), "b": NotEstimable("none") if seed % 2 else outcome(0, 0.5)}

    table = error_rates.draws_of(make, 400, 10)
    assert table["draw"].tolist()[:3] == [10, 10, 11] and len(table) == 800
    found = error_rates.rejection_rates(table)
    assert found.loc["a", "share"] > 0.9 and found.loc["b", "draws"] == 200
    assert found.loc["b", "rejected"] == 0
    about = error_rates.rejection_rates(error_rates.about_their_means(table, ("a",)))
    assert about.loc["a", "share"] < 0.09  # the difference of five is there; its error holds
    assert error_rates.coverage(table)["a"] == pytest.approx(1 - about.loc["a", "share"])
    margin = error_rates.equivalence_at_margin(table, "a", 3.0)
    assert margin["share"] <= stats.binom.ppf(0.999, 400, 0.05) / 400


def test_a_book_is_called_when_its_smallest_corrected_p_is():
    table = pd.DataFrame({"draw": [0, 0, 1, 1], "test": list("abab"), "p": [0.02, 0.9, 0.04, 0.9]})
    assert error_rates.books_with_a_call(table, "bh")["rejected"] == 1  # 2 x 0.02; 2 x 0.04
    assert error_rates.books_with_a_call(table, "by")["rejected"] == 0  # times 1.5
