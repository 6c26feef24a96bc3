"""Effects, rules that call responders, and pseudo-perturbations."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import DataError, ParameterError
from helpers.evaluation.responders import (
    by_false_sign_rate,
    by_threshold,
    effects,
    false_sign_rates,
    log_normalised,
    pseudo_cells,
    shrunken,
    thinned,
)


def counts(seed, n=80, genes=40):
    rng = np.random.default_rng(seed)
    return rng.poisson(np.exp(rng.normal(0, 1, genes)), (n, genes))


def test_one_stratum_is_welchs_test():
    one, two = log_normalised(counts(0)), log_normalised(counts(1, 50))
    found = effects(one, two)
    expected = stats.ttest_ind(one, two, equal_var=False)
    np.testing.assert_allclose(found.p, expected.pvalue, rtol=1e-9)
    np.testing.assert_allclose(found.difference / found.se, expected.statistic, rtol=1e-9)


def test_strata_take_out_what_differs_between_days():
    day = np.repeat([0, 1], 40)
    one, two = counts(0).astype(float), counts(1).astype(float)
    shift = 5.0 * day[:, None]
    few = np.r_[np.arange(40), np.arange(40, 50)]  # most perturbed cells come from day 0
    found = effects((one + shift)[few], two + shift, day[few], day)
    apart = [one[:40].mean(0) - two[:40].mean(0), one[40:50].mean(0) - two[40:].mean(0)]
    expected = 0.8 * apart[0] + 0.2 * apart[1]
    np.testing.assert_allclose(found.difference, expected, atol=1e-12)
    assert np.abs(effects((one + shift)[few], two + shift).difference).mean() > 1


def test_a_gene_that_does_not_vary_has_p_one_and_is_never_called():
    one, two = counts(0), counts(1)
    one[:, 3] = two[:, 3] = 0
    found = effects(log_normalised(one), log_normalised(two))
    assert found.p[3] == 1 and found.se[3] == 0
    assert not by_threshold(found, 0.0)[3] and not by_false_sign_rate(found)[3]


def test_false_sign_rates_are_those_of_the_simulated_mixture():
    """Of genes whose rate is near r, about r have the other sign or no effect at all.

    Zero and very small effects cannot be told apart by a fit, so large rates are known less well.
    """
    rng = np.random.default_rng(3)
    effect = np.where(rng.random(20000) < 0.6, 0.0, rng.normal(0, 3, 20000))
    z = effect + rng.normal(size=effect.size)
    rate = false_sign_rates(z)
    wrong = np.sign(effect) != np.sign(z)
    for low, high, within in ((0, 0.05, 0.005), (0.05, 0.2, 0.05), (0.2, 0.5, 0.06)):
        inside = (rate >= low) & (rate < high)
        assert wrong[inside].mean() == pytest.approx(rate[inside].mean(), abs=within)


def test_without_effects_hardly_anything_is_called():
    z = np.random.default_rng(4).normal(size=5000)
    assert (false_sign_rates(z) < 0.05).sum() <= 2


def test_thinning_halves_means_and_keeps_whole_numbers():
    before = counts(5, 4000, 10)
    after = thinned(before, np.array([2, 7]), 0.5, np.random.default_rng(0))
    ratio = after.mean(0) / before.mean(0)
    np.testing.assert_allclose(ratio[[2, 7]], 0.5, atol=0.05)
    assert (np.delete(ratio, [2, 7]) == 1).all() and after.dtype.kind == "i"
    assert (thinned(before, np.array([1]), 0.0, np.random.default_rng(0))[:, 1] == 0).all()


def test_shrunken_effects_are_the_posterior_means_of_the_simulated_mixture():
    rng = np.random.default_rng(5)
    effect = np.where(rng.random(20000) < 0.6, 0.0, rng.normal(0, 4, 20000))
    z = effect + rng.normal(size=effect.size)
    found = shrunken(z)
    assert (np.abs(found) <= np.abs(z)).all() and (found * z >= 0).all()
    for low, high in ((0.5, 1.5), (2.0, 3.0), (4.0, 6.0)):
        near = (z > low) & (z < high)
        assert found[near].mean() == pytest.approx(effect[near].mean(), abs=0.15)


def test_pseudo_perturbations_call_their_targets_and_little_else():
    cells = counts(6, 1200, 60)
    reference = log_normalised(cells[:600])
    hits = wrong = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        drawn, targets = pseudo_cells(cells[600:], 150, 10, rng, 0.3)
        called = by_threshold(effects(log_normalised(drawn), reference), 0.25)
        hits += called[targets].sum()
        wrong += np.delete(called, targets).sum()
    assert hits >= 15 and wrong <= 5


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="no whole numbers"):
        log_normalised(np.array([[0.5, 1.0]]))
    with pytest.raises(DataError, match="1 cells have no counts"):
        log_normalised(np.array([[0, 0], [1, 2]]))
    with pytest.raises(DataError, match="no stratum"):
        effects(np.ones((2, 3)), np.ones((2, 3)), np.array([0, 0]), np.array([1, 1]))
    with pytest.raises(ParameterError, match="kept is 2"):
        thinned(counts(0), np.array([1]), 2, np.random.default_rng(0))
    with pytest.raises(ParameterError, match="99 targets among 40"):
        rng = np.random.default_rng(0)
        pseudo_cells(counts(0), 10, 99, rng)
