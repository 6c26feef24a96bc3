"""The battery on null worlds: what it makes, how it counts, and that its worlds are null."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.analyses import multiplicity, null_models_records
from helpers.analyses import null_battery as nulls
from helpers.errors import ParameterError
from helpers.registry.declared import load
from helpers.running import sources
from helpers.statistics.results import Outcome

TINY = nulls.Sizes(resamples=99, label_draws=19, draws=3)


@pytest.fixture(scope="module")
def table():
    return nulls.null_battery(2, 5, TINY, cores=1, show_progress=False)


def of_page_10() -> tuple[str, ...]:
    return tuple(load(sources.statements_path("10_coexpression")).tests)


def made_up(p: np.ndarray) -> pd.DataFrame:
    floors = {f"floor {number}": 0.0 for number in nulls.TESTS}
    return pd.DataFrame(p, columns=list(nulls.TESTS)).assign(seed=range(len(p)), **floors)


def test_every_confirmatory_test_is_made_or_left_out_with_a_reason():
    declared = [
        *of_page_10(),
        *(f"11.{i}" for i in range(1, 16)),
        *null_models_records.DECLARED,
    ]
    descriptive = {"10.6", "12.11"}
    assert set(declared) == set(nulls.TESTS) | set(nulls.LEFT_OUT) | descriptive
    left, others = nulls.coverage(
        {"10_coexpression": of_page_10(), "20_scaling": ("20.1",), "01_data": ()}
    )
    assert left == ["10.5", "10.6"] and others == {"20_scaling": 1}


def test_null_world_has_neither_network_nor_depth():
    drawn = nulls.null_world(0)
    assert drawn.spec.regulation == 0 and drawn.spec.library_sd == 0
    assert drawn.attention.sizes["stratum"] == 3


def test_battery_gives_a_p_per_test_whatever_the_number_of_processes(table):
    assert list(table["seed"]) == [5, 6]
    p = table[list(nulls.TESTS)]
    assert ((p > 0) & (p <= 1) | p.isna()).all(axis=None)
    assert p.notna().mean().mean() > 0.9
    apart = nulls.null_battery(1, 6, TINY, cores=2, show_progress=False)
    pd.testing.assert_series_equal(apart.iloc[0], table.iloc[1], check_names=False)


def test_outcomes_are_those_of_the_pages():
    found = nulls.battery(5, TINY)
    assert set(found) == set(nulls.TESTS)
    assert isinstance(found["12.1"], Outcome) and found["12.1"].unit == "TF"


def test_share_of_worlds_counts_what_bh_and_by_call():
    p = np.full((50, len(nulls.TESTS)), 0.6)
    p[0, 3] = 0.001  # BH over 29 tests calls it, BY does not
    p[1, 0] = 1e-6
    p[2, :] = np.nan  # nothing estimable: nothing called
    p[2, 1] = 0.9
    share = nulls.null_share(made_up(p), "bh")
    assert (share["worlds"], share["called"]) == (50, 2)
    assert nulls.null_share(made_up(p), "by")["called"] == 1
    exact = stats.binomtest(2, 50).proportion_ci(method="exact")
    assert (share["low"], share["high"]) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_rejections_are_counted_and_floors_are_judged(table):
    p = np.full((200, len(nulls.TESTS)), 0.5)
    p[:30, 0] = 0.05
    rates = nulls.rejections(made_up(p)).set_index("test")
    assert rates.loc["10.1", "rejected"] == 30 > rates.loc["10.1", "expected high"]
    assert rates.loc["10.2", "share"] == 0 and (rates["alone"] == "BY").all()
    # 99 draws: no permutation test can be called by itself
    assert (nulls.rejections(table).set_index("test").loc["12.1", "alone"]) == "none"
    text = multiplicity.coverage_sentence(
        {"10_coexpression": ("10.1", "10.5")}, rates.reset_index()
    )
    assert "10.5 (an equivalence test" in text and "Alone, 1 of the tests reject" in text


def test_expected_range_widens_with_the_number_of_checks():
    assert nulls.binomial_range(200) == tuple(stats.binom.interval(0.95, 200, 0.05))
    one, many = nulls.binomial_range(200), nulls.binomial_range(200, 29)
    assert many[0] < one[0] and many[1] > one[1]


def test_no_worlds_are_refused():
    with pytest.raises(ParameterError, match="at least 1"):
        nulls.null_battery(0)
