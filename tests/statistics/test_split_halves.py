"""Disattenuated correlations of halves, and agreement of the strongest pairs."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.shared_edges import sign_agreement, top_overlap
from helpers.statistics.split_halves import disattenuated_genes, disattenuated_rows


def folds(truth, noise, rng, k=10):
    """Return sums over k folds of one cell each around true scores (m, g)."""
    return truth + noise * rng.normal(size=(k, *truth.shape)), np.ones(k)


def two_truths(rho, m, g, rng):
    """Return two matrices of normal scores that correlate at rho."""
    x, e = rng.normal(size=(2, m, g))
    return x, rho * x + np.sqrt(1 - rho**2) * e


@pytest.mark.parametrize("rho", [0.0, 0.6, 1.0])
def test_noise_is_taken_out_of_every_row_and_its_interval_covers(rho):
    rng = np.random.default_rng(1)
    truths = two_truths(rho, 60, 400, rng)
    first, second = (folds(x, 3.0, rng) for x in truths)
    found = disattenuated_rows(*first, *second)
    true = np.array([stats.spearmanr(a, b).statistic for a, b in zip(*truths, strict=True)])
    assert found.estimable.all()
    assert np.mean(found.value - true) == pytest.approx(0, abs=0.05)
    half = stats.t.ppf(0.975, found.df) * found.se
    assert np.mean(np.abs(found.value - true) <= half) >= 0.88
    assert np.all(found.across < 0.75 * max(rho, 0.3))  # the plain one is shrunken


def test_rows_by_hand():
    rng = np.random.default_rng(0)
    (a, na), (b, nb) = (folds(x, 1.0, rng, 4) for x in two_truths(0.7, 1, 50, rng))
    f, s = ([x[k::2].sum(axis=0)[0] for k in (0, 1)] for x in (a, b))
    rho = lambda x, y: stats.spearmanr(x, y).statistic  # noqa: E731
    across = np.mean([rho(x, y) for x in f for y in s])
    found = disattenuated_rows(a, na, b, nb)
    assert found.across[0] == pytest.approx(across)
    assert found.value[0] == pytest.approx(across / np.sqrt(rho(*f) * rho(*s)))


def test_genes_are_the_unit_of_the_whole():
    rng = np.random.default_rng(3)
    m, g = 30, 120
    x, y = two_truths(0.8, m, g, rng)
    halves = [np.stack([t + rng.normal(size=t.shape) for _ in range(2)]) for t in (x, y)]
    found = disattenuated_genes(*halves)
    assert found.low < 0.79 < found.high and found.unit == "gene" and found.n_units == g
    used = ~np.eye(m, g, dtype=bool)
    ceiling = np.sqrt(np.prod([stats.spearmanr(*h[:, used]).statistic for h in halves]))
    assert found.detail["ceiling"] == pytest.approx(ceiling, abs=1e-9)


def test_noise_alone_is_not_estimable():
    rng = np.random.default_rng(0)
    assert isinstance(disattenuated_genes(*rng.normal(size=(2, 2, 20, 60))), NotEstimable)
    flat = np.zeros((2, 20, 60))
    assert isinstance(disattenuated_genes(flat, flat), NotEstimable)
    few = rng.normal(size=(2, 2, 3, 60))
    assert "5 needed" in disattenuated_genes(*few).reason
    sums = rng.normal(size=(10, 5, 40))
    assert not disattenuated_rows(sums, np.ones(10), sums[::-1], np.ones(10)).estimable.all()
    with pytest.raises(ParameterError):
        disattenuated_rows(sums[:2], np.ones(2), sums[:2], np.ones(2))


def test_top_pairs_by_brute_force():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 6, 12))
    used = ~np.eye(6, 12, dtype=bool)
    found = top_overlap(a, b, (10, 66), rng, 99)
    best = [np.argsort(-np.abs(np.where(used, x, 0)).ravel(), kind="stable")[:10] for x in (a, b)]
    assert found[10].estimate == len(set(best[0]) & set(best[1]))
    assert found[10].detail["random"] == pytest.approx(100 / 66)
    assert isinstance(found[66], NotEstimable)


def test_shared_pairs_planted_and_null():
    rng = np.random.default_rng(0)
    p = {"planted": [], "null": []}
    for _ in range(40):
        a = rng.standard_t(3, size=(15, 60)) * rng.gamma(1, size=60)  # prominent genes
        b = rng.standard_t(3, size=(15, 60)) * rng.gamma(1, size=60)
        p["null"].append(top_overlap(a, b, (50,), rng, 99)[50].p)
        p["planted"].append(top_overlap(a, b + a, (50,), rng, 99)[50].p)
    assert np.mean(np.array(p["planted"]) <= 0.05) > 0.9
    assert np.mean(np.array(p["null"]) <= 0.05) <= 0.15


def test_signs_planted_and_null():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(20, 150))
    first, second, other = truth + 0.5 * rng.normal(size=(3, 2, 20, 150))
    other = rng.permuted(other, axis=2)
    assert sign_agreement(first, second, rng, n_perm=99).p <= 0.05
    assert sign_agreement(first, other, rng, n_perm=99).p > 0.05
    assert sign_agreement(first, second, rng, n_perm=99).estimate > 0.9
