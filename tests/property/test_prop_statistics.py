"""Properties that must hold for any input."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helpers.estimates import NotEstimable
from helpers.evaluation.sets import EvaluationSet
from helpers.statistics.auroc import auroc, auroc_many, presort
from helpers.statistics.clusters import cluster_counts, cluster_tables
from helpers.statistics.correlation import spearman_matrix
from helpers.statistics.curveball import curveball
from helpers.statistics.maxstat import max_statistic
from helpers.statistics.multiplicity import adjust, simes
from helpers.statistics.permutation import permutation_null, sign_flip_test
from helpers.statistics.ranking import average_precision

quick = settings(max_examples=60, deadline=None)
values = st.integers(-5, 5).map(float)


@st.composite
def scored(draw, least=4):
    n = draw(st.integers(least, 40))
    scores = draw(arrays(float, n, elements=values))
    labels = draw(arrays(bool, n))
    labels[0], labels[1] = True, False
    return scores, labels


@quick
@given(scored())
def test_negating_the_score_mirrors_the_auroc(data):
    scores, labels = data
    assert auroc(scores, labels).value + auroc(-scores, labels).value == 1.0


@quick
@given(scored())
def test_swapping_the_classes_mirrors_the_auroc(data):
    scores, labels = data
    assert auroc(scores, labels).value + auroc(scores, ~labels).value == 1.0


@quick
@given(scored())
def test_monotone_transformations_change_nothing(data):
    scores, labels = data
    both = np.stack([scores, np.exp(scores) * 3 - 7])
    np.testing.assert_array_equal(*auroc_many(both, labels))
    assert average_precision(both[0], labels) == average_precision(both[1], labels)


@quick
@given(scored(), st.integers(0, 1000))
def test_integer_weights_are_copies(data, seed):
    scores, labels = data
    weights = np.random.default_rng(seed).integers(0, 4, scores.size)
    copies = np.repeat(np.arange(scores.size), weights)
    one = presort(scores, labels).weighted(weights)[0, 0]
    if labels[copies].any() and not labels[copies].all():
        assert abs(one - auroc(scores[copies], labels[copies]).value) < 1e-12
    else:
        assert np.isnan(one)


@quick
@given(scored(), st.integers(0, 1000))
def test_cluster_table_is_invariant_to_names_and_bounded(data, seed):
    scores, labels = data
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 5, scores.size)
    (table,) = cluster_tables(scores, labels, clusters)
    assert abs(table.auroc()[0] - auroc(scores, labels).value) < 1e-12
    assert table.wins.sum() <= labels.sum() * (~labels).sum()
    draws = table.auroc(cluster_counts(table.n_clusters, rng, 20))
    draws = draws[np.isfinite(draws)]
    assert ((draws >= -1e-12) & (draws <= 1 + 1e-12)).all()


@quick
@given(scored(), st.integers(0, 1000))
def test_permuted_aurocs_stay_in_range_and_keep_groups(data, seed):
    scores, labels = data
    groups = np.arange(scores.size) % 3
    result = permutation_null(scores, labels, np.random.default_rng(seed), 30, groups)
    if not isinstance(result, NotEstimable):
        assert ((result.draws >= 0) & (result.draws <= 1)).all()
        assert result.movable_positives <= result.n_positive


def _by_definition(p):
    """BH: the smallest m p_j / #{p <= p_j} over all p_j that are at least p_i."""
    ratio = np.array([p.size * value / (p <= value).sum() for value in p])
    return np.array([min(1.0, ratio[p >= value].min()) for value in p])


@quick
@given(arrays(float, st.integers(1, 15), elements=st.integers(0, 1000).map(lambda k: k / 1000)))
def test_adjusted_p_are_ordered_bounded_and_as_defined(p):
    for method in ("bh", "by", "holm", "bonferroni"):
        q = adjust(p, method)
        assert (q <= 1).all() and (q >= p - 1e-12).all()
        assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-12).all()
    np.testing.assert_allclose(adjust(p), _by_definition(p), atol=1e-12)
    assert (adjust(p, "bh") <= adjust(p, "by") + 1e-12).all()
    assert (adjust(p, "bh") <= adjust(p, "holm") + 1e-12).all()
    assert abs(simes(p) - adjust(p).min()) < 1e-12


@quick
@given(arrays(float, st.integers(2, 12), elements=st.floats(0, 0.9)), st.integers(0, 11))
def test_bh_is_monotone_in_every_p(p, which):
    more = p.copy()
    more[which % p.size] += 0.1
    assert (adjust(more) >= adjust(p) - 1e-12).all()


@quick
@given(arrays(bool, st.tuples(st.integers(2, 8), st.integers(2, 12))), st.integers(0, 100))
def test_curveball_margins_are_exact(network, seed):
    forbidden = np.random.default_rng(seed).random(network.shape) < 0.15
    network = network & ~forbidden
    drawn = curveball(network, np.random.default_rng(seed), 3, forbidden)
    if isinstance(drawn, NotEstimable):
        return
    for b in range(3):
        again = drawn.network(b)
        np.testing.assert_array_equal(again.sum(axis=0), network.sum(axis=0))
        np.testing.assert_array_equal(again.sum(axis=1), network.sum(axis=1))
        assert not (again & forbidden).any()


@quick
@given(arrays(float, st.tuples(st.integers(4, 15), st.just(3)), elements=values))
def test_rank_correlation_is_symmetric_and_bounded(x):
    x[:2] = [[0, 0, 0], [1, 1, 1]]
    matrix = spearman_matrix(x)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert (np.abs(matrix) <= 1).all() and (np.diag(matrix) == 1).all()
    np.testing.assert_allclose(spearman_matrix(np.exp(x)), matrix, atol=1e-12)


@quick
@given(arrays(float, st.integers(3, 9), elements=values), st.integers(0, 50))
def test_exact_sign_flip_p_of_opposite_sides_cover_one(data, seed):
    up = sign_flip_test(data, np.random.default_rng(seed)).p
    down = sign_flip_test(-data, np.random.default_rng(seed)).p
    assert up + down >= 1.0
    assert up >= 2.0**-data.size


@quick
@given(st.integers(1, 6), st.integers(0, 100))
def test_max_statistic_never_beats_the_single_p(k, seed):
    rng = np.random.default_rng(seed)
    draws, observed = rng.normal(size=(50, k)), rng.normal(size=k)
    adjusted = max_statistic(observed, draws, standardise=False).adjusted
    single = (1 + (draws >= observed).sum(axis=0)) / 51
    assert (adjusted >= single - 1e-12).all()


@quick
@given(st.integers(0, 1000))
def test_evaluation_set_subset_keeps_pairs_together(seed):
    rng = np.random.default_rng(seed)
    source, target = rng.choice(list("AB"), 12), rng.choice(list("CDE"), 12)
    label = rng.random(12) < 0.4
    keep = rng.random(12) < 0.5
    part = EvaluationSet("x", source, target, label, "x").subset(keep, "dropped")
    assert part.n_pairs + part.notes["dropped"] == 12
    np.testing.assert_array_equal(part.label, label[keep])
