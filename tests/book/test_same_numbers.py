"""Two pages that compute one thing print one number."""

from __future__ import annotations

import json

import pytest

from helpers.files import results_dir

PAGES = ("10_coexpression", "14_at_a_glance")


def test_attention_at_a_glance_is_that_of_the_tests():
    paths = [results_dir() / "demo" / page / "values.json" for page in PAGES]
    if absent := [path.parent.name for path in paths if not path.is_file()]:
        pytest.skip(f"no results of {absent}; make them: make book")
    tests, glance = (json.loads(path.read_text()) for path in paths)
    compared = 0
    for key, one in glance.items():
        data, *rest = key.split("/")
        if data == "control" or len(rest) != 3 or rest[2] != "attention":
            continue
        reference, model, _ = rest
        assert one["value"] == pytest.approx(tests[f"10.3/{model}/{data}/{reference}"]["value"])
        compared += 1
    assert compared >= 4
