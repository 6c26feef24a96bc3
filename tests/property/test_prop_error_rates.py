"""Every confirmatory test of pages 10 and 12 holds its level on the null worlds of page 90.

200 worlds, fixed seeds. All tests are looked at together, so each count of rejections must lie in
the binomial interval of a rate of 0.05 whose level is split over them (Bonferroni): the file as a
whole would fail by chance for one in twenty choices of seeds. The tests of page 11 are in
`test_prop_cssi`, with the same rule.
"""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest

from helpers.analyses import null_battery as nulls
from helpers.evaluation import EvaluationSet, equivalent
from helpers.statistics.results import Outcome

pytestmark = pytest.mark.slow

SEEDS = 200
SIZES = nulls.Sizes(resamples=199)
TESTS = [number for number in nulls.TESTS if number.startswith(("10.", "12."))]
# Matched negatives of a TF come from other TFs: what one gains another loses, and tests that take
# TFs as independent hardly ever reject. 10.5 is tested at its margin, with other data.
CONSERVATIVE = {"12.6", "12.7", "12.8"}
CHECKS = len(TESTS) + 1


def p_values(seed: int) -> dict[str, float]:
    drawn, rng = nulls.null_world(seed), np.random.default_rng([seed, 5])
    found = nulls.tests_10(drawn, rng, SIZES) | nulls.tests_12(drawn, rng, SIZES)
    return {n: found[n].p for n in TESTS if isinstance(found[n], Outcome)}


@pytest.fixture(scope="module")
def table():
    work = (joblib.delayed(p_values)(20_000 + seed) for seed in range(SEEDS))
    return pd.DataFrame(joblib.Parallel(n_jobs=min(2, joblib.cpu_count()))(work))


@pytest.mark.parametrize("number", TESTS)
def test_type_one_error_is_nominal(table, number):
    p = table[number].dropna()
    assert len(p) >= 0.95 * SEEDS
    low, high = nulls.binomial_range(len(p), CHECKS)
    rejected = int((p <= 0.05).sum())
    assert rejected <= high
    assert rejected >= low or number in CONSERVATIVE


def test_few_tests_leave_the_interval_of_a_single_test(table):
    """At 95 % each, no more tests may lie above than chance takes there."""
    _, high = nulls.binomial_range(SEEDS)
    above = int(((table <= 0.05).sum() > high).sum())
    assert above <= nulls.binomial_range(len(TESTS), 1, rate=0.05)[1]


def margin_case(seed: int) -> Outcome:
    """An AUROC of 0.55 on average, TFs differing: the edge of "no regulatory signal"."""
    rng = np.random.default_rng([seed, 9])
    source = np.repeat([f"T{i:02d}" for i in range(40)], 60)
    target = np.tile([f"G{i:02d}" for i in range(60)], 40)
    label = rng.permuted(np.tile(np.arange(60) < 6, (40, 1)), axis=1).ravel()
    effect = 0.1777 + rng.normal(0, 0.05, 40)  # sqrt(2) * normal quantile of 0.55
    scores = rng.normal(size=label.size) + np.repeat(effect, 60) * label
    pairs = EvaluationSet("margin", source, target, label, "made")
    return equivalent(pairs, scores, to=0.5, margin=0.05)


def test_equivalence_holds_its_level_at_the_margin():
    rejected = sum(margin_case(seed).p <= 0.05 for seed in range(SEEDS))
    low, high = nulls.binomial_range(SEEDS, CHECKS)
    assert low <= rejected <= high
