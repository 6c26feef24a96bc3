"""What pages found, in the words they declared: read from results, nothing is computed.

The roles and directives of the book (`bookkit.roles`) and the copies of notebooks for
download (`bookkit.download`) both look things up here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from bookkit import declared, notebooks
from bookkit.provenance import FILE as RUN
from bookkit.values import FILE, lookup, read_values
from helpers.datasets.simulate.planted import on_planted_world
from helpers.errors import RegistryError, RunError
from helpers.files import results_dir
from helpers.registry import TestRecord, read
from helpers.schema import foreign

TESTS = "tests.jsonl"
REGISTRY = ("90_test_registry", "registry.csv")
_PAGE = re.compile(r"^\d\d_\w+$")
_TEST = re.compile(r"^\d\d\.\d+(-\d+|[a-z])?(/|\.|$)")
_RUN = re.compile(r"^(\d\d)\.(\d+)-(\d+)$")
COUNTS = ("analyses", "calls", "above", "below", "found", "open", "untestable")
"""What may follow the number of a test: ``10.2.calls`` of ``10.2.analyses``."""


@dataclass(frozen=True)
class Finding:
    """One recorded test with the answer that its page may give.

    Parameters
    ----------
    row
        Registry row, variant ``corrected``.
    test
        Its declaration.
    alpha
        Level of the page.
    q
        Adjusted p over the whole book; ``None`` where the registry has no such row, or one that is
        older than the page.
    against, mde
        What the null gives, and the smallest effect found with power 0.8.
    equivalence
        Whether the test asks for a value within a margin; `mde` is then the smallest such margin.
    """

    row: TestRecord
    test: declared.Test
    alpha: float
    q: float | None
    against: float
    mde: float | None
    equivalence: bool = False

    @property
    def planted(self) -> bool:
        """Whether the answer was planted in a simulated world: no correction concerns it."""
        return on_planted_world(self.row.test_id)

    @property
    def answer(self) -> str:
        """``found``, ``above``, ``below``, ``open``; ``untestable``, or ``none`` without a p."""
        if not self.row.estimable:
            return "untestable"
        if self.row.p is None:
            return "none"
        p = self.row.p if self.q is None else self.q
        return self.test.answer(p, self.alpha, self.row.estimate, self.against)

    @property
    def words(self) -> str:
        """The declared words; they say where no correction stands behind them."""
        if self.answer == "untestable":
            return f"cannot be tested ({self.row.reason})"
        if self.answer == "none":
            return "is described, not tested"
        mark = " (known truth)" if self.planted else " (uncorrected)"
        return self.test.says[self.answer] + ("" if self.q is not None else mark)


@dataclass(frozen=True)
class Results:
    """Results of all pages of one profile.

    Parameters
    ----------
    profile, overlay
        Whose results; the overlay's go before the profile's.
    seen
        Files that were looked at, whether or not they exist.
    kept
        What was read; each file is read once.
    """

    profile: str
    overlay: str | None = None
    seen: set[Path] = field(default_factory=set, compare=False)
    kept: dict[Path, Any] = field(default_factory=dict, compare=False, repr=False)

    def folder(self, page: str) -> Path:
        """Return the folder of a page's results; everything read there is noted."""
        folder = results_dir() / self.profile / page
        if self.overlay and (results_dir() / self.overlay / page / RUN).is_file():
            folder = results_dir() / self.overlay / page
        self.seen.update(folder / name for name in (FILE, TESTS))
        return folder

    def value(self, key: str, page: str) -> Any:
        """Return what a key names: a stored value, a field of it, or a count of answers.

        Parameters
        ----------
        key
            As for `bookkit.values.lookup`, of `page`, or of another one whose name stands
            before it. Keys that begin with the number of a test belong to its page, wherever they
            stand; ``.answer`` and ``.q`` of a test, and the `COUNTS` of a number, can follow them.
        page
            Where the key stands.

        Raises
        ------
        KeyError, RunError, RegistryError
            If there is no such value, page or test.
        """
        first, _, rest = key.partition("/")
        if _PAGE.match(first) and rest:
            page, key = first, rest
        if _TEST.match(key):
            name, _, last = key.rpartition(".")
            if last in COUNTS:
                return self.count(name, last)
            if last in ("answer", "q"):
                return getattr(self.finding(name), last)
            page = self.page_of(key)
        return lookup(self._values(page), key)

    def page_of(self, test: str) -> str:
        """Return the page that a test belongs to: the number says it."""
        found = [name for name in notebooks.names() if name[:2] == test[:2]]
        if not found:
            raise RunError(f"no page {test[:2]}, which test {test} would belong to")
        return found[0]

    def declared(self, page: str) -> declared.Declarations:
        """Return what a page declares."""
        path = notebooks.statements_path(page)
        self.seen.add(path)
        return declared.load(path)

    def findings(self, pattern: str) -> list[Finding]:
        """Return the recorded tests of a number, in the order in which they were recorded.

        Parameters
        ----------
        pattern
            ``"10.3"`` for all of them, or with a scope that may hold ``*``: ``"10.3/*/baron"``;
            ``"22.1-16"`` for a run of numbers.
        """
        number, _, scope = pattern.partition("/")
        if run := _RUN.match(number):
            numbers = range(int(run[2]), int(run[3]) + 1)
            return [one for k in numbers for one in self.findings(f"{run[1]}.{k}/{scope}")]
        page = self.page_of(number)
        stated = self.declared(page)
        test = stated.test(number)
        found, values = [], None
        for row in self._once(records_of, self.folder(page)):
            mine, _, where = row.test_id.partition("/")
            if row.variant != "corrected" or mine != number:
                continue
            if not scope or fnmatchcase(where, scope):
                values = self._values(page) if values is None else values
                beside = _beside(row, test, values)
                found.append(Finding(row, test, stated.alpha, self._q(row), *beside))
        return found

    def finding(self, test_id: str) -> Finding:
        """Return one recorded test.

        Raises
        ------
        RegistryError
            If none of this name was recorded.
        """
        for one in self.findings(test_id.split("/")[0]):
            if one.row.test_id == test_id:
                return one
        raise RegistryError(f"no test {test_id} was recorded")

    def counted(self, pattern: str) -> list[Finding]:
        """Return the recorded tests that a count is about.

        Those on worlds with a planted answer are left out, unless the pattern names a scope or
        there are no others.

        Raises
        ------
        RegistryError
            If none was recorded.
        """
        found = self.findings(pattern)
        if not found:
            raise RegistryError(f"no test {pattern} was recorded")
        asked = [one for one in found if not one.planted]
        return found if "/" in pattern or not asked else asked

    def count(self, pattern: str, what: str) -> int:
        """Return how many analyses there are (``analyses``), or have an answer.

        ``calls`` counts every answer but ``open``; analyses that cannot be tested count nowhere
        but under ``untestable``.
        """
        answers = [one.answer for one in self.counted(pattern)]
        if what == "analyses":
            return sum(answer != "untestable" for answer in answers)
        if what == "calls":
            return sum(answer in ("above", "below", "found") for answer in answers)
        return answers.count(what)

    def _values(self, page: str) -> dict:
        return self._once(read_values, self.folder(page) / FILE)

    def _once(self, reading: Callable[[Path], Any], path: Path) -> Any:
        if path not in self.kept:
            self.kept[path] = reading(path)
        return self.kept[path]

    def _q(self, row: TestRecord) -> float | None:
        """Return q over the whole book if the registry saw this very p."""
        p, q = self._registry.get(row.test_id, (None, None))
        same = p is not None and row.p is not None and abs(p - row.p) <= 1e-9 * max(p, row.p)
        return q if same else None

    @cached_property
    def _registry(self) -> Mapping[str, tuple[float, float]]:
        page, file = REGISTRY
        path = self.folder(page) / file
        self.seen.add(path)
        with foreign(path, RunError, f"run it again: helpers run {page} --force"):
            return _adjusted(path.read_text(encoding="utf-8") if path.is_file() else "")


def records_of(folder: Path) -> list[TestRecord]:
    """Read the tests that a page has recorded.

    Raises
    ------
    RunError
        If the file is damaged, naming the page to run again.
    """
    path, again = folder / TESTS, f"run it again: helpers run {folder.name} --force"
    try:
        with foreign(path, RunError, again):
            return read(path)
    except RegistryError as error:
        raise RunError(f"{path}: {error}; {again}") from error


@lru_cache(maxsize=4)
def _adjusted(registry: str) -> Mapping[str, tuple[float, float]]:
    """Return test id -> p and q of a registry, given as the text of its table."""
    return {
        row["test_id"]: (float(row["p_raw"]), float(row["q_bh"]))
        for row in csv.DictReader(io.StringIO(registry, newline=""))
        if row["variant"] == "corrected" and row["q_bh"] and row["p_raw"]
    }


def uncorrected(
    rows: Iterable[TestRecord], stated: declared.Declarations, values: Mapping[str, Any]
) -> list[Finding]:
    """Return what a page found by itself, before any correction over the book.

    Parameters
    ----------
    rows, values
        What the page recorded and kept so far.
    stated
        What it declares.
    """
    found = []
    for row in rows:
        test = stated.test(row.test_id.split("/")[0])
        if row.variant == "corrected":
            found.append(Finding(row, test, stated.alpha, None, *_beside(row, test, values)))
    return found


def _beside(
    row: TestRecord, test: declared.Test, values: Mapping[str, Any]
) -> tuple[float, float | None, bool]:
    """Return what the null gives, the smallest effect found, and whether it is a margin."""
    kept = values.get(row.test_id, {})
    equivalence = "margin" in kept.get("detail", {})
    return kept.get("against", test.against), kept.get("mde"), equivalence


def words_of(results: Results) -> dict[str, str]:
    """Return test id -> the words that the book says of it, for all pages that declare tests."""
    found = {}
    for page in notebooks.names():
        if not notebooks.statements_path(page).is_file():
            continue
        for number in results.declared(page).tests:
            found |= {one.row.test_id: one.words for one in results.findings(number)}
    return found


def changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return one line for every finding whose words are other ones than before.

    A correction over the whole book may change a conclusion because another page changed: that is
    meant, and said.
    """
    both = sorted(set(before) & set(now))
    return [f"{k}: {before[k]} -> {now[k]}" for k in both if before[k] != now[k]]
