"""Checks by sampling theory: p values, intervals, power and multiplicity."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from papers.checks.recomputed import Recomputed, overlap, spread
from papers.claims import NUMBER, Printed, load_claims, table_rows
from papers.completions import q_range


def permutation_floor(resamples: Printed, stated: Printed) -> Recomputed:
    """Check: a permutation p cannot lie below 1 / (1 + B); a bound `p < x` needs x above it."""
    floor = 1 / (1 + resamples.value)
    return Recomputed(floor, 1.0, stated.high >= floor)


def p_of_z(z: Printed, stated: Printed, sides: int = 2) -> Recomputed:
    """Check: the normal p of z is compatible with the stated p."""
    return overlap(*spread(lambda v: sides * float(stats.norm.sf(v)), z), stated)


def z_of_null(observed: Printed, centre: Printed, sd: Printed, stated: Printed) -> Recomputed:
    """Check: (Observed - null mean) / null SD equals the stated z."""
    return overlap(*spread(lambda o, c, s: (o - c) / s, observed, centre, sd), stated)


def correlation_p(rho: Printed, n: float, stated: Printed) -> Recomputed:
    """Check: the two-sided t-approximation p of a rank correlation over n units is the stated p."""
    return overlap(*spread(lambda r: _correlation_p(r, n), rho), stated)


def implied_units(rho: Printed, p: Printed, stated: Printed) -> Recomputed:
    """Check: the n at which rho has the printed p lies within the stated range of n."""
    sizes = [_implied_n(abs(r), q) for r in (rho.low, rho.high) for q in (p.low, p.high)]
    return overlap(min(sizes), max(sizes), stated)


def same_units(rho_a: Printed, p_a: Printed, rho_b: Printed, stated: Printed) -> Recomputed:
    """Check: two correlations of the same data have the same n: p of the second is `stated`.

    The interval is the p that rho_b has at the n implied by the first pair.
    """
    sizes = [_implied_n(abs(r), q) for r in (rho_a.low, rho_a.high) for q in (p_a.low, p_a.high)]
    values = [
        _correlation_p(r, n) for r in (rho_b.low, rho_b.high) for n in (min(sizes), max(sizes))
    ]
    return overlap(min(values), max(values), stated)


def paired_d_p(d: Printed, n: Printed, stated: Printed) -> Recomputed:
    """Check: a paired effect size d over n units has t = d sqrt(n); its two-sided p is `stated`."""
    return overlap(
        *spread(lambda a, b: float(2 * stats.t.sf(a * math.sqrt(b), b - 1)), d, n), stated
    )


def null_centre(centre: Printed, sd: Printed, resamples: float, stated: Printed) -> Recomputed:
    """Check: a permutation null of a correlation centres on 0 within 1.96 SD / sqrt(resamples)."""
    limit = 1.96 * sd.high / math.sqrt(resamples)
    return Recomputed(-limit, limit, centre.low <= limit and stated.low <= limit)


def one_pair_set(rho_a: Printed, p_a: Printed, rho_b: Printed, p_b: Printed) -> Recomputed:
    """Check: some number of pairs gives rho_a a p of at most p_a and rho_b one of at least p_b.

    Returned interval: from the n that the first needs to the largest n that the second allows.
    """
    needed = _implied_n(rho_a.high, p_a.high)
    allowed = _implied_n(min(abs(rho_b.low), abs(rho_b.high)), p_b.low)
    return Recomputed(needed, allowed, needed <= allowed)


def rank_ceiling(positives: float, pairs: float, stated: Printed) -> Recomputed:
    """Check: a rank correlation with a binary label is at most sqrt(3 pi (1 - pi))."""
    rate = positives / pairs
    ceiling = math.sqrt(3 * rate * (1 - rate))
    return Recomputed(0.0, ceiling, abs(stated.low) <= ceiling)


def auroc_halfwidth(auroc: Printed, positives: Printed, stated: Printed) -> Recomputed:
    """Check: a 95 % half-width is not narrower than Hanley and McNeil's with unlimited negatives.

    With positives independent and negatives without limit,
    Var = (A / (2 - A) - A^2) / positives (exponential-scores form).
    """

    def half(a: float, n: float) -> float:
        return 1.96 * math.sqrt((a / (2 - a) - a * a) / n)

    low, high = spread(half, auroc, positives)
    return Recomputed(low, high, stated.high >= low)


def interval_wide_enough(
    auroc: Printed, positives: Printed, low_end: Printed, high_end: Printed
) -> Recomputed:
    """Check: a printed interval is at least as wide as :func:`auroc_halfwidth` asks."""
    half = (high_end.value - low_end.value) / 2
    return auroc_halfwidth(auroc, positives, Printed(half, half - 5e-4, half + 5e-4))


def interval_halfwidth(low_end: Printed, high_end: Printed, stated: Printed) -> Recomputed:
    """Check: Half the width of a printed interval is compatible with a stated half-width."""
    return overlap(*spread(lambda a, b: (b - a) / 2, low_end, high_end), stated)


def interval_centre(low_end: Printed, high_end: Printed, stated: Printed) -> Recomputed:
    """Check: a symmetric interval is centred on its estimate."""
    return overlap(*spread(lambda a, b: (a + b) / 2, low_end, high_end), stated)


def sign_test(successes: float, trials: float, stated: Printed) -> Recomputed:
    """Check: the one-sided exact sign test gives the stated p."""
    p = stats.binomtest(int(successes), int(trials), alternative="greater").pvalue
    return overlap(p, p, stated)


def power_units(rho: Printed, alpha: Printed, power: Printed, stated: Printed) -> Recomputed:
    """Check: units needed to detect rho: ((z_(1-alpha/2) + z_power) / atanh rho)^2 + 3."""

    def units(r: float, a: float, b: float) -> float:
        z = stats.norm.isf(a / 2) + stats.norm.ppf(b / 100)
        return (z / math.atanh(r)) ** 2 + 3

    return overlap(*spread(units, rho, alpha, power), stated)


def chance_accuracy(classes: Printed, stated: Printed) -> Recomputed:
    """Check: chance level of balanced accuracy is one over the number of classes."""
    return overlap(1 / classes.value, 1 / classes.value, stated)


def registry_q(raw: Printed, tests: Printed, stated: Printed, bound: bool = False) -> Recomputed:
    """Check: BH q of one raw p among the legible rows, over every completion of the lost rows.

    Bounds `< x` enter at both ends; rows without a p count in the number of tests and are taken
    as 1. With `bound` the stated figure is read as "below", not as a value.
    """
    low, high = _registry_range(raw.value, int(tests.value))
    return overlap(low, high, replace(stated, low=0.0) if bound else stated)


def not_significant(raw: Printed, tests: Printed, stated: Printed) -> Recomputed:
    """Check: BH q of one raw p over the registry can exceed the stated level."""
    low, high = _registry_range(raw.value, int(tests.value))
    return Recomputed(low, high, high > stated.value)


def survivors(claim: str, tests: float, level: float, stated: Printed, prefix: str) -> Recomputed:
    """Check: BH survivors of a family whose printed rows start with one of `prefix`."""
    wanted = tuple(prefix.split("|"))
    rows = [row for row in table_rows(load_claims()[claim]) if row["test"].startswith(wanted)]
    known = [float(row["raw_p"]) for row in rows]
    counts = [
        int(multipletests(known + [f] * (int(tests) - len(known)), level, "fdr_bh")[0].sum())
        for f in (0.0, 1.0)
    ]
    return overlap(min(counts), max(counts), stated)


def registry_survivors(tests: Printed, alpha: Printed, group: str, stated: Printed) -> Recomputed:
    """Check: the registry's rows of one group with a BH q of at most `alpha`.

    The interval runs over every completion of the lost rows.
    """
    rows = [row for row in table_rows(load_claims()["registry/table9"]) if row["raw_p"] is not None]
    low, high = np.array(_registry_p()).T
    below, above = q_range(low, high, *_lost(int(tests.value), len(rows)))
    mine = np.array([row["group"] == group for row in rows])
    fewest, most = ((q[mine] <= alpha.value).sum() for q in (above, below))
    return overlap(int(fewest), int(most), stated)


def registry_count(tests: Printed, alpha: Printed, stated: Printed) -> Recomputed:
    """Check: BH on the registry, for every completion of its lost rows, gives the count."""
    known = _registry_p()
    unknown = int(tests.value) - len(known)
    counts = []
    for filler in (0.0, 1.0):
        for upper in (False, True):
            p = [(hi if upper else lo) for lo, hi in known] + [filler] * unknown
            counts.append(int(multipletests(p, alpha=alpha.value, method="fdr_bh")[0].sum()))
    return overlap(min(counts), max(counts), stated)


def _registry_p() -> list[tuple[float, float]]:
    bounds = []
    for row in table_rows(load_claims()["registry/table9"]):
        if row["raw_p"] is None:
            continue
        value = float(NUMBER.findall(row["raw_p"])[0])
        bounds.append((0.0, value) if "<" in row["raw_p"] else (value, value))
    return bounds


def _registry_range(raw: float, tests: int) -> tuple[float, float]:
    """Return the range of the BH q of the first row with this p, over all completions."""
    known = _registry_p()
    low, high = np.array(known).T
    below, above = q_range(low, high, *_lost(tests, len(known)))
    position = list(high).index(raw)
    return float(below[position]), float(above[position])


def _lost(tests: int, with_p: int) -> tuple[int, int]:
    """Return how many rows of the registry were lost, and how many have no p."""
    legible = len(table_rows(load_claims()["registry/table9"]))
    return tests - legible, legible - with_p


def _correlation_p(rho: float, n: float) -> float:
    t = abs(rho) * math.sqrt((n - 2) / (1 - rho * rho))
    return float(2 * stats.t.sf(t, n - 2))


def _implied_n(rho: float, p: float) -> float:
    z = float(stats.norm.isf(p / 2))
    return (z / math.atanh(rho)) ** 2 + 3
