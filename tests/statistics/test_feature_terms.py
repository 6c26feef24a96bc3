"""Terms of features: Fisher's test of scipy, coherence in planted worlds, shared pairs by size."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.feature_terms import coherence_test, enrichment, shared_pairs_test


def test_enrichment_is_fishers_exact_test_with_all_tests_in_one_family():
    rng = np.random.default_rng(0)
    top, terms = rng.random((4, 60)) < 0.3, rng.random((5, 60)) < 0.2
    p, q = enrichment(top, terms)
    for f in range(4):
        for t in range(5):
            table = [
                [(top[f] & terms[t]).sum(), (top[f] & ~terms[t]).sum()],
                [(~top[f] & terms[t]).sum(), (~top[f] & ~terms[t]).sum()],
            ]
            expected = stats.fisher_exact(table, alternative="greater").pvalue
            assert p[f, t] == pytest.approx(expected)
    np.testing.assert_allclose(q.ravel(), stats.false_discovery_control(p.ravel()))
    with pytest.raises(ParameterError, match="60 genes of features"):
        enrichment(top, terms[:, 1:])


def world(rng, coherent):
    """20 sources, 40 targets in two layers, one term each; edges within a term or anywhere."""
    source, target = (
        np.eye(4, dtype=bool)[np.arange(20) % 4],
        np.eye(4, dtype=bool)[np.arange(40) % 4],
    )
    edges = []
    for s in range(20):
        able = np.flatnonzero(target[:, s % 4]) if coherent else np.arange(40)
        edges += [(s, t) for t in rng.choice(able, 4, replace=False)]
    return source, target, np.array(edges), np.repeat([1, 2], 20)


def test_coherent_edges_are_found_and_chance_is_a_quarter():
    rng = np.random.default_rng(1)
    found = coherence_test(*world(rng, True), rng, 199)
    assert found.estimate == 1.0 and found.p == pytest.approx(1 / 200)
    assert found.detail["uniform"] == pytest.approx(0.25)
    assert found.detail["null_mean"] == pytest.approx(0.25, abs=0.05)


def test_random_edges_are_coherent_at_the_level():
    rng = np.random.default_rng(2)
    p = [coherence_test(*world(rng, False), rng, 99).p for _ in range(200)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
    few = coherence_test(*(x if x.ndim == 1 else x[:3] for x in world(rng, True)), rng)
    assert isinstance(few, NotEstimable) and "3 edges" in few.reason


def by_size(rng, n=60, pairs=500):
    size = rng.lognormal(0, 1, n)
    p = np.outer(size, size).ravel() / size.sum() ** 2
    net = np.zeros(n * n, bool)
    net[rng.choice(n * n, pairs, replace=False, p=p)] = True
    other = np.zeros(n * n, bool)
    other[rng.choice(n * n, pairs, replace=False, p=p)] = True
    return net.reshape(n, n), other.reshape(n, n)


def test_sizes_alone_make_consensus_by_free_relabelling_and_none_with_degrees_kept():
    rng = np.random.default_rng(3)
    found = [shared_pairs_test(*by_size(rng), rng, 49) for _ in range(15)]
    assert np.mean([x.detail["fold"] for x in found]) == pytest.approx(1, abs=0.1)
    assert np.mean([x.detail["fold_free"] for x in found]) > 1.8
    assert sum(x.p <= 0.05 for x in found) <= 3


def test_planted_consensus_is_found():
    rng = np.random.default_rng(4)
    one, other = by_size(rng)
    other |= one & (rng.random(one.shape) < 0.5)
    assert shared_pairs_test(one, other, rng, 99).p == pytest.approx(0.01)


def test_networks_that_can_share_nothing_are_not_estimable():
    rng, empty = np.random.default_rng(5), np.zeros((6, 6), bool)
    few = empty.copy()
    few[0, 1] = few[2, 3] = True
    assert "shared pairs are expected" in shared_pairs_test(few, few, rng, 99).reason
    assert isinstance(shared_pairs_test(empty, empty, rng, 99), NotEstimable)
    with pytest.raises(ParameterError, match="domains"):
        shared_pairs_test(few, few[:5], rng)
