"""Correction for many tests: BH, BY, Holm, Bonferroni, Simes, hierarchical; bounds on p."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import false_discovery_control

from helpers.errors import ParameterError
from helpers.statistics.checks import one_of

METHODS = ("bh", "by", "holm", "bonferroni")


def _p_vector(p: np.ndarray) -> np.ndarray:
    p = np.asarray(p, dtype=np.float64)
    if p.ndim != 1:
        raise ParameterError(f"p values have {p.ndim} dimensions; a vector is expected")
    if not ((p >= 0.0) & (p <= 1.0)).all():  # NaN compares false, so it is refused here too
        raise ParameterError("every p must lie in [0, 1]; leave out tests that have none")
    return p


def adjust(p: np.ndarray, method: str = "bh") -> np.ndarray:
    r"""Return adjusted p values in the order given.

    Parameters
    ----------
    p
        (m,) values in [0, 1]; NaN is refused. An empty vector gives an empty vector.
    method
        ``bh``: :math:`q_{(i)}=\min_{j\ge i}\min(1, m p_{(j)}/j)` (Benjamini, Hochberg 1995);
        ``by``: the same times :math:`\sum_{i=1}^m 1/i` (Benjamini, Yekutieli 2001);
        ``holm``: step-down Bonferroni (Holm 1979); ``bonferroni``: min(1, m p).
    """
    p = _p_vector(p)
    one_of("method", method, METHODS)
    if p.size == 0:
        return p
    if method in ("bh", "by"):
        return false_discovery_control(p, method=method)
    if method == "bonferroni":
        return np.minimum(1.0, p * p.size)
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1.0, p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted


def adjust_bounds(
    low: np.ndarray, high: np.ndarray, method: str = "bh"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of every adjusted p when each p is only known to lie in [low, high].

    "p < x" enters as [0, x], "p > x" as [x, 1], an unknown p as [0, 1]. All four methods are
    non-decreasing in every p, so the two ends of the box give the exact range.
    """
    low, high = _p_vector(low), _p_vector(high)
    if low.shape != high.shape or (low > high).any():
        raise ParameterError("bounds must have the same length, and low <= high")
    return adjust(low, method), adjust(high, method)


def simes(p: np.ndarray) -> float:
    """Return Simes' p for "all hypotheses are null": min over i of m p_(i) / i (Simes 1986)."""
    p = _p_vector(p)
    if p.size == 0:
        raise ParameterError("Simes' test needs at least one p value")
    return float(min(1.0, (p.size * np.sort(p) / np.arange(1, p.size + 1)).min()))


def hierarchical(families: Mapping[str, np.ndarray], alpha: float = 0.05) -> dict[str, np.ndarray]:
    """Call tests in two steps: families by Simes and BH, then BH inside the selected families.

    Inside a selected family BH runs at level alpha * selected / families.

    Parameters
    ----------
    families
        Name of the family -> its p values.
    alpha
        Level of both steps.

    Returns
    -------
    dict
        Name -> booleans, True where the test is called.

    References
    ----------
    Benjamini Y, Bogomolov M (2014), J R Stat Soc B 76:297-318.
    """
    names = list(families)
    if not names:
        return {}
    selected = adjust(np.array([simes(families[name]) for name in names])) <= alpha
    level = alpha * selected.sum() / len(names)
    return {
        name: (adjust(families[name]) <= level) if chosen else np.zeros(len(families[name]), bool)
        for name, chosen in zip(names, selected, strict=True)
    }
