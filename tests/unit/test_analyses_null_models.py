"""The page on null models: what its tests find, and what they refuse."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from helpers.analyses import null_models as nm
from helpers.analyses import null_models_records as records
from helpers.datasets.simulate import world
from helpers.errors import DataError
from helpers.estimates import NotEstimable
from helpers.evaluation import nulls
from helpers.plotting import null_models as plots

SIZES = {"n_perm": 99, "n_boot": 200, "n_rewire": 60}
CONFIRMATORY = set(nm.TESTS)


@pytest.fixture(scope="module")
def prominence():
    drawn = world("prominence-only", 1)
    return drawn, nm.scored("p", drawn.attention, drawn.adata, drawn.reference, min_count=1)


@pytest.fixture(scope="module")
def signal():
    drawn = world("pair-signal", 1)
    return nm.scored("s", drawn.attention, drawn.adata, drawn.reference, min_count=1)


def test_sums_inflate_and_means_do_not(prominence):
    drawn, _ = prominence
    table = nm.sum_against_mean(drawn.attention, drawn.adata, drawn.reference, 0)
    value = table.set_index(["score", "negatives"])["auroc"]
    assert value["summed"].min() > 0.65
    n = table["positives"].iloc[0]
    # SE of a null AUROC with n positives is about sqrt(1 / 12 n); three of them
    assert np.abs(value["averaged"] - 0.5).max() < 3 * np.sqrt(1 / (12 * n))


def test_scored_pairs_equal_a_loop_over_the_arrays(prominence):
    drawn, case = prominence
    total = drawn.attention["sum"].mean(("layer", "head"))
    for k in (0, case.evaluation.n_pairs // 2, case.evaluation.n_pairs - 1):
        source, target = case.evaluation.source[k], case.evaluation.target[k]
        # row = source = query, column = target = key
        summed = float(total.sel(source=source, target=target))
        count = int(drawn.attention["count"].sel(source=source, target=target))
        assert case.scores["attention sum"][k] == pytest.approx(summed, rel=1e-12)
        assert case.scores["attention"][k] == pytest.approx(summed / count, rel=1e-12)
        f = case.features
        product = f.loc[source, "mean"] * f.loc[target, "mean"]
        assert case.scores["mean product"][k] == pytest.approx(product, rel=1e-12)


def test_prominence_world_has_strong_products_and_no_attention_signal(prominence):
    _, case = prominence
    level = nm.levels(case, np.random.default_rng(0), 200)["auroc"]
    assert level[list(nm.PRODUCTS[:2])].min() > 0.65
    assert abs(level["attention"] - 0.5) < 0.06
    found = nm.battery(case, np.random.default_rng(0), **SIZES)
    assert set(found) == CONFIRMATORY
    for number in ("12.1", "12.5", "12.6"):
        assert found[number].p > 0.01
    assert found["12.10"].estimate > 0.1
    assert found["12.10"].p <= 0.05


def test_pair_signal_passes_every_control(signal):
    found = nm.battery(signal, np.random.default_rng(0), **SIZES)
    for number in ("12.1", "12.5", "12.6", "12.8"):
        assert found[number].p <= 0.05, number
    table = nm.null_table(signal, np.random.default_rng(0), 99, 60)
    row = table[(table["score"] == "attention") & (table["null"] == "same degrees")].iloc[0]
    assert row["unchanged"] == 0 and row["distance"] > 0.5
    assert 0.5 + (row["null_mean"] - 0.5) + row["beyond"] == pytest.approx(row["auroc"])
    text = records.verdict("x", found, table)
    assert "neither degree nor expression explains" in text
    best = nm.best_head(signal, np.random.default_rng(0), 99)
    assert best[0].best_p <= 0.05 and best[2] > 0.6


def test_one_tf_is_flagged():
    drawn = world("one-TF", 0)
    case = nm.scored("one", drawn.attention, drawn.adata, drawn.reference, min_count=1)
    found = nm.one_tf(case)
    assert found.share_of_excess > 0.5
    assert "one TF carries the result" in records.influence_sentence(found)


def test_target_only_score_is_constant_under_the_degree_null(prominence):
    _, case = prominence
    values = case.scores["mean target"].to_numpy()
    outcome = nulls.rewire(case.evaluation, values, np.random.default_rng(0), 30)
    assert np.ptp(outcome.draws) < 1e-12
    assert outcome.draws[0] == pytest.approx(outcome.estimate, abs=1e-12)


def _few_tfs(case: nm.Scored, n_tfs: int) -> nm.Scored:
    names = np.unique(case.evaluation.source[case.evaluation.label])[:n_tfs]
    keep = np.isin(case.evaluation.source, names)
    return dataclasses.replace(
        case,
        evaluation=case.evaluation.subset(keep, "few"),
        scores=case.scores[keep].reset_index(drop=True),
        layers=case.layers[:, keep],
        heads=case.heads[:, keep],
    )


@pytest.mark.parametrize("n_tfs", [1, 4])
def test_few_tfs_have_a_value_but_no_interval(signal, n_tfs):
    case = _few_tfs(signal, n_tfs)
    level = nm.levels(case, np.random.default_rng(0), 200)
    assert level["low"].isna().all() and level["auroc"].notna().all()
    found = nm.battery(case, np.random.default_rng(0), **SIZES)
    clustered = {"12.2", "12.3", "12.4", "12.7", "12.8", "12.9", "12.10"}
    for number in clustered:
        assert isinstance(found[number], NotEstimable), number
        assert "at least 5" in found[number].reason or "imbalance" in found[number].reason
    if n_tfs == 1:
        assert isinstance(found["12.5"], NotEstimable)  # a single row admits no trade
        assert isinstance(found["12.1"], NotEstimable)
        assert isinstance(found["12.6"], NotEstimable)
    rows = list(records.records("x", found, nm.one_tf(case), 0))
    assert {row.test_id.split("/")[0] for row in rows} == set(records.DECLARED)
    assert all(row.reason for row in rows if not row.estimable)


def test_constant_score_gives_one_half(signal):
    flat = dataclasses.replace(
        signal, scores=signal.scores.assign(attention=1.0), layers=np.ones_like(signal.layers)
    )
    assert nm.levels(flat, np.random.default_rng(0), 200).loc["attention", "auroc"] == 0.5
    found = nm.battery(flat, np.random.default_rng(0), **SIZES)
    assert found["12.1"].p == 1.0


def test_the_published_window_favours_prominent_genes_and_ours_does_not(prominence):
    _, case = prominence
    table = nm.windows(case, 0)
    assert table.loc["published window", "mean product"] > 0.56
    assert abs(table.loc["nearest", "mean product"] - 0.5) < 0.06
    assert (table["negatives"] > 1000).all()


def test_missing_pairs_are_left_out_not_scored_zero(prominence):
    drawn, _ = prominence
    strict = nm.scored("p", drawn.attention, drawn.adata, drawn.reference, min_count=50)
    count = [
        int(drawn.attention["count"].sel(source=s, target=t))
        for s, t in zip(strict.evaluation.source, strict.evaluation.target, strict=True)
    ]
    assert min(count) >= 50
    assert strict.notes["scored_pairs"] < strict.notes["n_pairs"]
    with pytest.raises(DataError):
        nm.scored("p", drawn.attention, drawn.adata, drawn.reference, min_count=10**6)


def test_missing_model_is_recorded_with_its_reason():
    rows = list(records.missing_records("scgpt/baron", "no such checkpoint", 0))
    assert len(rows) == 11
    assert all(not row.estimable and row.reason == "no such checkpoint" for row in rows)


def test_figures_have_alternative_texts(signal, prominence):
    drawn, _ = prominence
    level = nm.levels(signal, np.random.default_rng(0), 200)
    assert "attention 0.9" in plots.forest({"s": level})[1]
    table = nm.sum_against_mean(drawn.attention, drawn.adata, drawn.reference, 0)
    assert "summed" in plots.sum_and_mean(pd.concat([table.assign(seed=0)]))[1]
    assert "s:" in plots.influence({"s": nm.one_tf(signal)})[1]
