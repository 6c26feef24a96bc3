"""The scaling page: tests that find what is there, and a closed form for each."""

import numpy as np
import pandas as pd
import pytest

from helpers.analyses import scaling
from helpers.analyses import scaling_records as records
from helpers.errors import ParameterError
from helpers.statistics.curve_fits import Fit


def test_f1_of_the_top_by_hand():
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    label = np.array([True, False, True, False, True])
    assert scaling.f1_at(scores, label, 3) == (pytest.approx(2 * 2 / (3 + 3)), 2)
    with pytest.raises(ParameterError, match="between 1 and the 5"):
        scaling.f1_at(scores, label, 6)


def test_more_cells_than_the_pool_are_refused():
    with pytest.raises(ParameterError, match="pool holds"):
        scaling.simulated_curve("iid-cells", [2000], 3, 0)


def test_growing_noise_is_found_and_averaging_noise_is_not():
    sizes = [750, 1000]
    falling = scaling.simulated_curve("noise-grows", sizes, 5, 0)
    assert (falling["auroc"] < 0.95).all()
    assert scaling.change(falling, 1000, 750, 0).p == pytest.approx(1 / 32)
    rising = scaling.simulated_curve("iid-cells", [25, 750], 4, 0)
    assert scaling.change(rising, 25, 750, 0).p == pytest.approx(1 / 16)
    assert scaling.change(rising, 750, 25, 0).p > 0.5


def test_states_in_order_give_a_correlation_of_one_and_shuffled_ones_do_not():
    table = pd.DataFrame(
        [(r, s, 0.1 * r - s) for r in range(6) for s in (1, 3, 6)],
        columns=["replicate", "states", "auroc"],
    )
    found = scaling.state_correlation(table, 499, 0)
    assert found.estimate == pytest.approx(-1.0)
    assert found.p < 0.01
    rng = np.random.default_rng(1)
    rejected = [
        scaling.state_correlation(table.assign(auroc=rng.normal(size=18)), 199, i).p < 0.05
        for i in range(60)
    ]
    assert np.mean(rejected) < 0.15


def test_two_repeats_have_a_floor_of_one_in_six():
    value, p, floor = scaling.repeats_exchange(np.array([3.0, 4.0]), np.array([1.0, 2.0]))
    assert (value, p, floor) == (2.0, pytest.approx(1 / 6), pytest.approx(1 / 6))


def test_a_planted_step_is_found_and_a_smooth_curve_is_not():
    n = np.array(scaling.PUBLISHED_SIZES, dtype=float)
    noise = 0.002 * np.random.default_rng(0).normal(size=9)
    smooth = scaling.LOGARITHM.predict(n) + noise
    assert scaling.largest_step(n, smooth, 99, 0, "logarithmic").p > 0.05
    found = scaling.largest_step(n, smooth, 99, 0, "logarithmic")
    assert found.p_floor == pytest.approx(0.01)


def test_little_noise_identifies_the_curve_and_the_archived_noise_does_not():
    rates = scaling.selection_table([0.002, 0.0125], 60, 0)
    low, high = (part for _, part in rates.groupby("sd"))
    assert scaling.verdict(low) == "can be told apart"
    assert low.set_index("truth").loc["exponential saturation", "exponential saturation"] > 0.9
    assert high["logarithmic"].min() > 0.7
    assert isinstance(scaling.EXPONENTIAL, Fit)


def test_the_printed_sign_test():
    row = records.printed_fall()
    assert row.p == pytest.approx(2**-9)
    assert row.variant == "published"


def test_a_flat_curve_passes_the_equivalence_test_and_a_steep_one_does_not():
    rng = np.random.default_rng(0)
    flat = pd.DataFrame(
        [(r, n, 0.6 + 0.002 * rng.normal()) for r in range(6) for n in (250, 500, 1000)],
        columns=["replicate", "cells", "auroc"],
    )
    assert scaling.trend(flat).p < 0.01
    steep = flat.assign(auroc=flat["auroc"] + 0.05 * np.log2(flat["cells"]))
    assert scaling.trend(steep).p > 0.9
    assert scaling.trend(steep).estimate == pytest.approx(0.05, abs=0.005)
