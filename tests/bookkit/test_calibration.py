"""Records of calibrations: found with the package, and honest about their age."""

import pandas as pd
import pytest

from bookkit import calibration
from bookkit.finding_tables import test_names as names_of_tests
from helpers.errors import RunError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "RECORDS", tmp_path)
    return tmp_path


def test_a_record_returns_what_was_kept_and_says_whether_the_code_is_the_same(folder, monkeypatch):
    rates = pd.DataFrame({"test": ["12.1"], "draws": [400], "share": [0.05]})
    kept = calibration.keep("x", rates, ["helpers.statistics.multiplicity"])
    assert kept.current and kept.rates.equals(rates)
    assert [one.name for one in calibration.records("*")] == ["x"]
    whole = calibration.keep("y", rates)
    assert whole.current, "by default the tests over pairs and the pages that make them"
    monkeypatch.setattr(calibration, "computing", lambda source: "other code")
    assert not calibration.record_of("x").current and not calibration.record_of("y").current


def test_a_record_that_is_not_there_says_what_is(folder):
    calibration.keep("x", pd.DataFrame({"a": [1]}))
    with pytest.raises(RunError, match=r"no calibration 'z' is recorded; recorded are \['x'\]"):
        calibration.record_of("z")


def test_the_digest_follows_the_functions_of_the_pages(monkeypatch):
    before = calibration.code_digest()
    monkeypatch.setattr(calibration.notebooks, "load", lambda name: {"cells": []})
    assert calibration.code_digest() != before
    assert calibration.code_digest(["helpers.statistics.multiplicity"]) != before


def test_shipped_records_hold_what_pages_read():
    hubs = calibration.records("hubs-*")
    assert hubs, "the package has records"
    for one in hubs:
        assert {"test", "draws", "share", "low", "high", "most", "coverage", "world"} <= set(
            one.rates
        )
    before = calibration.record_of("before").rates
    assert {"10.3", "10.5", "12.1", "12.11", "draws", "world"} <= set(before)


def test_every_declared_test_has_a_name_of_its_own():
    names = names_of_tests()
    assert names["12.1"] == "AUROC, gene labels permuted (12.1)"
    assert names["11.15"] == "mean false share (11.15)"
    assert len(set(names.values())) == len(names)
