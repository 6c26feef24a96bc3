"""The schema of a parameters cell, and what it refuses."""

import math

import nbformat.v4
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookkit import parameters as p
from helpers.errors import ParameterError

CELL = """\
seed: int = 0  # [0, 2**31-1] seed of everything random
rate: float = 0.5  # (0, 1] share kept
name: str = "a"  # {a, b} which one
flag: bool = False  # whether
layers: list[int] = [0, 1]  # [0, 11] layers
models: list[str] = [
    "x",
    "y",
]  # {x, y, z} models
free: str = "a#b"  # any text
low: float = -1e-3  # [-1, inf] open above
"""


@pytest.fixture
def schema():
    return p.parse_cell(CELL)


def test_schema_is_read(schema):
    assert schema["seed"] == p.Parameter(
        "seed", "int", 0, "seed of everything random", 0, 2**31 - 1
    )
    assert schema["rate"].open_low and not schema["rate"].open_high
    assert schema["models"].choices == ("x", "y", "z")
    assert schema["free"].default == "a#b" and schema["free"].description == "any text"
    assert (schema["low"].low, schema["low"].high) == (-1, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 2**31),
        ("seed", 1.0),
        ("seed", True),
        ("seed", "1"),
        ("rate", 0.0),
        ("rate", 1.01),
        ("rate", math.nan),
        ("name", "c"),
        ("flag", 1),
        ("layers", [12]),
        ("layers", 3),
        ("layers", ["1"]),
        ("models", ["q"]),
        ("unknown", 1),
    ],
)
def test_wrong_values_are_refused(schema, name, value):
    with pytest.raises(ParameterError, match=name):
        p.settle(schema, {name: value}, "here")


def test_settle_gives_defaults_and_turns_int_into_float(schema):
    values = p.settle(schema, {"rate": 1, "layers": (2,)}, "here")
    assert values["rate"] == 1.0 and type(values["rate"]) is float
    assert values["layers"] == [2]
    assert values["name"] == "a"


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("seed=7", 7),
        ("rate=1", 1.0),
        ("flag=true", True),
        ("layers=3,4", [3, 4]),
        ("models=[x, 'z']", ["x", "z"]),
        ("layers=", []),
        ("free=a=b", "a=b"),
    ],
)
def test_text_of_the_command_line(schema, pair, value):
    name = pair.split("=")[0]
    assert p.read_assignments(schema, [pair], "here") == {name: value}


@pytest.mark.parametrize(
    "pairs", [["seed"], ["seed=x"], ["seed=1.5"], ["seed=1", "seed=2"], ["flag=1"], ["sed=1"]]
)
def test_text_that_is_refused(schema, pairs):
    with pytest.raises(ParameterError):
        p.read_assignments(schema, pairs, "here")


@pytest.mark.parametrize(
    "line",
    [
        "x = 1",
        "x: dict = {}",
        "x: int = 1 + y",
        "x: int = 5  # [0, 3] default out of range",
        "x: int = 1  # [a, 3] limit is no number",
        "x: str = 'a'  # [0, 1] range of text",
        "x: int",
        "x: int = 1\nx: int = 2",
        "print(1)",
    ],
)
def test_malformed_cells_are_refused(line):
    with pytest.raises(ParameterError):
        p.parse_cell(line)


def test_exactly_one_cell_with_a_seed():
    cell = nbformat.v4.new_code_cell("seed: int = 0", metadata={"tags": ["parameters"]})
    other = nbformat.v4.new_code_cell("n: int = 0", metadata={"tags": ["parameters"]})
    assert "seed" in p.read_parameters({"cells": [cell]})
    for cells in ([], [cell, cell], [other]):
        with pytest.raises(ParameterError):
            p.read_parameters({"cells": cells})


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-100, 100))
def test_prop_ranges_accept_exactly_what_lies_inside(a, b, value):
    low, high = min(a, b), max(a, b)
    schema = p.parse_cell(f"x: int = {low}  # [{low}, {high}] a number")
    if low <= value <= high:
        assert p.settle(schema, {"x": value}, "") == {"x": value}
        assert schema["x"].read(str(value)) == value
    else:
        with pytest.raises(ParameterError):
            p.settle(schema, {"x": value}, "")
