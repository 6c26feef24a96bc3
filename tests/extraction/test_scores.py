"""Ranks of keys and lengths of values, each against something simpler."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata

from helpers.extraction.scores import average_rank, qk_rank, value_norms


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_average_rank_equals_scipy():
    values = torch.tensor([[3.0, 1, 3, 2, 3, 1], [0, 0, 0, 0, 0, 0]])
    expected = rankdata(values.numpy(), axis=1) - 1
    np.testing.assert_array_equal(average_rank(values), expected)


def test_rank_score_is_the_tutorials_where_nothing_ties():
    """Against argsort of argsort by row; by column, ties are broken by position there."""
    query, key = drawn(5, 3), drawn(5, 3, seed=1)
    raw = query @ key.T
    by_row = raw.argsort(dim=1, stable=True).argsort(dim=1, stable=True) / 5
    expected = np.stack([rankdata(column) - 1 for column in by_row.T.numpy()], axis=1) / 5
    np.testing.assert_allclose(qk_rank(query, key), expected)


def test_value_norms_are_lengths_of_projected_values():
    value, weight = drawn(2, 3, 5, 4), drawn(12, 12, seed=1)
    found = value_norms(value, weight)
    for head in range(3):
        expected = (value[:, head] @ weight[:, 4 * head : 4 * head + 4].T).norm(dim=-1)
        torch.testing.assert_close(found[:, head], expected)
