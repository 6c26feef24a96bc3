"""Curve fits against known truths and an independent least-squares route."""

import numpy as np
import pytest

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.curve_fits import Fit, exponential, fit, fit_all, selection_rates

N = np.array([25, 50, 100, 150, 200, 300, 500, 750, 1000.0])


def test_linear_fit_and_interval_equal_statsmodels():
    import statsmodels.api as sm

    y = 0.5 + 1e-4 * N + np.random.default_rng(0).normal(scale=0.01, size=N.size)
    found, oracle = fit("linear", N, y), sm.OLS(y, sm.add_constant(N)).fit()
    assert (found.params["c"], found.params["a"]) == pytest.approx(tuple(oracle.params), rel=1e-5)
    assert (found.low["a"], found.high["a"]) == pytest.approx(tuple(oracle.conf_int()[1]), rel=1e-4)
    assert found.r2 == pytest.approx(oracle.rsquared, rel=1e-6)


def test_exponential_truth_is_recovered():
    found = fit("exponential saturation", N, exponential(N, 0.1, 0.01, 0.5) + 1e-9 * N)
    assert list(found.params.values()) == pytest.approx([0.1, 0.01, 0.5], rel=1e-3)


def test_selection_works_with_small_noise_and_not_with_large():
    rng = np.random.default_rng(1)
    truth = fit(
        "exponential saturation",
        N,
        exponential(N, 0.089, 0.00554, 0.519) + 1e-4 * rng.normal(size=9),
    )
    assert isinstance(truth, Fit)
    small = Fit(**{**truth.__dict__, "sd": 0.002})
    large = Fit(**{**truth.__dict__, "sd": 0.0125})
    assert selection_rates(N, small, 60, rng)["exponential saturation"] > 0.9
    assert selection_rates(N, large, 60, rng)["exponential saturation"] < 0.5


def test_what_cannot_be_fitted_is_said():
    assert isinstance(fit("exponential saturation", N[:5], N[:5]), NotEstimable)
    with pytest.raises(ParameterError, match="No curve"):
        fit("cubic", N, N)
    assert isinstance(fit_all(N, np.log(N))["linear"], Fit)


def test_points_that_do_not_vary_have_no_curve():
    flat = fit_all(N, np.full(N.size, 0.6))
    assert all("do not vary" in one.reason for one in flat.values())
