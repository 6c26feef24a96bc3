"""Values reach the slots of their genes, by either route."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.extraction.sums import empty_sums, prepare_loop, prepare_scatter


@pytest.mark.parametrize("add", [prepare_loop, prepare_scatter])
@pytest.mark.parametrize("squares", [True, False])
def test_values_reach_the_slots_of_their_genes(add, squares):
    rng = np.random.default_rng(0)
    sums = empty_sums(
        scores=1, layers=1, strata=2, heads=3, sources=4, targets=6, squares=squares, device="cpu"
    )
    expected = np.zeros((2, 3, 5, 7))
    expected_squares = expected.copy()
    for _ in range(2):
        values = torch.from_numpy(rng.random((4, 3, 3, 5)))
        stratum = torch.from_numpy(rng.integers(0, 2, 4))
        source = torch.from_numpy(rng.integers(0, 5, (4, 3)))
        target = torch.from_numpy(rng.integers(0, 7, (4, 5)))
        onto = sums.squares[0, 0] if squares else None
        add(values, stratum, source, target, sums.total[0, 0], onto)()
        for cell, head, row, column in np.ndindex(4, 3, 3, 5):
            place = int(stratum[cell]), head, int(source[cell, row]), int(target[cell, column])
            expected[place] += float(values[cell, head, row, column])
            expected_squares[place] += float(values[cell, head, row, column]) ** 2
    kept = np.s_[:, :, :4]  # whether dumped rows are added is of no interest
    np.testing.assert_allclose(sums.total[0, 0][kept], expected[kept])
    if squares:
        np.testing.assert_allclose(sums.squares[0, 0][kept], expected_squares[kept])
