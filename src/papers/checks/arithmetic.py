"""Checks by arithmetic: figures that are functions of other printed figures.

Every function takes :class:`~papers.claims.Printed` figures by name and returns an
:class:`~papers.checks.recomputed.Recomputed`; `stated` is the figure under test.
"""

from __future__ import annotations

import itertools
import math

from papers.checks.recomputed import Recomputed, overlap, spread
from papers.claims import Printed, load_claims, table_rows


def ratio(
    numerator: Printed, denominator: Printed, stated: Printed, scale: float = 1.0
) -> Recomputed:
    """Check: numerator / denominator x scale equals the stated figure."""
    return overlap(*spread(lambda a, b: scale * a / b, numerator, denominator), stated)


def odds_ratio(
    cases: Printed, n: Printed, other_cases: Printed, other_n: Printed, stated: Printed
) -> Recomputed:
    """Check: the odds of cases among n over those of the other group are the stated ratio."""
    value = spread(lambda a, m, b, k: (a / (m - a)) / (b / (k - b)), cases, n, other_cases, other_n)
    return overlap(*value, stated)


def difference(
    minuend: Printed,
    subtrahend: Printed,
    stated: Printed,
    scale: float = 1.0,
    tolerance: float = 0.0,
) -> Recomputed:
    """Check: (Minuend - subtrahend) x scale is within `tolerance` of the stated figure."""
    low, high = spread(lambda a, b: scale * (a - b), minuend, subtrahend)
    return overlap(low - tolerance, high + tolerance, stated)


def relative_change(before: Printed, after: Printed, stated: Printed) -> Recomputed:
    """Check: 100 (after - before) / before equals the stated percentage."""
    return overlap(*spread(lambda a, b: 100 * (b - a) / a, before, after), stated)


def total(stated: Printed, **parts: Printed) -> Recomputed:
    """Check: the parts add up to the stated figure."""
    return overlap(
        sum(part.low for part in parts.values()), sum(part.high for part in parts.values()), stated
    )


def mean(stated: Printed, magnitude: bool = False, **parts: Printed) -> Recomputed:
    """Check: the mean of the parts (or of their magnitudes) is the stated figure."""
    sides = [
        sorted((abs(p.low), abs(p.high))) if magnitude else (p.low, p.high) for p in parts.values()
    ]
    count = len(sides)
    return overlap(sum(s[0] for s in sides) / count, sum(s[1] for s in sides) / count, stated)


def square(base: Printed, stated: Printed) -> Recomputed:
    """Check: the square of a correlation is the stated share of variance."""
    return overlap(*spread(lambda r: r * r, base), stated)


def reciprocal(base: Printed, stated: Printed) -> Recomputed:
    """Check: one over the base equals the stated figure."""
    return overlap(*spread(lambda b: 1 / abs(b), base), stated)


def same(first: Printed, stated: Printed) -> Recomputed:
    """Check: the same quantity printed in two places has one value."""
    return overlap(first.low, first.high, stated)


def at_least(figure: Printed, stated: Printed) -> Recomputed:
    """Check: a figure stated as a lower bound is not above the printed value."""
    return Recomputed(figure.low, figure.high, figure.high >= stated.low)


def at_most(figure: Printed, stated: Printed) -> Recomputed:
    """Check: a figure stated as an upper bound is not below the printed value."""
    return Recomputed(figure.low, figure.high, figure.low <= stated.high)


def column_extreme(claim: str, column: str, extreme: str, stated: Printed) -> Recomputed:
    """Check: the smallest or largest entry of a table column is the stated figure."""
    values = [row[column] for row in table_rows(load_claims()[claim])]
    value = min(values) if extreme == "min" else max(values)
    return overlap(value, value, stated)


def column_mean(claim: str, column: str, stated: Printed, half_unit: float) -> Recomputed:
    """Check: the mean of a column (without a row called Mean) is the stated figure."""
    rows = table_rows(load_claims()[claim])
    values = [row[column] for row in rows if "Mean" not in row.values()]
    centre = sum(values) / len(values)
    return overlap(centre - half_unit, centre + half_unit, stated)


def monotone(claim: str, column: str, direction: str, stated: Printed) -> Recomputed:
    """Check: a column described as monotone never reverses; `stated` is its last entry."""
    values = [row[column] for row in table_rows(load_claims()[claim])]
    sign = 1 if direction == "rising" else -1
    steps = [sign * (b - a) for a, b in itertools.pairwise(values)]
    return Recomputed(min(values), max(values), min(steps) >= 0)


def saturation(
    amplitude: Printed,
    rate: Printed,
    offset: Printed,
    cells: float,
    stated: Printed,
    tolerance: float = 0.02,
) -> Recomputed:
    """Check: an exponential saturation passes within `tolerance` of the AUROC at a cell number.

    The curve is amplitude (1 - exp(-rate cells)) + offset.
    A fitted curve need not pass through a point; 0.02 is about twice the residual SD of a fit
    with R2 = 0.9 to points that span 0.075.
    """
    low, high = spread(
        lambda a, k, c: a * (1 - math.exp(-abs(k) * cells)) + c, amplitude, rate, offset
    )
    return overlap(low - tolerance, high + tolerance, stated)


def logarithmic(
    slope: Printed, offset: Printed, cells: float, stated: Printed, tolerance: float = 0.02
) -> Recomputed:
    """Check: slope ln(cells) + offset is within `tolerance` of the stated AUROC."""
    low, high = spread(lambda a, c: a * math.log(cells) + c, slope, offset)
    return overlap(low - tolerance, high + tolerance, stated)


def linear(
    slope: Printed, offset: Printed, cells: float, stated: Printed, tolerance: float = 0.02
) -> Recomputed:
    """Check: slope x cells + offset is within `tolerance` of the stated AUROC."""
    low, high = spread(lambda a, c: a * cells + c, slope, offset)
    return overlap(low - tolerance, high + tolerance, stated)


def product(stated: Printed, factor: float = 1.0, **factors: Printed) -> Recomputed:
    """Check: the product of the factors (and a constant) is the stated figure."""
    low = factor * math.prod(f.low for f in factors.values())
    high = factor * math.prod(f.high for f in factors.values())
    return overlap(low, high, stated)


def total_at_most(stated: Printed, **parts: Printed) -> Recomputed:
    """Check: disjoint parts do not exceed the stated whole."""
    low = sum(part.low for part in parts.values())
    return Recomputed(low, sum(part.high for part in parts.values()), low <= stated.high)


def union_at_most_sum(stated: Printed, **parts: Printed) -> Recomputed:
    """Check: a union lies between its largest part and the sum of its parts."""
    largest = max(part.low for part in parts.values())
    whole = sum(part.high for part in parts.values())
    return Recomputed(largest, whole, largest <= stated.high and stated.low <= whole)


def descending(**steps: Printed) -> Recomputed:
    """Check: counts at rising thresholds never rise."""
    values = [step.value for step in steps.values()]
    falls = all(a >= b for a, b in itertools.pairwise(values))
    return Recomputed(min(values), max(values), falls)


def at_most_each(stated: Printed, **limits: Printed) -> Recomputed:
    """Check: a shared count is at most each of the counts it is shared by."""
    smallest = min(limit.value for limit in limits.values())
    return Recomputed(0.0, smallest, stated.value <= smallest)


def minimum(stated: Printed, **parts: Printed) -> Recomputed:
    """Check: the smallest part is the stated figure."""
    value = min(part.value for part in parts.values())
    return overlap(value, value, stated)


def maximum(stated: Printed, **parts: Printed) -> Recomputed:
    """Check: the largest part is the stated figure."""
    value = max(part.value for part in parts.values())
    return overlap(value, value, stated)


def cells_share(effects: float, stated: Printed) -> Recomputed:
    """Check: the cells needed with `effects` times the effect, in percent of those without.

    By equation 3 of paper A the number of cells goes with one over the square of the effect, all
    else equal: 100 / effects^2.
    """
    value = 100 / effects**2
    return overlap(value, value, stated)


def tail_at_parity(share: Printed, stated: Printed) -> Recomputed:
    """Check: the tail inflation, on one side only, at which a share of cells becomes the whole.

    By equation 3 the number of cells goes with the square of the inflation, so a share of
    s percent is 100 percent at sqrt(100 / s).
    """
    return overlap(*spread(lambda s: math.sqrt(100 / s), share), stated)


def sections_between(first: str, last: str, stated: Printed) -> Recomputed:
    """Check: the number of sections of paper A with claims, from `first` to `last` inclusive."""

    def number(section: str) -> tuple[int, ...]:
        parts = section.split(".")
        return tuple(map(int, parts)) if all(p.isdigit() for p in parts) else ()

    found = {number(c.section) for c in load_claims().values() if c.paper == "A"}
    count = sum(number(first) <= section <= number(last) for section in found)
    return overlap(count, count, stated)


def majority_share(stated: Printed, **effects: Printed) -> Recomputed:
    """Check: share of effects with the commonest sign."""
    positive = sum(effect.value > 0 for effect in effects.values())
    value = max(positive, len(effects) - positive) / len(effects)
    return overlap(value, value, stated)


def mean_sign(stated: Printed, **effects: Printed) -> Recomputed:
    """Check: absolute mean of the signs of the effects."""
    value = abs(sum(math.copysign(1, effect.value) for effect in effects.values())) / len(effects)
    return overlap(value, value, stated)


def entries(claim: str, stated: Printed, field: str = "value") -> Recomputed:
    """Check: a stated number of items is the number of items listed."""
    listed = load_claims()[claim]
    count = len(listed.table["rows"] if field == "table" else listed.value)
    return overlap(count, count, stated)


def implied_base(change: Printed, percent: Printed, lowest: Printed, stated: Printed) -> Recomputed:
    """Check: an absolute and a relative change imply a level between two printed levels."""
    low, high = spread(lambda c, p: 100 * c / p, change, percent)
    return Recomputed(low, high, high >= lowest.low and low <= stated.high)
