"""Uniform attention by hand."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.edges import (
    uniform_attention,
)
from helpers.errors import DataError


def test_uniform_attention_by_hand():
    present = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]])
    found = uniform_attention(present, np.array([2, 4, 1]), ["A", "B", "C"])
    assert float(found.sel(source="A", target="B")) == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert float(found.sel(source="A", target="C")) == pytest.approx(1 / 4)
    with pytest.raises(DataError, match="positive number"):
        uniform_attention(present, np.array([2, 4, 0]), ["A", "B", "C"])
