"""Probes that have not seen the genes they are tested on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hub_networks import GENES, network, relabelled
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.evaluation import evaluation_set
from helpers.evaluation.probe import held_out_parts, probe_scores, probe_test


def test_parts_share_no_gene_or_no_pair():
    pairs, rng = network(1.0), np.random.default_rng(6)
    for train, test in held_out_parts(pairs, rng):
        genes = [set(pairs.source[p]) | set(pairs.target[p]) for p in (train, test)]
        assert not genes[0] & genes[1] and train.any() and test.any()
    parts = held_out_parts(pairs, rng, held_out="pairs")
    assert not any((train & test).any() for train, test in parts)
    np.testing.assert_array_equal(np.sum([test for _, test in parts], axis=0), 1)
    with pytest.raises(ParameterError, match="genes or pairs"):
        held_out_parts(pairs, rng, held_out="cells")


def test_columns_of_labels_are_probes_of_their_own():
    pairs, rng = network(1.0), np.random.default_rng(7)
    features = rng.normal(size=(pairs.n_pairs, 4))
    labels = np.column_stack([pairs.label, rng.permutation(pairs.label)])
    cut = held_out_parts(pairs, rng)
    both = probe_scores(features, labels, [cut])
    for k in range(2):
        for train, test in cut:
            scaler = StandardScaler().fit(features[train])
            model = Ridge(100.0).fit(scaler.transform(features[train]), labels[train, k])
            alone = model.predict(scaler.transform(features[test]))
            np.testing.assert_allclose(both[k, test], stats.rankdata(alone) / test.sum())
    unscored = ~(cut[0][1] | cut[1][1])
    assert np.isnan(both[:, unscored]).all()


def vectors(rng, width=6):
    return {gene: rng.normal(size=width) for gene in GENES}


def products(pairs, x):
    return np.array([x[s] * x[t] for s, t in zip(pairs.source, pairs.target, strict=True)])


def test_a_planted_product_is_found_on_new_genes():
    rng = np.random.default_rng(8)
    pairs = network()
    features = products(pairs, vectors(rng))
    signal = features @ np.array([2.0, -1, 1, 0, 0, 0]) + rng.normal(size=pairs.n_pairs)
    planted = replace(pairs, label=signal > np.quantile(signal, 0.9))
    found = probe_test(planted, features, rng, 99)
    assert found.p == 0.01 and found.estimate > 0.8
    assert found.detail["low"] < found.estimate < found.detail["high"]


def test_a_probe_that_saw_the_genes_ranks_hubs_without_any_signal():
    """Features that name the genes: with pairs held out degrees are learned, never with genes."""
    rng = np.random.default_rng(9)
    pairs = network(1.0)
    names = np.array([np.equal(GENES, s) + 0.0 for s in pairs.source])
    names = np.hstack([names, [np.equal(GENES, t) + 0.0 for t in pairs.target]])
    leaky = probe_test(pairs, names, rng, 39, held_out="pairs")
    fair = probe_test(pairs, names, rng, 39)
    assert leaky.detail["null_mean"] > 0.65
    assert abs(fair.detail["null_mean"] - 0.5) < 0.03


def test_a_probe_without_signal_is_called_as_often_as_it_may():
    rng = np.random.default_rng(10)
    pairs = network(1.0)
    features = products(pairs, vectors(rng))
    p = [probe_test(relabelled(pairs, rng), features, rng, 39, n_cuts=2).p for _ in range(40)]
    assert (np.array(p) <= 0.05).sum() <= stats.binom.ppf(0.999, 40, 0.05)


def test_a_network_too_small_for_two_halves_has_no_probe():
    few = evaluation_set(pd.DataFrame({"source": ["g0"], "target": ["g3"]}), GENES)
    found = probe_test(few, np.ones((few.n_pairs, 2)), np.random.default_rng(0), 19)
    assert isinstance(found, NotEstimable)
