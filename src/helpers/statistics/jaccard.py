"""What overlap two random sets have by chance."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import ParameterError


def expected_jaccard(size_a: int, size_b: int, n: int) -> float:
    r"""Return the expected Jaccard index of two independent random subsets of n items.

    .. math:: E[J]=\sum_x \frac{x}{a+b-x} P(x),\quad x\sim\text{Hypergeometric}(n, a, b)

    Exact; the ratio of expectations, often used instead, is only an approximation.
    """
    if not (0 <= size_a <= n and 0 <= size_b <= n) or size_a + size_b == 0:
        raise ParameterError(f"sets of {size_a} and {size_b} items out of {n}")
    overlap = np.arange(max(0, size_a + size_b - n), min(size_a, size_b) + 1)
    chance = stats.hypergeom.pmf(overlap, n, size_a, size_b)
    return float(np.sum(overlap / (size_a + size_b - overlap) * chance))
