"""Checks by attainability: whether a mean, a share or a Jaccard can take the printed value."""

from __future__ import annotations

import itertools
import math

import numpy as np

from papers.checks.recomputed import Recomputed, overlap, spread
from papers.claims import Printed, load_claims, table_rows


def grid_mean(units: float, stated: Printed) -> Recomputed:
    """Check: some count / units rounds to the stated mean of integer counts (GRIM).

    `units` is the number of runs times the denominator of each run's share.
    """
    count = math.floor(stated.high * units + 1e-9)
    value = count / units
    return Recomputed(value, value, value >= stated.low - 1e-9)


def share(count: Printed, n: Printed, stated: Printed) -> Recomputed:
    """Check: count / n in percent is the stated percentage."""
    return overlap(*spread(lambda a, b: 100 * a / b, count, n), stated)


def pooled_share(claim: str, count: str, n: str, stated: Printed) -> Recomputed:
    """Check: the sum of a table's counts over the sum of its numbers is the stated percentage."""
    rows = table_rows(load_claims()[claim])
    value = 100 * sum(row[count] for row in rows) / sum(row[n] for row in rows)
    return overlap(value, value, stated)


def attainable_share(n: float, stated: Printed) -> Recomputed:
    """Check: some integer out of n rounds to the stated percentage."""
    counts = np.arange(n + 1)
    shares = 100 * counts / n
    nearest = float(shares[np.argmin(np.abs(shares - stated.value))])
    return Recomputed(nearest, nearest, stated.low <= nearest <= stated.high)


def jaccard_mean(k: float, pairs: float, stated: Printed) -> Recomputed:
    """Check: some mean of `pairs` Jaccard indices i / (2k - i) of k-sets is the stated figure."""
    k = int(k)
    single = [i / (2 * k - i) for i in range(k + 1)]
    means = [
        sum(combo) / pairs for combo in itertools.combinations_with_replacement(single, int(pairs))
    ]
    nearest = min(means, key=lambda m: abs(m - stated.value))
    return Recomputed(nearest, nearest, stated.low - 1e-9 <= nearest <= stated.high + 1e-9)


def jaccard_plug_in(k: float, components: Printed, stated: Printed) -> Recomputed:
    """Check: i / (2k - i) at the expected overlap i = k^2 / N is the stated random level."""
    shared = k * k / components.value
    value = shared / (2 * k - shared)
    return overlap(value, value, stated)


def jaccard_exact(
    k: float, components: Printed, structural_zeros: float, stated: Printed
) -> Recomputed:
    """Check: the exact hypergeometric expectation of the Jaccard index is the stated random level.

    E[J] = sum_i C(k, i) C(N - k, k - i) / C(N, k) x i / (2k - i), where N leaves out the
    components that are zero by construction.
    """
    n, k = int(components.value - structural_zeros), int(k)
    value = sum(
        math.comb(k, i) * math.comb(n - k, k - i) / math.comb(n, k) * i / (2 * k - i)
        for i in range(max(0, 2 * k - n), k + 1)
    )
    return overlap(value, value, stated)


def implied_universe(k: Printed, expected: Printed, stated: Printed) -> Recomputed:
    """Check: random top-k lists of N share k^2 / N; the stated N gives the expectation."""
    return overlap(*spread(lambda a, b: a * a / b if b > 0 else math.inf, k, expected), stated)


def bounded_sd(centre: Printed, stated: Printed, runs: float) -> Recomputed:
    """Check: the SD of `runs` values in [0, 1] is at most sqrt(m (1 - m) n / (n - 1))."""
    m = min(centre.high, 1.0) if centre.value < 0.5 else max(centre.low, 0.0)
    limit = math.sqrt(max(m * (1 - m), 0.0) * runs / (runs - 1))
    return Recomputed(0.0, limit, stated.low <= limit)


def f1_ceiling(true_edges: float, called: float, stated: Printed) -> Recomputed:
    """Check: with more calls than true edges, F1 is at most 2 T / (T + k)."""
    ceiling = 2 * true_edges / (true_edges + called)
    return Recomputed(0.0, ceiling, stated.low <= ceiling + 5e-4)


def at_public_limit(limit: float, stated: Printed) -> Recomputed:
    """Check: a count does not exceed a public limit for such a count."""
    return Recomputed(0.0, limit, stated.low <= limit)
