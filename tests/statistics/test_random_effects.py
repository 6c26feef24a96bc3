"""Partial pooling, against statsmodels and on groups whose heterogeneity is known."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.random_effects import random_effects


def groups(rng, k=20, tau=0.1, mean=0.55):
    variances = rng.uniform(0.002, 0.02, k)
    truth = mean + tau * rng.normal(size=k)
    return truth + np.sqrt(variances) * rng.normal(size=k), variances, truth


def test_mean_tau_and_q_against_statsmodels():
    values, variances, _ = groups(np.random.default_rng(0))
    found = random_effects(values, variances)
    expected = combine_effects(values, variances, method_re="iterated", use_t=True, atol=1e-12)
    assert found.tau**2 == pytest.approx(expected.tau2, abs=1e-7)
    assert found.mean == pytest.approx(expected.mean_effect_re, abs=1e-6)
    assert found.q == pytest.approx(expected.q)
    assert found.i2 == pytest.approx(expected.i2)
    low, high = expected.conf_int(use_t=True)[3]  # Hartung-Knapp, random effects
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_shrunken_values_are_the_posterior_of_the_normal_model():
    values, variances, _ = groups(np.random.default_rng(1))
    found = random_effects(values, variances)
    tau2 = found.tau**2
    posterior = (values / variances + found.mean / tau2) / (1 / variances + 1 / tau2)
    np.testing.assert_allclose(found.shrunk, posterior, rtol=1e-9)
    assert np.ptp(found.shrunk) < np.ptp(values)
    assert (found.shrunk_se**2 >= 1 / (1 / variances + 1 / tau2) - 1e-15).all()


def test_equal_values_have_no_heterogeneity():
    found = random_effects(np.full(5, 0.6), np.full(5, 0.01))
    assert found.tau == 0 and found.i2 == 0 and found.q == pytest.approx(0, abs=1e-20)
    assert found.p == pytest.approx(1) and (found.shrunk == found.mean).all()


def test_order_and_scale_do_not_matter():
    values, variances, _ = groups(np.random.default_rng(2))
    found = random_effects(values, variances)
    again = random_effects(10 * values[::-1] + 1, 100 * variances[::-1])
    assert again.tau == pytest.approx(10 * found.tau)
    np.testing.assert_allclose(again.shrunk[::-1], 10 * found.shrunk + 1)
    assert again.prediction == pytest.approx([10 * x + 1 for x in found.prediction])


def test_few_groups_and_bad_variances():
    assert isinstance(random_effects([0.5, 0.6], [0.1, 0.1]), NotEstimable)
    with pytest.raises(ParameterError, match="positive"):
        random_effects([0.5, 0.6, 0.7], [0.1, 0.0, 0.1])
    with pytest.raises(ParameterError, match="finite"):
        random_effects([0.5, np.nan, 0.7], [0.1, 0.1, 0.1])


@pytest.mark.parametrize("tau", [0.0, 0.1])
def test_mean_and_prediction_cover_and_q_keeps_its_level(tau):
    rng, mean, new, q = np.random.default_rng(3), [], [], []
    for _ in range(500):
        values, variances, _ = groups(rng, tau=tau)
        found = random_effects(values, variances)
        mean.append(found.low <= 0.55 <= found.high)
        drawn = 0.55 + tau * rng.normal()
        new.append(found.prediction[0] <= drawn <= found.prediction[1])
        q.append(found.p <= 0.05)
    assert np.mean(mean) >= 0.93 and np.mean(new) >= 0.90
    if tau == 0:
        assert sum(q) <= stats.binom.ppf(0.995, 500, 0.05)
    else:
        assert np.mean(q) > 0.7
