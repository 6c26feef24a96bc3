"""Worlds of screens in contexts hold what they promise."""

import numpy as np
import pytest

from helpers.datasets.simulate.contexts import CONTEXTS, context_world
from helpers.errors import ParameterError


@pytest.mark.parametrize("name", CONTEXTS)
def test_shapes_seed_and_own_pairs(name):
    made, again = (context_world(name, 3, 8, 40, 5) for _ in range(2))
    assert made.layers.shape == (5, 8, 40)
    for one in (made.coexpression, made.restricted, *made.layers, *made.moved.values()):
        assert np.isnan(np.diag(one)).all() and np.isnan(one).sum() == 8
    assert np.array_equal(made.layers, again.layers, equal_nan=True)


def test_more_cells_show_larger_changes_unless_they_are_equal():
    made = context_world("same-contexts", 0)
    assert np.nanmean(made.moved["B"]) > 1.1 * np.nanmean(made.moved["A"])
    equal = context_world("same-contexts", 0, equal_cells=True)
    assert equal.cells == {"A": 40, "B": 40}
    assert np.nanmean(equal.moved["B"]) == pytest.approx(np.nanmean(equal.moved["A"]), rel=0.05)


def test_bad_input_is_refused():
    with pytest.raises(ParameterError, match="no world"):
        context_world("other", 0)
    with pytest.raises(ParameterError, match="twice as many genes"):
        context_world("same-contexts", 0, 30, 40)
