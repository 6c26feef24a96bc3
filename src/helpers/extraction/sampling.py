"""The error made by looking at a random sample of query genes instead of all of them."""

from __future__ import annotations

import numpy as np
from scipy.stats import t

from helpers.estimates import Estimate, NotEstimable


def sampled_mean(
    values: np.ndarray, population: int, level: float = 0.95
) -> Estimate | NotEstimable:
    r"""Estimate a mean over all query genes from a simple random sample of them.

    The standard error is :math:`s / \sqrt{n} \cdot \sqrt{1 - n/N}`: with all N rows read, nothing
    is left to chance. The interval uses Student's t with n - 1 degrees of freedom.

    Parameters
    ----------
    values
        (n,) one number per sampled query gene, for example its row's mean or correlation.
    population
        N, the query genes the sample was drawn from (``attrs["sources_sampled_from"]``).
    level
        Coverage of the interval.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 3:
        return NotEstimable(f"{n} query genes sampled; at least 3 needed for a standard error")
    if not np.isfinite(values).all():
        return NotEstimable(f"{int((~np.isfinite(values)).sum())} of {n} rows have no value")
    error = values.std(ddof=1) / np.sqrt(n) * np.sqrt(max(0.0, 1 - n / population))
    half = float(t.ppf(0.5 + level / 2, n - 1) * error)
    mean = float(values.mean())
    return Estimate(
        value=mean,
        low=mean - half,
        high=mean + half,
        method="simple random sample of rows, finite-population correction, Student t",
        unit="gene",
        n_units=n,
        level=level,
        detail={"standard_error": float(error), "population": int(population)},
    )
