"""One record per test: what was asked, of which unit, against which null, and what came out."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from helpers.errors import RegistryError
from helpers.estimates import NotEstimable
from helpers.registry.units import allowed_units
from helpers.statistics.results import Outcome

_IDENTIFIER = re.compile(r"^(\d\d)\.\d+[a-z]?(/[A-Za-z0-9._:+-]+)*$")
_FAMILY = re.compile(r"^F\d\d[A-Za-z0-9_-]*$")
_CHOICES = {
    "tag": ("ATTN", "CORR", "-"),
    "sides": ("one", "two", "-"),
    "p_bound": ("=", "<", ">"),
    "role": ("confirmatory", "descriptive"),
    "variant": ("corrected", "published"),
}

NOT_FETCHED = "archive not fetched in this build"
"""How the reason begins where files are absent, and a design is not at fault."""


@dataclass(frozen=True, kw_only=True)
class TestRecord:
    """A single test, checked when it is made.

    Parameters
    ----------
    test_id
        Number of the test in its specification, then what it was done on, separated by slashes:
        ``"10.1/scgpt-baron/trrust"``. Unique together with `variant`.
    notebook
        File stem of the notebook; its number must be that of `test_id`.
    hypothesis
        What is claimed, as a statement that could be false.
    statistic, estimate, ci_low, ci_high
        Name of the quantity, its value and interval; values are ``None`` where there is none.
    test, null
        How p was computed, and what was assumed when it was computed.
    sides
        ``"one"``, ``"two"``, or ``"-"`` where the word does not apply (equivalence, no test).
    unit, n_units
        What was counted or resampled, and how many there were. Pairs, edges and layers are
        refused unless `variant` is ``"published"``.
    resamples
        Number of resamples behind p; 0 for closed forms.
    p, p_floor, p_bound
        p value, the smallest p that this design could have given, and whether p is exact (``"="``)
        or only known to lie below (``"<"``) or above (``">"``) the number.
    role
        ``"confirmatory"`` for a test stated in advance; all else is ``"descriptive"``.
    family
        Family of the correction, ``"F10"`` for notebook 10.
    variant
        ``"corrected"`` (what conclusions rest on) or ``"published"`` (reproduces a printed value).
    estimable, reason
        ``False`` with the reason in words where the design cannot give the value.
    claim_ids
        Claims of the ledger that the test speaks to.
    seed
        Seed of the resampling, ``None`` if nothing random was done.
    paper, section, tag
        Origin of the hypothesis: document, section, and ``"ATTN"``, ``"CORR"`` or ``"-"``.

    Raises
    ------
    RegistryError
        If any rule above is broken.
    """

    __test__ = False  # the name begins with "Test"; pytest must not collect it

    test_id: str
    notebook: str
    hypothesis: str
    statistic: str
    test: str
    null: str
    unit: str
    n_units: int
    family: str
    role: Literal["confirmatory", "descriptive"]
    paper: str = "-"
    section: str = "-"
    tag: Literal["ATTN", "CORR", "-"] = "-"
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    sides: Literal["one", "two", "-"] = "-"
    resamples: int = 0
    p: float | None = None
    p_floor: float | None = None
    p_bound: Literal["=", "<", ">"] = "="
    variant: Literal["corrected", "published"] = "corrected"
    estimable: bool = True
    reason: str = ""
    claim_ids: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        self._plain()
        self._check_names()
        self._check_unit()
        self._check_numbers()
        self._check_p()

    def _plain(self) -> None:
        """Turn numpy scalars into Python numbers, so that the record is plain JSON."""
        for name in ("estimate", "ci_low", "ci_high", "p", "p_floor"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else float(value))
        for name in ("n_units", "resamples"):
            object.__setattr__(self, name, int(getattr(self, name)))
        if self.seed is not None:
            object.__setattr__(self, "seed", int(self.seed))
        object.__setattr__(self, "estimable", bool(self.estimable))
        object.__setattr__(self, "claim_ids", tuple(self.claim_ids))

    def _fail(self, problem: str) -> None:
        raise RegistryError(f"Test {self.test_id!r} ({self.variant}) of {self.notebook}: {problem}")

    def _check_names(self) -> None:
        matched = _IDENTIFIER.match(self.test_id)
        if not matched:
            self._fail("the id must look like '10.1' or '10.1/model/data' without spaces")
        elif not self.notebook.startswith(matched[1] + "_"):
            self._fail(f"the id begins with {matched[1]}, but the notebook does not")
        if not _FAMILY.match(self.family):
            self._fail(f"family {self.family!r} must look like 'F10'")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                self._fail(f"{name} is {getattr(self, name)!r}; choose one of {list(choices)}")
        for name in ("hypothesis", "statistic", "test", "null"):
            if not str(getattr(self, name)).strip():
                self._fail(f"{name} is empty; state it in words")

    def _check_unit(self) -> None:
        units = allowed_units(self.notebook, self.variant)
        if self.unit not in units:
            self._fail(
                f"unit {self.unit!r} is not one of {sorted(units)}; name what a repeat of the "
                "study would draw again (pairs and resamples are not units)"
            )
        if self.n_units < 0 or self.resamples < 0:
            self._fail("n_units and resamples must not be negative")

    def _check_numbers(self) -> None:
        for name in ("estimate", "ci_low", "ci_high"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                self._fail(f"{name} is {value}; if it does not exist, set estimable=False")
        if (self.ci_low is None) != (self.ci_high is None):
            self._fail("an interval needs both ends")
        if self.ci_low is not None and self.ci_low > self.ci_high:
            self._fail(f"the interval [{self.ci_low}, {self.ci_high}] is reversed")

    def _check_p(self) -> None:
        if not self.estimable:
            if not self.reason.strip():
                self._fail("estimable is False, so a reason in words is needed")
            if self.p is not None:
                self._fail("a test that is not estimable has no p")
            return
        if self.p is None:
            if self.p_bound != "=":
                self._fail(f"bound {self.p_bound!r} without a number")
            if self.role == "confirmatory":
                self._fail("a confirmatory test needs p, or estimable=False with a reason")
            return
        if not 0 <= self.p <= 1:
            self._fail(f"p is {self.p}; it must lie in [0, 1]")
        if self.resamples and self.p == 0:
            self._fail("p is 0 from resampling; use (1 + b) / (1 + B)")
        if self.p_floor is not None:
            if not 0 <= self.p_floor <= 1:
                self._fail(f"p_floor is {self.p_floor}; it must lie in [0, 1]")
            if self.p < self.p_floor * (1 - 1e-9):
                self._fail(f"p is {self.p}, below the floor {self.p_floor} of its design")

    @property
    def key(self) -> tuple[str, str]:
        """Identity of the record: id and variant."""
        return self.test_id, self.variant

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return asdict(self) | {"claim_ids": list(self.claim_ids)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TestRecord:
        """Make a record from `as_dict`'s output, checking it again.

        Raises
        ------
        RegistryError
            If a field is missing or unknown, or a rule is broken.
        """
        names = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - names):
            raise RegistryError(
                f"Test record with unknown fields {unknown}; known: {sorted(names)}"
            )
        try:
            return cls(**values)
        except TypeError as error:
            raise RegistryError(f"Test record {values.get('test_id')!r}: {error}") from error


def record_of(outcome: Outcome | NotEstimable, **fields: Any) -> TestRecord:
    """Return the registry row of what a statistic found.

    Parameters
    ----------
    outcome
        The test, or why there is none.
    **fields
        Everything else that a `TestRecord` needs; what is given here goes before the outcome's own
        test, null, unit, sides and number of units.
    """
    if isinstance(outcome, NotEstimable):
        made = {"test": "none", "null": "none", "n_units": 0}
        return TestRecord(**(made | fields | {"estimable": False, "reason": outcome.reason}))
    made = {
        "test": outcome.test,
        "null": outcome.null,
        "unit": outcome.unit,
        "sides": outcome.sides,
        "n_units": outcome.n_units,
        "resamples": outcome.resamples,
        "estimate": outcome.estimate,
        "ci_low": outcome.low,
        "ci_high": outcome.high,
        "p": outcome.p,
        "p_floor": outcome.p_floor or None,
    }
    return TestRecord(**(made | fields))
