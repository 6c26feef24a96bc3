"""Tests of which no p was printed: every completion lies inside the range of q."""

from __future__ import annotations

import numpy as np
from statsmodels.stats.multitest import multipletests

from papers.completions import completions, q_range


def test_q_range_holds_every_completion():
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 0.2, 8)
    low, high = q_range(p, p, missing=3, silent=2)
    for _ in range(300):
        lost = rng.choice([0.0, 1.0, *p, rng.uniform()], 3)
        q = multipletests([*p, *lost, 1, 1], method="fdr_bh")[1][:8]
        assert (q >= low - 1e-12).all() and (q <= high + 1e-12).all()


def test_completions_with_a_count_agree_with_random_search():
    rng = np.random.default_rng(1)
    p = np.array([0.001, 0.01, 0.02, 0.03, 0.2, 0.6])
    for printed_count in (2, 5, 6):
        found = completions(p, 2, printed_count)
        for _ in range(3000):
            lost = rng.uniform(0, 1, 2) ** 4
            q = multipletests([*p, *lost], method="fdr_bh")[1]
            count = int((q <= 0.05).sum())
            assert count in found.n_significant
            if count == printed_count:
                assert (q[:6] >= found.low - 1e-9).all() and (q[:6] <= found.high + 1e-9).all()
                assert int((q[6:] <= 0.05).sum()) in found.unknown_significant
    assert not completions(p, 2, 8).possible
