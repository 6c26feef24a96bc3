"""Checks of exercises accept what is right, refuse mistakes, and must be able to tell."""

import doctest

import numpy as np
import pandas as pd
import pytest

from bookkit import teaching
from bookkit.teaching import Check, difference
from helpers.errors import ExerciseError


def test_the_examples_hold():
    failures, tried = doctest.testmod(teaching)
    assert tried >= 8 and failures == 0


RIGHT_AND_WRONG = [
    (0.25, 0.2501, 0.3),
    (0.25, np.float32(0.25), "0.25"),
    (-0.5, -0.5, 0.5),
    (4096, 4096, 24),
    (0.0, 0.0, 1e-9),
    (True, np.bool_(True), False),
    (True, True, 1),
    ("query", " Query ", "key"),
    ("query", "query", 3),
    ({"INS", "GCG"}, ["GCG", "INS"], {"INS"}),
    ({"INS"}, {"INS"}, "INS"),
    ([1.0, 2.0], np.array([1, 2]), [2.0, 1.0]),
    ([1.0, 2.0], (1.0, 2.0), [1.0, 2.0, 3.0]),
    (["a", "b"], np.array(["a", "b"]), ["b", "a"]),
    ([1.0, np.nan], [1.0, np.nan], [1.0, 2.0]),
    ([1.0, 2.0], [1.0, 2.0], ["1", "2"]),
    ({"rho": 0.3, "n": 9}, pd.Series({"rho": 0.3, "n": 9.0}), {"rho": 0.4, "n": 9}),
    ({"rho": 0.3}, {"rho": 0.3}, {"r": 0.3}),
    ({"rho": 0.3}, {"rho": 0.3}, 0.3),
]


@pytest.mark.parametrize(("expected", "right", "wrong"), RIGHT_AND_WRONG)
def test_right_passes_and_wrong_does_not(expected, right, wrong):
    check = Check("ex-1", expected, {"look again": wrong})
    assert check(right).right is True
    assert check.solution(right).right is True
    found = check(wrong)
    assert found.right is False and found.message == "look again."
    with pytest.raises(ExerciseError, match=r"solution of ex-1.*look again"):
        check.solution(wrong)
    assert difference(wrong, expected)


@pytest.mark.parametrize("gap", [..., None])
def test_a_gap_is_no_answer_and_no_solution(gap):
    check = Check("ex-1", 3, {"one too many": 4})
    assert check(gap).right is None
    with pytest.raises(ExerciseError):
        check.solution(gap)


def test_other_wrong_answers_say_how_they_differ():
    check = Check("ex-1", 0.2, {"that is a per cent": 20})
    assert str(check(0.3)) == "Not yet: 0.3 is too large."
    assert str(check(-0.2)) == "Not yet: -0.2 has the wrong sign."
    assert "NaN" in str(check(float("nan")))
    assert "one number" in str(check(np.array([0.2])))


def test_functions_are_compared_on_calls():
    on = [(np.array([3.0, 1.0, 2.0]),), (np.array([5.0, 4.0]),)]
    check = Check("ex-1", np.mean, {"that is the sum": np.sum}, on=on)
    assert check.solution(lambda x: x.sum() / len(x)).right
    assert str(check(np.sum)) == "Not yet: that is the sum."
    assert "on arguments 1 of 2" in str(check(np.max))
    assert "raised TypeError" in str(check(lambda: 0))
    assert "a function is wanted" in str(check(2.0))


@pytest.mark.parametrize(
    ("expected", "mistakes", "options", "why"),
    [
        (0.5, {}, {}, "at least one mistake"),
        (0.5, {"almost": 0.501}, {}, "would be accepted"),
        (0.5, {"far": 0.9}, {"atol": 1.0}, "would be accepted"),
        (np.mean, {"sum": np.sum}, {}, "arguments"),
        (float("nan"), {"zero": 0.0}, {}, "is refused"),
    ],
)
def test_a_check_that_cannot_tell_is_refused(expected, mistakes, options, why):
    with pytest.raises(ExerciseError, match=why):
        Check("ex-1", expected, mistakes, **options)


def test_what_is_shown_is_escaped():
    shown = Check("ex-<1>", "a", {"<b>": "b"})("b")._repr_html_()
    assert "<b>" not in shown and "&lt;b&gt;" in shown and 'role="status"' in shown
