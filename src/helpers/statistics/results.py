"""The result of a test: value, interval, p and how they were made."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """What a test found, with everything that the registry has to store.

    Parameters
    ----------
    estimate
        Value of the statistic on the data.
    p
        p value; for resampling tests (1 + b) / (1 + B), or the exact share when enumerated.
    sides
        ``"one"`` (large values speak against the null unless the function says otherwise)
        or ``"two"``.
    test, null
        Names of the procedure and of the null hypothesis or null distribution.
    unit, n_units
        What was resampled, permuted or counted as independent, and how many there are.
    resamples
        Number of draws; 0 for closed forms.
    p_floor
        Smallest p that the procedure can give; 0 for closed forms.
    low, high, level
        Interval of the estimate where one was made, and its coverage.
    draws
        Draws of the statistic (null draws of a permutation, resamples of a bootstrap), for figures.
    detail
        Further plain values: counts of positives, standard errors, flags.
    """

    estimate: float
    p: float
    sides: str
    test: str
    null: str
    unit: str
    n_units: int
    resamples: int = 0
    p_floor: float = 0.0
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    draws: np.ndarray | None = field(default=None, repr=False, compare=False)
    detail: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not np.isfinite(self.estimate) or not 0.0 <= self.p <= 1.0:
            raise ValueError(f"Outcome with estimate {self.estimate} and p {self.p}")
        if self.sides not in ("one", "two"):
            raise ValueError(f"sides is {self.sides!r}; one of 'one', 'two' expected")

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.estimate:.3f}{interval}, p = {self.p:.3g} ({self.test})"
