"""Tests of curves: a planted step, the printed curves told apart, and error rates."""

import calibration_kit as kit
import numpy as np
import pandas as pd
import pytest

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.curve_fits import Fit, fit
from helpers.statistics.curve_tests import aicc_test, largest_step_test, rise_tests

N = np.array([25, 50, 100, 150, 200, 300, 500, 750, 1000], dtype=float)
SATURATING = Fit(
    "exponential saturation", {"a": 0.089, "b": 0.00554, "c": 0.519}, {}, {}, 0.9, 0.0, 0.0125
)
LOGARITHM = Fit("logarithmic", {"a": 0.022, "c": 0.457}, {}, {}, 0.83, 0.0, 0.0125)


def drawn(truth, sd, seed):
    return truth.predict(N) + sd * np.random.default_rng(seed).normal(size=N.size)


def repeated(truth, sd, seed, step=0.0):
    """Two repeats at every size; a planted step lifts every size from 200 on."""
    noise = sd * np.random.default_rng(seed).normal(size=(N.size, 2))
    return (truth.predict(N) + step * (N >= 200))[:, None] + noise


def step_test(values, seed=0):
    return largest_step_test(N, values, np.random.default_rng(seed), 99, "logarithmic")


def test_a_planted_step_is_found_and_a_smooth_curve_is_not():
    assert step_test(repeated(LOGARITHM, 0.005, 0)).p > 0.05
    found = step_test(repeated(LOGARITHM, 0.005, 0, step=0.05))
    assert found.p == found.p_floor == pytest.approx(0.01)
    mean = repeated(LOGARITHM, 0.005, 0, step=0.05).mean(axis=1)
    by_hand = np.diff(mean - fit("logarithmic", N, mean).predict(N))
    assert found.estimate == pytest.approx(np.abs(by_hand).max())
    assert found.unit == "run" and found.n_units == 18


def test_noise_from_the_residuals_would_hide_the_step():
    """The earlier version of the test: here a step of ten SDs of a mean is not found by it."""
    mean = repeated(LOGARITHM, 0.005, 0, step=0.05).mean(axis=1)
    truth, rng = fit("logarithmic", N, mean), np.random.default_rng(0)

    def departure(y):
        return np.abs(np.diff(y - fit("logarithmic", N, y).predict(N))).max()

    drawn = [departure(truth.predict(N) + truth.sd * rng.normal(size=9)) for _ in range(99)]
    assert (1 + np.sum(drawn >= departure(mean))) / 100 > 0.05


def test_aicc_rejects_a_logarithm_under_saturation_with_little_noise_only():
    clear = aicc_test(N, drawn(SATURATING, 0.002, 1), np.random.default_rng(0), 99)
    assert clear.p <= 0.05 and clear.estimate < clear.detail["null_mean"]
    noisy = aicc_test(N, drawn(SATURATING, 0.0125, 1), np.random.default_rng(0), 99)
    assert noisy.p > 0.05
    parts = [
        fit(name, N, drawn(SATURATING, 0.0125, 1)) for name in (SATURATING.name, "logarithmic")
    ]
    assert noisy.estimate == pytest.approx(parts[0].aicc - parts[1].aicc)


def test_what_has_no_answer_says_so():
    rng = np.random.default_rng(0)
    few = largest_step_test(N[:4], np.ones((4, 2)), rng, 9)
    assert "too few" in few.reason and "too few" in aicc_test(N[:4], N[:4], rng, 9).reason
    same = np.repeat(drawn(LOGARITHM, 0.01, 0)[:, None], 2, axis=1)
    assert "noise is unknown" in largest_step_test(N, same, rng, 9, "logarithmic").reason
    with pytest.raises(ParameterError, match="r >= 2"):
        largest_step_test(N, N, rng, 9)


DOSES = 5
SHARED = 0.02**2 * (0.6 + 0.4 * np.eye(DOSES))
"""Covariance of points that rest on the same pairs."""


def rises(y, seed=0, covariance=SHARED, df=20, draws=199):
    about = {"unit": "TF x target", "n_units": 20}
    return rise_tests(y, covariance, df, np.random.default_rng(seed), draws, **about)


def test_isotonic_statistics_are_those_of_pooled_neighbours():
    found = rises(np.array([0.0, 0.03, 0.01, 0.05, 0.05]))
    fitted = np.array([0.0, 0.02, 0.02, 0.05, 0.05])  # 0.03 and 0.01 are pooled
    assert found["rise"].estimate == pytest.approx(0.05)
    gap = np.array([0.0, 0.03, 0.01, 0.05, 0.05]) - fitted
    assert found["fall"].estimate == pytest.approx(np.sqrt((gap**2).mean()))
    assert found["rise"].null == "a constant curve" and found["rise"].unit == "TF x target"


def test_a_rising_curve_rises_and_one_that_falls_in_between_falls():
    up = rises(np.array([0.0, 0.04, 0.08, 0.12, 0.16]))
    assert up["rise"].p <= 0.01 and up["fall"].estimate == 0 and up["fall"].p == 1
    back = rises(np.array([0.0, 0.15, 0.15, 0.0, 0.0]))
    assert back["fall"].p <= 0.01
    assert rises(-np.arange(5) * 0.05)["rise"].p == 1


WORLDS = 120


def rates_of_a_true_curve():
    """Return the shares of draws of a logarithm in which either test rejects it."""
    steps = [step_test(repeated(LOGARITHM, 0.0125, seed), seed).p for seed in range(WORLDS)]
    rng = np.random.default_rng(2)
    found = [aicc_test(N, drawn(LOGARITHM, 0.0125, seed), rng, 39) for seed in range(WORLDS)]
    choices = [one.p for one in found if not isinstance(one, NotEstimable)]
    for name, p in (("step", steps), ("choice", choices)):
        yield {"test": name, "draws": len(p), "rate": np.mean(np.array(p) <= 0.05)}


def rates_of_rises(name, steps, df=12):
    """Return the shares of worlds in which a curve that rises nowhere, or everywhere, is called."""
    rng, low = np.random.default_rng(3), {"rise": 0, "fall": 0}
    for seed in range(WORLDS):
        # a covariance that is estimated from as many draws as its degrees of freedom say
        y, *sample = rng.multivariate_normal(np.zeros(DOSES), SHARED, size=df + 2)
        for test, one in rises(steps + y, seed, np.cov(np.array(sample).T), df, 99).items():
            low[test] += one.p <= 0.05
    for test, count in low.items():
        yield {"test": f"{test}, {name}", "draws": WORLDS, "rate": count / WORLDS}


def measure():
    """Return what is called where there is nothing to find."""
    rows = [*rates_of_a_true_curve(), *rates_of_rises("flat", np.zeros(DOSES))]
    return pd.DataFrame([*rows, *rates_of_rises("up", 0.01 * np.arange(DOSES))])


@pytest.fixture(scope="module")
def recorded():
    return kit.kept_draws("curves", measure).set_index("test")


def test_a_true_curve_is_rejected_no_more_often_than_the_level(recorded):
    about = recorded.loc[["step", "choice"]]
    assert (about["draws"] > 100).all()
    assert (about["rate"] <= 0.10).all()  # 97.5 % point of 120 draws at 0.05


def test_error_rates_of_both_tests_keep_their_level(recorded):
    assert (recorded.loc[["fall, flat", "fall, up"], "rate"] <= 0.1).all()
    assert 0.01 <= recorded.loc["rise, flat", "rate"] <= 0.1


def test_points_without_variance_have_no_test():
    found = rises(np.zeros(DOSES), covariance=np.zeros((DOSES, DOSES)))
    assert all(isinstance(one, NotEstimable) for one in found.values())
