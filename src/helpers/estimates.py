"""What an estimator returns: a value with its interval, or the reason why there is none."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np


@dataclass(frozen=True)
class NotEstimable:
    """A quantity that the design cannot give, with the reason in words.

    Parameters
    ----------
    reason
        One sentence: what is missing (for example ``"2 TFs with a positive; at least 3 needed"``).
    """

    reason: str

    def __str__(self) -> str:
        return f"not estimable: {self.reason}"

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Estimate:
    """A point estimate and its interval.

    Parameters
    ----------
    value
        Point estimate, finite.
    low, high
        Interval limits; both ``None`` when no interval was asked for.
    method
        How the interval was made, for example ``"TF-cluster bootstrap, percentile"``.
    unit
        Resampling unit: ``cell``, ``TF``, ``donor``, ``pair``, ``gene`` or ``seed``.
    n_units
        Number of such units.
    resamples
        Number of resamples behind the interval; 0 for closed forms.
    level
        Coverage that the interval aims at.
    detail
        Further plain values that a table may show (counts of positives, flags).
    """

    value: float
    low: float | None = None
    high: float | None = None
    method: str = ""
    unit: str = ""
    n_units: int = 0
    resamples: int = 0
    level: float = 0.95
    detail: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None and not np.isfinite(number):
                raise ValueError(f"Estimate.{name} is {number}; return NotEstimable instead")

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def as_dict(self) -> dict:
        """Return the fields as a plain dictionary."""
        return asdict(self)
