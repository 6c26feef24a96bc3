"""Values that prose may cite: stored, looked up, printed."""

import numpy as np
import pytest

from bookkit import values as v
from helpers.errors import RunError
from helpers.estimates import Estimate, NotEstimable


def test_numbers_become_plain():
    stored = v.entry({"a": np.int64(3), "b": (np.float32(0.5), np.bool_(True))}, "k", unit="gene")
    assert stored == {"value": {"a": 3, "b": [0.5, True]}, "unit": "gene"}
    assert v.entry(np.arange(2), "k") == {"value": [0, 1]}


@pytest.mark.parametrize("bad", [float("nan"), np.inf, [1.0, float("nan")], object(), {1, 2}])
def test_what_cannot_be_stored_is_refused(bad):
    with pytest.raises(RunError):
        v.entry(bad, "k")


@pytest.mark.parametrize("key", ["", "/a", "a/", "a b", "a.low", "a:b", "ä"])
def test_malformed_keys_are_refused(key):
    with pytest.raises(RunError):
        v.check_key(key)


def test_lookup_of_entries_and_fields():
    values = {
        "a/b": v.entry(Estimate(0.5, 0.4, 0.6, detail={"positives": 7}), "a/b"),
        "none": v.entry(NotEstimable("two units"), "none"),
    }
    assert v.lookup(values, "a/b") == 0.5
    assert v.lookup(values, "a/b.high") == 0.6
    assert v.lookup(values, "a/b.positives") == 7
    assert v.shown(v.lookup(values, "none")) == "not estimable: two units"
    assert v.shown(v.lookup(values, "none.low"), ".2f") == "not estimable: two units"
    for key in ("a", "a/b.median", "none2.low", ""):
        with pytest.raises(KeyError):
            v.lookup(values, key)


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (0.12345, "", "0.123"),
        (0.12345, ".1f", "0.1"),
        (12345, "", "12,345"),
        (12345, "d", "12345"),
        (-0.5, ".1f", "\N{MINUS SIGN}0.5"),
        (True, "", "yes"),
        ("REST-1", "", "REST-1"),
        ([1, 2.5], "", "1, 2.5"),
        (None, "", "none"),
        (0.25, ".0%", "25\N{NO-BREAK SPACE}%"),
    ],
)
def test_printing(value, spec, text):
    assert v.shown(value, spec) == text


def test_a_format_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError):
        v.shown("text", ".2f")
