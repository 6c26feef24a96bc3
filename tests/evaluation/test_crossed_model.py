"""The crossed model on worlds of hubs without signal, and with signals that were planted."""

import dataclasses

import calibration_kit as kit
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation.crossed_model import crossed_model
from helpers.registry.null_worlds import pareto_world, planted
from helpers.statistics.auroc import auroc

PRODUCTS = ["mean product", "variance product", "detection product"]


def fitted(world, seed=0, score="attention", **options):
    table = world.scores
    return crossed_model(
        world.pairs,
        table[score].to_numpy(),
        table["co-expression"].to_numpy(),
        table[PRODUCTS],
        np.random.default_rng(seed),
        **options,
    )


@pytest.fixture(scope="module")
def small():
    return pareto_world(np.random.default_rng(0), 0.7, n_tfs=30, n_genes=120, n_positive=150)


def test_outcome_names_its_unit_null_and_counts(small):
    found = fitted(small).outcome
    assert (found.unit, found.sides) == ("TF x target", "two")
    assert found.null == "no contribution of the score"
    pairs = small.pairs
    assert found.detail["n_positive"] == pairs.n_positive
    assert found.detail["n_targets_with_positive"] == np.unique(pairs.target[pairs.label]).size
    half = stats.t.ppf(0.975, found.detail["df"]) * found.detail["se"]
    assert (found.low, found.high) == pytest.approx((found.estimate - half, found.estimate + half))
    assert found.detail["per_rate"] == pytest.approx(found.estimate / pairs.positive_rate)
    assert found.detail["mde"] > half


def test_adjusted_auroc_is_the_mean_rank_of_positives_given_genes_and_covariates(small):
    """Least squares of scaled ranks on the label, dummies of genes, and nothing else."""
    pairs, score = small.pairs, small.scores["attention"].to_numpy()
    flat = np.zeros(pairs.n_pairs)
    found = crossed_model(pairs, score, flat, {}, np.random.default_rng(0), n_splits=200)
    dummies = [
        (names[:, None] == np.unique(names)[None, first:]).astype(float)
        for first, names in ((0, pairs.source), (1, pairs.target))
    ]
    ranks = stats.rankdata(score) / pairs.n_pairs
    fit = OLS(ranks, np.column_stack([pairs.label, *dummies])).fit()
    # effects within blocks instead of over all pairs: equal on average over splits
    assert found.outcome.detail["adjusted_auroc"] == pytest.approx(0.5 + fit.params[0], abs=0.01)


def test_monotone_changes_of_scores_and_covariates_do_not_matter(small):
    changed = dataclasses.replace(small, scores=np.exp(small.scores / 10))
    one, two = fitted(small).outcome, fitted(changed).outcome
    assert one.estimate == pytest.approx(two.estimate) and one.p == pytest.approx(two.p)


def test_a_score_that_is_a_covariate_or_a_gene_value_adds_nothing(small):
    same = fitted(small, score="co-expression").outcome
    assert isinstance(same, NotEstimable)
    target = small.pairs.gene_scores(small.features["mean"], "target")
    world = dataclasses.replace(small, scores=small.scores.assign(attention=target))
    assert isinstance(fitted(world).outcome, NotEstimable)


def test_the_reverse_score_takes_away_what_both_directions_share(small):
    pairs = small.pairs
    rng = np.random.default_rng(1)
    both = pairs.label + rng.normal(size=pairs.n_pairs)
    world = dataclasses.replace(
        small, scores=small.scores.assign(attention=both + 0.3 * rng.normal(size=pairs.n_pairs))
    )
    alone = fitted(world).outcome
    given = fitted(world, reverse=both).outcome
    assert alone.p < 1e-3 and abs(given.estimate) < 0.5 * alone.estimate


def test_missing_pairs_are_left_out_and_counted(small):
    scores = small.scores.copy()
    scores.loc[:40, "attention"] = np.nan
    scores.loc[50:60, "co-expression"] = np.nan
    found = fitted(dataclasses.replace(small, scores=scores)).outcome
    assert found.detail["n_pairs"] == small.pairs.n_pairs - 41 - 11
    with pytest.raises(ParameterError, match="align"):
        crossed_model(small.pairs, np.ones(3), np.ones(3), {}, np.random.default_rng(0))


def test_few_tfs_have_no_coefficient(small):
    keep = np.isin(small.pairs.source, np.unique(small.pairs.source[small.pairs.label])[:4])
    world = dataclasses.replace(
        small,
        pairs=small.pairs.subset(keep, "few"),
        scores=small.scores[keep].reset_index(drop=True),
    )
    found = fitted(world)
    assert isinstance(found.outcome, NotEstimable) and "4 TFs" in found.outcome.reason


def test_per_tf_aurocs_are_pooled_towards_their_mean():
    world = pareto_world(np.random.default_rng(2), 0.0, n_positive=800)
    pairs, rng = world.pairs, np.random.default_rng(3)
    tfs, code = np.unique(pairs.source, return_inverse=True)
    shift = rng.normal(0.5, 0.8, tfs.size)[code] * pairs.label
    scores = world.scores.assign(attention=rng.normal(size=pairs.n_pairs) + shift)
    found = fitted(dataclasses.replace(world, scores=scores))
    table = found.per_tf
    tf = table.index[3]
    own = pairs.source == tf
    direct = auroc(scores["attention"].to_numpy()[own], pairs.label[own]).value
    assert table.loc[tf, "auroc"] == pytest.approx(direct)
    centre = found.heterogeneity.mean
    assert (abs(table["pooled"] - centre) <= abs(table["auroc"] - centre) + 1e-9).all()
    assert found.heterogeneity.tau > 0.05 and found.heterogeneity.p < 0.01
    assert found.prediction.low < 0.5 < centre < found.prediction.high
    assert found.prediction.unit == "TF"


SHARED = (0.0, 0.8)
WORLDS = 100


def measure():
    """Return shares of worlds of hubs: rejected, covered, and found where an effect is planted."""
    rows = []
    for shared in SHARED:
        for seed in range(WORLDS):
            rng = np.random.default_rng([seed, int(10 * shared)])
            world = pareto_world(rng, shared, n_tfs=60, n_genes=200, n_positive=300)
            outcome = fitted(world, n_splits=2).outcome
            row = {"shared": shared, "rejected": outcome.p <= 0.05}
            row["covered"] = outcome.low <= 0 <= outcome.high
            if shared == 0.0:
                row["found"] = fitted(planted(world, 0.6), n_splits=2).outcome.p <= 0.05
            rows.append(row)
    return pd.DataFrame(rows).astype(float).groupby("shared").mean().reset_index()


@pytest.mark.slow
def test_level_coverage_and_power_in_worlds_of_hubs():
    rates = kit.kept_draws("crossed-model", measure).set_index("shared")
    assert tuple(rates.index) == SHARED
    assert (rates["rejected"] <= stats.binom.ppf(0.995, WORLDS, 0.05) / WORLDS).all()
    assert (rates["covered"] >= 0.89).all()
    assert rates.loc[0.0, "found"] > 0.8
