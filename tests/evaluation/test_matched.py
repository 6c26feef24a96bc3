"""Matched negatives: what is alike, what is refused, and the tests within the sets."""

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn.metrics import roc_auc_score

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.gene_level import gene_features
from helpers.evaluation.matched import (
    adjusted,
    compare_matched,
    matched_auroc,
    matched_negatives,
    matched_test,
    within_set_auroc,
)
from helpers.evaluation.sets import evaluation_set
from helpers.statistics.crossed_means import crossed_mean_test

GENES = np.array([f"G{i:03d}" for i in range(150)])


def made(seed=0, n_tfs=25, n_positive=6, prominence=1.0):
    """Universe whose positives are drawn by the expression of the target, and its genes."""
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.normal(0, 0.8, GENES.size))
    counts = rng.negative_binomial(2, 2 / (2 + mean), size=(250, GENES.size))
    weight = mean**prominence / (mean**prominence).sum()
    edges = [
        (tf, target)
        for tf in GENES[:n_tfs]
        for target in rng.choice(GENES, n_positive, replace=False, p=weight)
        if tf != target
    ]
    reference = pd.DataFrame(edges, columns=["source", "target"])
    return evaluation_set(reference, GENES), gene_features(np.log1p(counts), GENES), rng


@pytest.fixture(scope="module")
def balanced():
    """The first draw whose matching leaves no variable unlike."""
    for seed in range(20):
        universe, features, rng = made(seed, prominence=0.5)
        sets = matched_negatives(universe, features)
        if sets.imbalance() is None:
            return universe, sets, rng
    raise AssertionError("no balanced draw")


def test_ten_negatives_each_from_tfs_and_close_in_both_genes():
    universe, features, _ = made()
    sets = matched_negatives(universe, features)
    assert sets.counts()["n_positive"] == universe.n_positive
    assert all(part.size == 10 and not universe.label[part].any() for part in sets.negatives)
    ranks = features.rank()
    for side in (universe.source, universe.target):
        table = ranks.loc[side].to_numpy()
        own = np.abs(
            np.array(
                [
                    table[part].mean(axis=0) - table[positive]
                    for positive, part in zip(sets.positives, sets.negatives, strict=True)
                ]
            )
        ).mean()
        others = np.flatnonzero(~universe.label)
        far = np.abs(table[others].mean(axis=0) - table[sets.positives]).mean()
        assert own < 0.4 * far


def test_within_set_auroc_against_scikit_learn_with_ties():
    universe, features, rng = made()
    sets = matched_negatives(universe, features)
    scores = rng.integers(0, 4, universe.n_pairs).astype(float)
    found = within_set_auroc(sets, scores)
    labels = np.arange(11) == 0
    for k in range(0, sets.positives.size, 17):
        values = scores[np.r_[sets.positives[k], sets.negatives[k]]]
        assert found[k] == pytest.approx(roc_auc_score(labels, values))
    np.testing.assert_allclose(within_set_auroc(sets, -scores), 1 - found)
    scores[sets.positives[0]] = np.nan
    with pytest.raises(ParameterError, match="no score"):
        within_set_auroc(sets, scores)


def test_balance_table_counts_what_was_unlike_before_and_after():
    universe, features, _ = made(1, prominence=1.5)
    sets = matched_negatives(universe, features)
    table = sets.balance()
    assert list(table.index) == [
        "log mean, source",
        "detection, source",
        "variance, source",
        "log mean, target",
        "detection, target",
        "variance, target",
        "mean product",
    ]
    assert table.loc["log mean, target", "before"] > 0.8
    assert abs(table.loc["log mean, target", "after"]) < 0.3
    values = np.log(universe.gene_scores(features["mean"], "target"))
    own = values[sets.positives]
    matched = [values[part].mean() for part in sets.negatives]
    assert table.loc["log mean, target", "after"] == pytest.approx(
        np.mean(own - matched) / own.std(ddof=1)
    )
    within = within_set_auroc(sets, values).mean()
    assert table.loc["log mean, target", "auroc"] == pytest.approx(within)
    assert table.loc["log mean, target", "balanced"] == (abs(within - 0.5) <= 0.03)


def test_an_imbalance_is_named_and_the_tests_refuse():
    universe, features, rng = made(2, prominence=2.0)
    few = matched_negatives(universe, features, 600)  # so many that they cannot be alike
    scores = rng.normal(size=universe.n_pairs)
    for found in (matched_test(few, scores), compare_matched(few, scores, -scores)):
        assert isinstance(found, NotEstimable)
        assert "matching left an imbalance" in found.reason and "mean product" in found.reason
    assert matched_auroc(few, scores).low is not None  # the description stays


def test_balanced_sets_give_the_crossed_test(balanced):
    universe, sets, rng = balanced
    scores = rng.normal(size=universe.n_pairs)
    found = matched_test(sets, scores)
    values = within_set_auroc(sets, adjusted(sets, scores))
    expected = crossed_mean_test(values, sets.tf, sets.target, 0.5, "one")
    assert found.p == expected.p and found.estimate == expected.estimate
    assert found.unit == "TF x target" and found.null == "AUROC 0.5 within matched sets"
    interval = matched_auroc(sets, scores)
    assert found.detail["unadjusted"] == interval.value
    plain = crossed_mean_test(within_set_auroc(sets, scores), sets.tf, sets.target, 0.5)
    assert (interval.low, interval.high) == (plain.low, plain.high)
    assert matched_test(sets, scores + 1.5 * universe.label).p < 1e-4
    difference = compare_matched(sets, scores + universe.label, scores)
    assert difference.p < 0.01 and difference.sides == "two"
    assert isinstance(compare_matched(sets, scores, scores), NotEstimable)


def test_adjusted_scores_are_residuals_of_a_fit_to_negatives(balanced):
    universe, sets, rng = balanced
    scores = rng.normal(size=universe.n_pairs) + sets.variables["log mean, target"]
    columns = {"tf": sets.to_tf.astype(float)}
    for name, values in sets.variables.drop(columns="mean product").items():
        z = stats.rankdata(values)
        z = (z - z.mean()) / z.std()
        knots = np.quantile(z, (0.05, 0.35, 0.65, 0.95))
        spline = patsy.dmatrix(
            "cr(z, knots=inner, lower_bound=low, upper_bound=high) - 1",
            {"z": z, "inner": knots[1:3], "low": knots[0], "high": knots[3]},
        )
        columns |= {f"{name} {k}": part for k, part in enumerate(np.asarray(spline).T)}
    design = np.column_stack([np.ones(scores.size), *columns.values()])
    negative = ~universe.label
    fit = sm.OLS(stats.rankdata(scores)[negative], design[negative]).fit(method="pinv")
    expected = stats.rankdata(scores) - design @ fit.params
    found = adjusted(sets, scores)
    assert np.corrcoef(found, expected)[0, 1] == pytest.approx(1, abs=1e-9)


def test_a_function_of_the_matched_variables_has_no_matched_test(balanced):
    _, sets, _ = balanced
    found = matched_test(sets, sets.variables["log mean, target"].to_numpy())
    assert isinstance(found, NotEstimable) and "function of the matched" in found.reason


def test_few_tfs_have_a_value_and_no_test():
    universe, features, rng = made(3, n_tfs=4)
    sets = matched_negatives(universe, features)
    found = matched_auroc(sets, rng.normal(size=universe.n_pairs))
    assert found.low is None and "4 TFs" in found.detail["interval"]


def test_too_many_negatives_asked_for_are_said_so():
    universe, features, _ = made(3, n_tfs=4)
    found = matched_negatives(universe, features, universe.n_pairs)
    assert isinstance(found, NotEstimable) and "controls" in found.reason
    features.loc[GENES[0], "mean"] = 0.0
    with pytest.raises(ParameterError, match="never expressed"):
        matched_negatives(universe, features)


@pytest.mark.slow
def test_error_rate_where_the_targets_of_tfs_are_shared_and_prominent():
    """Scores with TF and target effects, positives on hub targets, nothing of the pair."""
    rejected, intervals = [], []
    for seed in range(120):
        universe, features, rng = made(seed, prominence=1.0)
        gene = pd.Series(rng.normal(size=GENES.size), GENES)
        scores = rng.normal(size=universe.n_pairs) + universe.gene_scores(gene, "target")
        scores = scores + universe.gene_scores(gene, "source")
        sets = matched_negatives(universe, features)
        values = within_set_auroc(sets, scores)
        found = crossed_mean_test(values, sets.tf, sets.target, 0.5, "one")
        rejected.append(found.p <= 0.05)
        intervals.append(found.low <= 0.5 <= found.high)
    assert np.mean(rejected) <= 0.11  # 0.995 quantile of 120 draws at 0.05
    assert np.mean(intervals) >= 0.89
