"""Calibration of the tests on cell strata: power with a signal, error rate without.

All tests are looked at together, so each count of rejections in 200 draws must lie in the binomial
interval of a rate of 0.05 whose level is split over them (Bonferroni); the seeds are fixed. What
the draws gave is recorded with the digest of the code.
"""

from __future__ import annotations

import calibration_kit as kit
import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bookkit.page_functions import definitions
from helpers.datasets.simulate import t2_draw
from helpers.edges import kmeans, split_gaussian
from helpers.evaluation import strata as cssi
from helpers.evaluation.selection import nested_gain
from helpers.evaluation.sets import EvaluationSet
from helpers.evaluation.stratified import VARIANTS, Stratified
from helpers.registry.error_rates import binomial_range
from helpers.statistics.multiplicity import adjust
from helpers.statistics.results import Outcome
from helpers.statistics.signed_ranks import signed_rank_test

SEEDS = 200
PAGE = definitions("11_cssi", permutations=99)
CHECKS = 6 + len(cssi.NULLS)
LOW, HIGH = (n / SEEDS for n in binomial_range(SEEDS, CHECKS))
# F1 of few edges takes few values, and twice a median is an upper bound: only liberal rates fail.
CONSERVATIVE = {"11.1-7", "11.9", "11.13", "11.15"}


def made(seed, signal=0.0, n_layers=4, n_tfs=30, n_targets=30, positives=3):
    """Make stratified scores; `signal` is added to the positives of every aggregate."""
    rng = np.random.default_rng(seed)
    source = np.repeat([f"T{i:02d}" for i in range(n_tfs)], n_targets)
    target = np.tile([f"G{i:02d}" for i in range(n_targets)], n_tfs)
    label = np.concatenate([rng.permutation(n_targets) < positives for _ in range(n_tfs)])
    base = rng.standard_normal((n_layers, label.size))

    def near():
        return base + rng.standard_normal(base.shape)

    return Stratified(
        "made",
        EvaluationSet("made", source, target, label, "made"),
        near(),
        {name: near() + signal * label for name in VARIANTS},
        (near(), near()),
        4,
    )


def error_free(seed):
    """Return p of the tests in a world without signal."""
    rng = np.random.default_rng([seed, 7])
    data = made(seed)
    f1 = pd.DataFrame({"states": np.repeat([2, 4, 6, 8], 5), "pooled": rng.random(20)})
    gains = []
    for draw in (t2_draw(3, 20, 10 * seed + k, effect=0.0) for k in range(10)):
        pooled = cssi.pooled_f1(draw.expression, draw.truth)
        gains.append(cssi.cssi_f1(draw.expression, draw.state, draw.truth) - pooled)
    apart = [without_effect(8 * seed + k) for k in range(8)]
    calls = np.array([no_calls(12 * seed + k) for k in range(12)])
    found = {
        "11.1-7": signed_rank_test(gains, "one", "seed"),
        "11.8": PAGE["decline_test"](f1["states"], f1["pooled"], rng),
        "11.9": signed_rank_test(apart, "two", "draw"),
        "11.15": PAGE["false_share_test"](calls),
    }
    found |= PAGE["layer_tests"](data, rng)  # 11.13 and 11.14
    # not estimable where no draw differs, or no call is made: then nothing is claimed
    return {n: o.p if isinstance(o, Outcome) else 1.0 for n, o in found.items()}


def without_effect(seed):
    """Return the gain of estimated strata in a draw without edges: clusters apart from scores."""
    draw, rng = t2_draw(2, 25, seed, effect=0.0), np.random.default_rng([seed, 3])
    clustered, scored = split_gaussian(draw.expression, rng)
    labels = kmeans(clustered, 2, seed=seed)
    return cssi.cssi_f1(scored, labels, draw.truth) - cssi.pooled_f1(scored, draw.truth)


def no_calls(seed):
    """Return the false share of calibrated calls where no edge exists: 1 if any is made."""
    draw = t2_draw(2, 100, seed, effect=0.0)
    false, power = cssi.calibrated_calls(draw.expression, draw.state, draw.truth)
    return float(false > 0 or power > 0)


def error_rates():
    """Return the share of seeds without signal in which a test rejects."""
    work = (joblib.delayed(error_free)(seed) for seed in range(SEEDS))
    found = pd.DataFrame(joblib.Parallel(n_jobs=min(2, joblib.cpu_count()))(work))
    return dict((found <= 0.05).mean())


def label_null_rates():
    """Return the same of the nulls that draw labels again."""
    rates = {}
    for name in cssi.NULLS:
        p = []
        for seed in range(SEEDS):
            draw = t2_draw(2, 30, seed, effect=0.0)
            rng = np.random.default_rng([seed, 7])
            about = (draw.expression, draw.state, draw.truth)
            p.append(cssi.label_nulls(*about, rng, 19, (name,))[name].p)
        rates[name] = np.mean(np.array(p) <= 0.05)
    return rates


def power_of_the_design():
    """Return the share of three sets of 60 draws in which a test of design T2 rejects."""
    sets = []
    for first in (0, 10, 20):
        scores = PAGE["t2_scores"](10, first=first, more=False)
        tests = PAGE["t2_tests"](scores, np.random.default_rng(first))
        sets.append({n: o.p <= 0.05 for n, o in tests.items()})
    return dict(pd.DataFrame(sets).mean())


def power_where_calls_are_not_calibrated():
    """Return the power of 11.15 on five sets of ten draws."""
    places = [t2_draw(6, 100, seed) for seed in range(50)]
    liberal = []
    for draw in places:  # the smallest of K p values taken for a p value
        strata = cssi.correlations(draw.expression, draw.state)
        z = np.sqrt(97) * np.arctanh(abs(strata).max("stratum").values.ravel())
        called = adjust(2 * stats.norm.sf(z)) <= 0.05
        liberal.append((called & ~draw.truth.ravel()).sum() / max(called.sum(), 1))
    repeats = np.array(liberal).reshape(5, 10)
    return {"11.15": np.mean([PAGE["false_share_test"](part).p <= 0.05 for part in repeats])}


def power_with_a_signal():
    """Return the power of nested choice in 40 worlds, and of signed ranks in 10 sets of draws."""
    rng = np.random.default_rng(0)
    # as many factors as the page has with its default genes; a block of them is a quarter of pairs
    worlds = [made(s, 0.8, n_tfs=66, positives=6) for s in range(40)]
    nested = [nested_gain(world, rng).p <= 0.05 for world in worlds]
    gains = []
    for seed in range(100):
        draw = t2_draw(6, 100, seed)
        x, truth = draw.expression, draw.truth
        gains.append(cssi.cssi_f1(x, draw.state, truth) - cssi.pooled_f1(x, truth))
    repeats = np.array(gains).reshape(10, 10)
    signed = [signed_rank_test(part, "one", "seed").p <= 0.05 for part in repeats]
    return {"nested": np.mean(nested), "signed ranks": np.mean(signed)}


def false_shares():
    """Return the lower end of the 95 % interval of the false share of calibrated calls."""
    lower = {}
    for name, private in (("private", True), ("shared", False)):
        false = []
        for seed in range(60):
            draw = t2_draw(6, 100, seed, private=private)
            false.append(cssi.calibrated_calls(draw.expression, draw.state, draw.truth)[0])
        lower[name] = np.mean(false) - 1.96 * np.std(false) / np.sqrt(60)
    return lower


def measure():
    """Return every rate with what it is one of."""
    kinds = {
        "error": error_rates(),
        "label null": label_null_rates(),
        "design": power_of_the_design(),
        "not calibrated": power_where_calls_are_not_calibrated(),
        "signal": power_with_a_signal(),
        "false share": false_shares(),
    }
    rows = [(kind, test, rate) for kind, rates in kinds.items() for test, rate in rates.items()]
    return pd.DataFrame(rows, columns=["kind", "test", "rate"])


@pytest.fixture(scope="module")
def recorded():
    names = ("decline_test", "false_share_test", "layer_tests", "t2_scores", "t2_tests")
    table = kit.kept_draws("strata", measure, {"11_cssi": names})
    return {kind: part.set_index("test")["rate"] for kind, part in table.groupby("kind")}


@pytest.mark.slow
def test_error_rate_over_200_seeds_is_within_the_binomial_interval(recorded):
    rate = recorded["error"]
    assert len(rate) == 6
    assert (rate <= HIGH).all(), rate.to_dict()
    assert (rate.drop(list(CONSERVATIVE)) >= LOW).all(), rate.to_dict()


@pytest.mark.slow
def test_tests_of_the_design_have_power_at_the_default_size(recorded):
    assert len(recorded["design"]) > 5
    assert (recorded["design"] == 1).all(), recorded["design"].to_dict()


@pytest.mark.slow
def test_uncalibrated_calls_are_seen(recorded):
    assert recorded["not calibrated"].item() >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", cssi.NULLS)
def test_error_rate_of_label_nulls(recorded, name):
    # F1 of few edges takes few values: ties make the test conservative, so only liberal rates fail
    assert recorded["label null"][name] <= HIGH


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nested", "signed ranks"])
def test_positive_controls_are_detected(recorded, name):
    assert recorded["signal"][name] >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["private", "shared"])
def test_false_share_of_calibrated_calls(recorded, kind):
    assert recorded["false share"][kind] <= 0.05


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 5))
def test_names_of_strata_do_not_matter(seed, strata):
    draw = t2_draw(2, 40, seed)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, strata, 80)
    other = rng.permutation(strata)[labels]
    for method in ("max", "mean", "range", "sidak"):
        one = cssi.cssi_f1(draw.expression, labels, draw.truth, method)
        assert 0 <= one <= 1
        # ties apart, a relabelling is the same partition
        assert cssi.cssi_f1(draw.expression, other, draw.truth, method) == pytest.approx(one)
