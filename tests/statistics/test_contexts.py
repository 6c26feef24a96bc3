"""Agreement of contexts, invariance, and donors as the units."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.contexts import context_agreement, invariance_test, kinds_over_donors


def contexts(shared, rng, c=3, m=10, g=40, noise=1.0):
    """Return halves of c contexts whose genes are prominent, with or without shared pairs."""
    common = shared * rng.normal(size=(m, g))
    own = rng.normal(size=(c, m, g)) + 1.5 * rng.normal(size=(c, 1, g))
    return (common + own)[:, None] + noise * rng.normal(size=(c, 2, m, g))


def test_statistics_by_hand():
    rng = np.random.default_rng(0)
    halves = contexts(1.0, rng)
    found = context_agreement(halves, rng, 19)
    used = ~np.eye(10, 40, dtype=bool)
    full = halves.sum(axis=1)[:, used]
    rho = stats.spearmanr(full.T).statistic[np.triu_indices(3, 1)].mean()
    assert found["rho"].estimate == pytest.approx(rho)
    top = [set(np.flatnonzero(np.abs(x) >= np.quantile(np.abs(x), 0.95))) for x in full]
    pairs = ((0, 1), (0, 2), (1, 2))
    shared = np.mean([len(top[i] & top[j]) / len(top[i]) for i, j in pairs])
    assert found["top"].estimate == pytest.approx(shared)
    a, b = halves[:, 0][:, used], halves[:, 1][:, used]
    strong = [np.abs(x) >= np.quantile(np.abs(x), 0.95) for x in a]
    same = [((b[i] > 0) == (b[j] > 0))[strong[i] & strong[j]] for i, j in pairs]
    assert found["signs"].estimate == pytest.approx(np.concatenate(same).mean())


def test_planted_and_null():
    rng = np.random.default_rng(1)
    hits = {shared: [] for shared in (0.0, 2.0)}
    for shared, p in hits.items():
        for _ in range(40):
            found = context_agreement(contexts(shared, rng), rng, 99)
            p.append([found[name].p for name in ("rho", "top")])
    assert (np.array(hits[0.0]) <= 0.05).mean(axis=0).max() <= 0.15
    assert (np.array(hits[2.0]) <= 0.05).mean(axis=0).min() >= 0.8


def test_invariance_planted_and_null():
    rng = np.random.default_rng(0)
    p, context, group = {0.0: [], 0.5: []}, np.arange(240) % 3, np.arange(240) // 60
    for shift, found in p.items():
        for _ in range(30):
            x = rng.standard_t(4, size=(240, 40)) + group[:, None]
            x[:, :8] += shift * (context == 1)[:, None]
            found.append(invariance_test(x, context, group, rng, 99).p)
    assert np.mean(np.array(p[0.0]) <= 0.05) <= 0.17
    assert np.mean(np.array(p[0.5]) <= 0.05) >= 0.8
    assert isinstance(invariance_test(x, np.zeros(240), group, rng), NotEstimable)


def test_donors_are_the_units():
    donor, kind = np.repeat(list("abcd"), 3), np.tile(["x", "y", "z"], 4)
    rng = np.random.default_rng(0)
    rho = 0.2 + 0.3 * (kind[:, None] == kind) + 0.01 * rng.normal(size=(12, 12))
    found = kinds_over_donors((rho + rho.T) / 2, donor, kind, rng, 199)
    assert found.n_units == 4 and found.low < 0.3 < found.high and found.p < 0.05
    two = kind != "z"
    few = kinds_over_donors(rho[np.ix_(two, two)], donor[two], kind[two], rng)
    assert "8 arrangements" in few.reason
    assert isinstance(kinds_over_donors(rho[:4, :4], donor[:4], kind[:4], rng), NotEstimable)
    assert isinstance(kinds_over_donors(rho, donor, np.repeat("x", 12), rng), NotEstimable)


def test_kinds_that_are_labelled_at_random_within_donors_are_no_kinds():
    """A t from leaving out donors rejects here in 12 % of draws; a permutation does not."""
    donor, kind, p = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4), []
    for k in range(200):
        rng = np.random.default_rng([k, 1])
        kinds = 2 * rng.normal(size=(3, 50))
        blocks = np.concatenate([kinds[rng.permutation(3)] for _ in range(4)])
        rho = np.corrcoef(blocks + rng.normal(size=(12, 50)))
        p.append(kinds_over_donors(rho, donor, kind, rng, 59).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.09
    rho = np.ones((12, 12))
    assert isinstance(kinds_over_donors(rho, donor, kind, rng, 59), NotEstimable)


def test_degenerate_input():
    rng = np.random.default_rng(0)
    assert not context_agreement(contexts(1.0, rng, c=1), rng)["rho"]
    broken = contexts(1.0, rng)
    broken[0, 0, 0, 5] = np.nan
    with pytest.raises(ParameterError):
        context_agreement(broken, rng)
