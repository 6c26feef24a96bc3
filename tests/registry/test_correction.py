"""Correction over the registry: known answers, bounds, families."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from bookkit.sensitivity import by_definition
from helpers.registry import TestRecord, frame
from helpers.registry.correction import calls, correct, eligible, family_summary

FIVE = [0.005, 0.011, 0.02, 0.04, 0.8]
FIVE_Q = [0.025, 0.0275, 1 / 30, 0.05, 0.8]


def row(number, p, **changes):
    notebook = changes.pop("notebook", "10_coexpression")
    base = {
        "test_id": f"{notebook[:2]}.{number}",
        "notebook": notebook,
        "hypothesis": "h",
        "statistic": "s",
        "test": "t",
        "null": "n",
        "unit": "TF",
        "n_units": 10,
        "family": f"F{notebook[:2]}",
        "role": "confirmatory",
        "p": p,
    }
    return TestRecord(**(base | changes))


def test_the_five_p_example():
    table = correct(frame([row(i, p) for i, p in enumerate(FIVE, 1)]))
    np.testing.assert_allclose(table["q_bh"], FIVE_Q)
    np.testing.assert_allclose(table["q_family"], FIVE_Q)
    np.testing.assert_allclose(table["q_by"], multipletests(FIVE, method="fdr_by")[1])
    np.testing.assert_allclose(table["q_holm"], multipletests(FIVE, method="holm")[1])
    assert table["call"].tolist() == ["significant"] * 4 + ["not significant"]


def test_families_and_variants_do_not_mix():
    rows = [row(i, p) for i, p in enumerate(FIVE, 1)]
    rows += [row(1, 0.04, notebook="11_cssi"), row(1, 0.9, variant="published", unit="pair")]
    rows += [row(6, 0.001, role="descriptive"), row(7, None, estimable=False, reason="2 TFs")]
    table = correct(frame(rows)).set_index(["test_id", "variant"])
    assert table.loc[("11.1", "corrected"), "q_family"] == 0.04
    np.testing.assert_allclose(table.loc[("11.1", "corrected"), "q_bh"], 6 * 0.04 / 5)
    assert table.loc[("10.1", "published"), "q_family"] == 0.9
    assert np.isnan(table.loc[("10.1", "published"), "q_bh"])
    assert np.isnan(table.loc[("10.6", "corrected"), "q_family"])
    assert table.loc[("10.7", "corrected"), "call"] == "not corrected"
    assert int(eligible(table).sum()) == 7
    summary = family_summary(table.reset_index()).set_index("family")
    assert summary.loc["F10", ["rows", "m", "not estimable"]].tolist() == [7, 5, 1]
    assert list(summary.index) == ["F10", "F10 (published)", "F11"]


def test_bounds_enter_as_intervals():
    rows = [row(1, 0.02, p_bound="<"), row(2, 0.03), row(3, 0.3, p_bound=">")]
    table = correct(frame(rows))
    assert table.loc[0, ["q_bh_low", "q_bh"]].tolist() == [0.0, pytest.approx(0.045)]
    np.testing.assert_allclose(table.loc[1, "q_bh"], 0.045)
    np.testing.assert_allclose(table.loc[2, ["q_bh_low", "q_bh"]].astype(float), [0.3, 1.0])
    open_call = calls(pd.Series([0.01]), pd.Series([0.2]))
    assert open_call.tolist() == ["open"]


def test_ties_get_the_same_q_and_an_empty_registry_gets_none():
    table = correct(frame([row(1, 0.02), row(2, 0.02), row(3, 0.5)]))
    assert table.loc[0, "q_bh"] == table.loc[1, "q_bh"] == pytest.approx(0.03)
    empty = correct(frame([]))
    assert empty.empty and "q_by" in empty.columns
    assert family_summary(empty).empty
    assert by_definition(frame([])).empty


def test_calls_that_depend_on_the_family_are_listed():
    rows = [row(i, p) for i, p in enumerate([0.001, 0.012, 0.3, 0.9], 1)]
    rows += [row(10 + i, 0.9, role="descriptive") for i in range(6)]
    rows += [row(1, 0.04, notebook="12_null_models")]
    table = by_definition(frame(rows)).set_index("test_id")
    assert table.loc["10.2", "A"] == pytest.approx(5 * 0.012 / 2)
    assert table.loc["10.2", "B"] == pytest.approx(11 * 0.012 / 2)
    # the primary tests are 10.2 and 12.1
    assert table.loc["10.2", "C"] == pytest.approx(0.024)
    assert table.loc["12.1", "C"] == pytest.approx(0.04)
    assert np.isnan(table.loc["10.1", "C"])
    assert bool(table.loc["10.2", "changes"]) and not bool(table.loc["10.3", "changes"])
    # both families pass Simes, so D runs at the full level
    assert table.loc["10.1", "D"] == 1.0 and table.loc["12.1", "D"] == 1.0
