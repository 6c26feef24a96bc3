"""Tests that a page states before its data are read: ``NN_topic.yaml`` beside the notebook."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from helpers.errors import RegistryError
from helpers.estimates import Estimate, NotEstimable
from helpers.registry.records import TestRecord, record_of
from helpers.statistics.results import Outcome

SAYS = {
    "one": frozenset({"found", "open"}),
    "two": frozenset({"above", "below", "open"}),
    "-": frozenset(),
}
"""Sides of a test -> answers it can give, for each of which it must have words."""

OPEN = "open"
VARIANTS = ("corrected", "published")
_NUMBER = re.compile(r"^\d\d\.\d+[a-z]?$")
_RUN = re.compile(r"^(\d\d)\.(\d+)-(\d+)$")
_PLAIN = {"null": "under", "unit": "unit", "sides": "sides"}
"""Attribute of an outcome -> field of a declared test that it has to equal."""


@dataclass(frozen=True, kw_only=True)
class Test:
    """One declared test: the fields of its record that do not depend on data.

    Parameters
    ----------
    hypothesis, statistic, unit, sides, role, claims
        As in `helpers.registry.records.TestRecord`.
    under
        The null hypothesis (``null`` itself is a word of YAML, which reads it as *nothing*).
    against
        Value that "above" and "below" refer to, where the outcome does not say what its null
        gives (``detail["null_mean"]``).
    says
        Answer -> the words in which the page concludes.
    published
        Fields that differ in the row that repeats a paper's own procedure.
    family, paper, section, tag
        As in `TestRecord`, where they differ from those of the page.
    """

    __test__ = False  # the name begins with "Test"; pytest must not collect it

    hypothesis: str
    statistic: str
    unit: str
    under: str = "none, descriptive"
    sides: str = "-"
    role: str = "confirmatory"
    claims: tuple[str, ...] = ()
    against: float = 0.0
    says: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)
    family: str = ""
    paper: str = ""
    section: str = ""
    tag: str = ""

    def __post_init__(self) -> None:
        if self.sides not in SAYS:
            raise RegistryError(f"sides is {self.sides!r}; choose one of {list(SAYS)}")
        answers = SAYS[self.sides]
        if missing := sorted(answers - set(self.says)):
            raise RegistryError(f"says: no words for the answers {missing}")
        if more := sorted(set(self.says) - answers):
            raise RegistryError(f"says: a test with sides {self.sides!r} has no answers {more}")
        if blank := sorted(k for k, words in self.says.items() if not str(words).strip()):
            raise RegistryError(f"says: the words for {blank} are empty")
        if more := sorted(set(self.published) - {"statistic", "unit", "under", "sides", "role"}):
            raise RegistryError(f"published: unknown keys {more}")

    def answer(
        self, p: float | None, alpha: float, estimate: float | None = None, against: float = 0.0
    ) -> str:
        """Return which answer a (corrected) p gives: one of the keys of `says`.

        Parameters
        ----------
        p, alpha
            p value and level; ``p <= alpha`` decides.
        estimate, against
            Value of the statistic and what its null gives: their order tells above from below.
        """
        if p is None or p > alpha:
            return OPEN
        if self.sides != "two":
            return "found"
        return "above" if estimate is not None and estimate > against else "below"


@dataclass(frozen=True, kw_only=True)
class Declarations:
    """The declared tests of one page.

    Parameters
    ----------
    page
        File stem of the notebook.
    tests
        Number -> test, in the order of the file.
    paper, section, tag
        Of every test that does not say otherwise.
    primary
        The one primary test of the page, named before its data were read.
    alpha
        Level of its conclusions.
    """

    page: str
    tests: Mapping[str, Test]
    paper: str = "-"
    section: str = "-"
    tag: str = "-"
    primary: str = ""
    alpha: float = 0.05

    def test(self, number: str) -> Test:
        """Return a declared test.

        Raises
        ------
        RegistryError
            If the page declares none of this number.
        """
        if number not in self.tests:
            raise RegistryError(
                f"{self.page}: test {number} is not declared; declared: {list(self.tests)}"
            )
        return self.tests[number]

    def record(
        self,
        number: str,
        scope: tuple[str, ...],
        outcome: Outcome | Estimate | NotEstimable,
        *,
        seed: int | None = None,
        variant: str = "corrected",
        planted: bool = False,
    ) -> TestRecord:
        """Return the registry row of an outcome: words from the file, numbers from the outcome.

        Parameters
        ----------
        number, scope
            Number of the test, and what it was made on: ``("scgpt", "baron")``.
        outcome
            What was found; an `Estimate` for a test that is descriptive and has no p.
        seed
            Seed of the page.
        variant
            ``"published"`` for a row that repeats a paper's procedure.
        planted
            Whether the answer was planted in a simulated world; the row is descriptive then.

        Raises
        ------
        RegistryError
            If unit, null or sides of the outcome are not the declared ones.
        """
        test = self.test(number)
        if variant not in VARIANTS:
            raise RegistryError(f"{self.page} {number}: variant {variant!r}; one of {VARIANTS}")
        changed = dict(test.published) if variant == "published" else {}
        stated = {name: changed.get(name, getattr(test, name)) for name in _PLAIN.values()}
        if isinstance(outcome, Outcome):
            self._refuse(number, outcome, stated)
        descriptive = planted or (isinstance(outcome, Estimate) and not outcome.detail.get("p"))
        known = {
            "test_id": "/".join((number, *scope)),
            "notebook": self.page,
            "paper": test.paper or self.paper,
            "section": test.section or self.section,
            "tag": test.tag or self.tag,
            "family": test.family or f"F{self.page[:2]}",
            "hypothesis": test.hypothesis,
            "statistic": changed.get("statistic", test.statistic),
            "null": stated["under"],
            "unit": stated["unit"],
            "role": "descriptive" if descriptive else changed.get("role", test.role),
            "claim_ids": tuple(test.claims),
            "variant": variant,
            "seed": seed,
        }
        if isinstance(outcome, Estimate):
            limits = {"ci_low": outcome.low, "ci_high": outcome.high}
            about = {"n_units": outcome.n_units, "resamples": outcome.resamples}
            return TestRecord(**known, **limits, **about, test="none", estimate=outcome.value)
        if isinstance(outcome, Outcome):
            known |= {"sides": stated["sides"], "p_bound": outcome.detail.get("p_bound", "=")}
        return record_of(outcome, **known)

    def _refuse(self, number: str, outcome: Outcome, stated: Mapping[str, str]) -> None:
        for made, name in _PLAIN.items():
            value = getattr(outcome, made)
            if name == "sides" and stated[name] == "-":
                continue  # the word does not apply to what was declared
            if value != stated[name]:
                raise RegistryError(
                    f"{self.page} {number}: the {made} of the outcome is {value!r}, but "
                    f"{stated[name]!r} is declared ({name}:); correct the one that is wrong"
                )

    def statements(self) -> str:
        """Return everything that was stated except the words for answers, as canonical text.

        A page has to run again when this changes; other words only need the HTML.
        """
        content = asdict(self)
        for test in content["tests"].values():
            del test["says"]
        return json.dumps(content, sort_keys=True)


_PAGE_KEYS = frozenset(f.name for f in fields(Declarations)) - {"page"}
_TEST_KEYS = frozenset(f.name for f in fields(Test))
_TRAPS = {
    None: "the key null: is read as nothing by YAML; write under: for the null hypothesis",
    True: "the key on: or yes: is read as true by YAML; put it into quotation marks",
    False: "the key off: or no: is read as false by YAML; put it into quotation marks",
}


def load(path: Path) -> Declarations:
    """Read the declarations of a page; every rule is checked before anything runs.

    Raises
    ------
    RegistryError
        If the file is absent or no YAML, a key is unknown or no text, a number is not one of the
        page, or a test has no words for one of its answers.
    """
    path = Path(path)
    if not path.is_file():
        raise RegistryError(f"{path} is missing; a page's tests are declared there")
    return _read(path, path.read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def _read(path: Path, text: str) -> Declarations:
    content = _content(path, text)
    _keys(content, _PAGE_KEYS, str(path))
    tests: dict[str, Test] = {}
    for key, entry in _mapping(content.pop("tests", {}), f"{path}, tests").items():
        for number, values in _expanded(key, entry, path):
            if number in tests:
                raise RegistryError(f"{path}: {number} is declared twice")
            if not _NUMBER.match(number) or number[:2] != path.stem[:2]:
                raise RegistryError(
                    f"{path}: {number!r} is no number of this page; write {path.stem[:2]}.1"
                )
            tests[number] = _test(values, f"{path}, {number}")
    primary = content.get("primary", "")
    if primary and primary not in tests:
        raise RegistryError(f"{path}: primary {primary!r} is none of {list(tests)}")
    if not 0 < content.get("alpha", 0.05) < 1:
        raise RegistryError(f"{path}: alpha is {content['alpha']!r}; a share is needed")
    return Declarations(page=path.stem, tests=tests, **content)


def _content(path: Path, text: str) -> dict:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RegistryError(f"{path} is not YAML: {error}") from error
    return dict(_mapping(content or {}, str(path)))


def _mapping(content: Any, where: str) -> Mapping:
    if not isinstance(content, Mapping):
        raise RegistryError(f"{where}: names with values are needed, not {content!r}")
    return content


def _keys(content: Mapping, allowed: frozenset[str], where: str) -> None:
    for key in content:
        if not isinstance(key, str):
            raise RegistryError(f"{where}: {_TRAPS.get(key, f'{key!r} is no text')}")
        if key not in allowed:
            raise RegistryError(f"{where}: unknown key {key!r}; known: {sorted(allowed)}")


def _test(values: Mapping, where: str) -> Test:
    _keys(values, _TEST_KEYS, where)
    for name in ("says", "published"):
        inner = _mapping(values.get(name, {}), f"{where}, {name}")
        _keys(inner, frozenset(map(str, inner)), f"{where}, {name}")
    try:
        return Test(**{**values, "claims": tuple(values.get("claims", ()))})
    except (TypeError, RegistryError) as error:
        raise RegistryError(f"{where}: {error}") from error


def _expanded(key: Any, entry: Any, path: Path) -> Iterator[tuple[str, Mapping]]:
    """Yield number and fields; a run such as ``"22.1-16"`` gives one test per choice of `each`."""
    if not isinstance(key, str):
        raise RegistryError(
            f'{path}: write test numbers as text, "{key}": as a number 10.10 would be 10.1'
        )
    values = dict(_mapping(entry, f"{path}, {key}"))
    each = values.pop("each", None)
    matched = _RUN.match(key)
    if (matched is None) != (each is None):
        raise RegistryError(
            f'{path}, {key}: a run of numbers ("22.1-16") and each: belong together'
        )
    if matched is None:
        yield key, values
        return
    first, last = int(matched[2]), int(matched[3])
    choices = list(itertools.product(*_mapping(each, f"{path}, {key}, each").values()))
    if len(choices) != last - first + 1:
        raise RegistryError(
            f"{path}, {key}: {last - first + 1} numbers for {len(choices)} choices of each:"
        )
    for number, choice in zip(range(first, last + 1), choices, strict=True):
        names = dict(zip(each, choice, strict=True))
        yield f"{matched[1]}.{number}", _filled(values, names, f"{path}, {key}")


def _filled(value: Any, names: Mapping[str, Any], where: str) -> Any:
    """Put the values of ``each`` into every text."""
    if isinstance(value, str):
        try:
            return value.format(**names)
        except (KeyError, IndexError, ValueError) as error:
            raise RegistryError(f"{where}: {value!r} cannot be filled from {names}") from error
    if isinstance(value, Mapping):
        return {k: _filled(v, names, where) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, names, where) for v in value]
    return value
