"""A score chosen on other rows and columns: by hand, under its null, and with a planted winner."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.nested_choice import nested_choice, relabelled

T, G = 8, 40
OWN = np.arange(T)


def drawn(seed, k=4, strength=0.0, winner=2):
    rng = np.random.default_rng(seed)
    labels = rng.random((T, G)).argsort(axis=1, kind="stable") < G // 5
    scores = rng.normal(size=(k + 1, T, G))
    scores[winner] += strength * labels
    for one in scores:
        one[OWN, OWN] = np.nan
    labels[OWN, OWN] = False
    return scores[:-1], scores[-1], labels


def mean_auroc(score, labels):
    rows = []
    for values, hits in zip(score, labels, strict=True):
        used = np.isfinite(values)
        rows.append(roc_auc_score(hits[used], values[used]))
    return np.mean(rows)


def test_the_best_of_all_pairs_is_that_of_scikit_learn():
    scores, other, labels = drawn(0)
    found = nested_choice(scores, other, labels, OWN, np.random.default_rng(0), 9)
    best = max(mean_auroc(one, labels) for one in scores) - mean_auroc(other, labels)
    assert found.naive == pytest.approx(best)


def test_a_planted_winner_is_picked_and_keeps_its_lead():
    scores, other, labels = drawn(1, strength=2.0)
    found = nested_choice(scores, other, labels, OWN, np.random.default_rng(0), 99)
    assert found.picked[2] > 0.95
    lead = mean_auroc(scores[2], labels) - mean_auroc(other, labels)
    assert found.held_out == pytest.approx(lead, abs=0.05)
    assert found.held_out > found.draws.max()


def test_without_a_winner_the_best_seems_better_and_the_nested_one_is_not():
    seeds = range(40)
    made = [nested_choice(*drawn(s), OWN, np.random.default_rng(s), 1) for s in seeds]
    naive, held = (np.array([getattr(one, n) for one in made]) for n in ("naive", "held_out"))
    assert naive.mean() > 4 * naive.std() / np.sqrt(40)
    assert abs(held.mean()) < 3 * held.std() / np.sqrt(40)


def test_relabelling_keeps_rows_columns_and_own_genes_together():
    labels = np.zeros((3, 6), bool)
    labels[0, 1] = labels[1, 4] = labels[2, 2] = True
    own = np.array([0, 1, -1])
    for seed in range(20):
        new = relabelled(labels, own, np.random.default_rng(seed))
        assert new.sum() == 3
        assert new[:2, :2].sum() == 1 and not new[0, 0] and not new[1, 1]
        assert new[2, 2:].sum() == 1  # a row without a column stays in its group


def test_degenerate_input():
    scores, other, labels = drawn(0)
    rng = np.random.default_rng(0)
    few = nested_choice(scores[:, :3], other[:3], labels[:3], OWN[:3], rng, 9)
    assert isinstance(few, NotEstimable)
    none = nested_choice(scores, other, np.zeros_like(labels), OWN, rng, 9)
    assert isinstance(none, NotEstimable)
    with pytest.raises(ParameterError):
        nested_choice(scores, other, labels[:, :5], OWN, rng, 9)
