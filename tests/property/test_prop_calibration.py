"""Known-truth controls: every test holds its level under its null and finds a planted effect.

200 made-up data sets per test. The number of rejections at 5 % must lie in the central binomial
interval whose level is split over the tests, so that the whole file fails by chance in 1 % of
cases (the seeds are fixed, so in fact it either fails or not).
"""

import numpy as np
import pytest
from scipy import stats

from helpers.estimates import NotEstimable
from helpers.evaluation import nulls
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.auroc import auroc_many
from helpers.statistics.equivalence import tost
from helpers.statistics.matrix_regression import matrix_regression
from helpers.statistics.permutation import permutation_test, sign_flip_test
from helpers.statistics.qap import qap_test

SEEDS = 200
RESAMPLES = 199
TFS, GENES = 30, 100
SOURCE = np.repeat(np.arange(TFS), GENES)
TARGET = np.tile(np.arange(GENES), TFS)
NAMES = np.array([f"T{i:02d}" for i in range(TFS)])
GENE_NAMES = np.array([f"G{j:03d}" for j in range(GENES)])


def network(rng, prominence=0.0, step=None):
    """Labels whose logit is a TF part plus a target part: uniform given both degrees.

    With `step`, the target part takes multiples of it only.
    """
    target = rng.normal(size=GENES)
    if step is not None:
        target = np.round(target / step) * step
    logit = rng.normal(-3.0, 0.5, TFS)[:, None] + prominence * target
    return (rng.random((TFS, GENES)) < 1 / (1 + np.exp(-logit))).ravel(), target


def universe(labels):
    return EvaluationSet("toy", NAMES[SOURCE], GENE_NAMES[TARGET], labels, "toy")


def free_labels(rng, shift):
    labels, _ = network(rng)
    return permutation_test(rng.normal(size=labels.size) + shift * labels, labels, rng, RESAMPLES)


def rewired(rng, shift):
    labels, target = network(rng, prominence=1.0)
    scores = rng.normal(size=labels.size) + target[TARGET] + shift * labels
    return nulls.rewire(universe(labels), scores, rng, RESAMPLES)


def signs(rng, shift):
    return sign_flip_test(rng.standard_t(3, 14) + 1.5 * shift, rng, RESAMPLES, sides="two")


def matrices(rng, genes=40):
    """A follows g_i g_j; R follows prominence too, but not A beyond it."""
    g = rng.normal(size=genes)
    product = np.exp(0.4 * (g[:, None] + g[None, :]))
    noise = rng.normal(size=(genes, genes))
    r = product / product.std() + noise + noise.T
    return product + rng.normal(size=(genes, genes)), r, g


def gene_matrices(rng, shift):
    a = rng.normal(size=(40, 40)) + rng.normal(size=40)[:, None] + rng.normal(size=40)
    r = rng.normal(size=(40, 40)) + rng.normal(size=40)[:, None]
    r = r + r.T
    return qap_test(a + 0.4 * shift * r, r, rng, n_perm=RESAMPLES)


def beyond_genes(rng, shift):
    a, r, g = matrices(rng)
    terms = [g[:, None], g[None, :], g[:, None] ** 2, g[None, :] ** 2, g[:, None] * g[None, :]]
    a = a + 0.3 * shift * r
    return matrix_regression(a, r, terms, rng, n_perm=RESAMPLES)


TESTS = {
    "random edge sets": free_labels,
    "curveball": rewired,
    "sign flip": signs,
    "QAP": gene_matrices,
    "matrix regression": beyond_genes,
}


def rejections(test, shift, seeds=SEEDS):
    p = [TESTS[test](np.random.default_rng([7, seed]), shift) for seed in range(seeds)]
    return sum(one.p <= 0.05 for one in p if not isinstance(one, NotEstimable))


def allowed(rate=0.05, seeds=SEEDS):
    return stats.binom.interval(1 - 0.01 / len(TESTS), seeds, rate)


@pytest.mark.slow
@pytest.mark.parametrize("test", TESTS)
def test_type_one_error_is_nominal(test):
    low, high = allowed()
    assert low <= rejections(test, 0.0) <= high


@pytest.mark.parametrize("test", TESTS)
def test_planted_effect_is_found(test):
    assert rejections(test, 1.0, seeds=20) >= 16


@pytest.mark.slow
def test_tost_at_its_margin_holds_the_level():
    rng = np.random.default_rng(0)
    p = [tost(0.55 + 0.01 * rng.normal(), 0.01, 0.45, 0.55).p for _ in range(SEEDS)]
    low, high = allowed()
    assert low <= sum(value <= 0.05 for value in p) <= high


@pytest.mark.slow
def test_naive_pair_p_rejects_far_too_often_in_gene_matrices():
    naive = []
    for seed in range(50):
        rng = np.random.default_rng([3, seed])
        a = rng.normal(size=40)[:, None] + rng.normal(size=(40, 40))
        r = rng.normal(size=40)[:, None] + rng.normal(size=(40, 40))
        off = ~np.eye(40, dtype=bool)
        naive.append(stats.spearmanr(a[off], r[off]).pvalue <= 0.05)
    assert np.mean(naive) > 0.4


def test_summed_attention_is_inflated_and_averaged_attention_is_not():
    """Attention without any pair signal: the sum over cells recovers co-detection."""
    rng = np.random.default_rng(0)
    prominence = rng.normal(size=GENES)
    detection = 1 / (1 + np.exp(-1.5 * prominence))
    logit = -2.5 + 1.5 * prominence
    labels = (rng.random((TFS, GENES)) < 1 / (1 + np.exp(-logit))).ravel()
    count = np.zeros((TFS, GENES))
    total = np.zeros((TFS, GENES))
    for _ in range(300):
        both = np.outer(rng.random(TFS) < 0.6, rng.random(GENES) < detection)
        count += both
        total += both * rng.gamma(2.0, 0.5, (TFS, GENES))
    kept = (count >= 20).ravel()
    mean = (total / np.maximum(count, 1)).ravel()[kept]
    summed, averaged = auroc_many(np.stack([total.ravel()[kept], mean]), labels[kept])
    assert summed > 0.65
    assert abs(averaged - 0.5) < 0.05
