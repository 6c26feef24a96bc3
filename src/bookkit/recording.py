"""The notebook's side of the runner: record values, tests, figures and tables of one page.

Started by ``helpers run``, a page writes into the folder that the runner publishes when the
notebook has finished. Opened in Jupyter, it writes to ``results/interactive/NOTEBOOK``, which
holds the last session only and is never part of the book.
"""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bookkit import notebooks, provenance, show
from bookkit import values as stored
from bookkit.declared import Declarations, load
from bookkit.files_read import Watch, watch
from bookkit.finding_tables import live_table
from bookkit.findings import uncorrected
from helpers.datasets.simulate.planted import on_planted_world
from helpers.errors import RegistryError, RunError
from helpers.estimates import Estimate, NotEstimable
from helpers.files import atomic_write, results_dir
from helpers.registry import TestRecord, read
from helpers.schema import Text, check_fields, read_object
from helpers.statistics.results import Outcome

CONTEXT = "HELPERS_RUN_CONTEXT"
"""Environment variable: file in which the runner tells the page what it is running."""

INTERACTIVE = "interactive"
_NAME = re.compile(r"^[A-Za-z0-9_-]+$")


class Page:
    """What one notebook records; made by `page`.

    Parameters
    ----------
    name
        File stem of the notebook.
    folder
        Where to write.
    context
        What the runner knows: profile, parameters, fingerprint, hashes, start time.
    declares
        Identifiers of the tests that this notebook must record.
    stated
        What the file beside the notebook declares; ``None`` where there is none.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        context: dict,
        declares: tuple[str, ...] = (),
        stated: Declarations | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.stated = stated
        self.declares = tuple(declares) if stated is None else tuple(stated.tests)
        self._context = context
        self._values: dict[str, dict[str, Any]] = {}
        self._tests: dict[tuple[str, str], str] = {}
        self._figures: list[str] = []
        self._tables: list[str] = []
        self._finished = False
        self._watch: Watch = watch(context.get("watched", []), besides=folder)

    @property
    def profile(self) -> str:
        """Name of the profile, or ``"interactive"`` when no runner is at work."""
        return self._context["profile"]

    @property
    def alpha(self) -> float:
        """Level of the conclusions, as the file beside the notebook declares it."""
        return self._declared().alpha

    @property
    def profile_dir(self) -> Path:
        """Folder with the results of all notebooks of the profile."""
        return results_dir() / self._context["base_profile"]

    @property
    def earlier(self) -> list[str]:
        """The notebooks that run before this one: nobody else's results may be read here."""
        return notebooks.upstream(self.name)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of this run; empty when no runner is at work."""
        return dict(self._context["parameters"])

    @property
    def values(self) -> dict[str, dict[str, Any]]:
        """What this page has kept so far, as it will stand in ``values.json``."""
        return dict(self._values)

    def value(self, key: str, value: Any, **meta: Any) -> None:
        """Keep a value that prose may cite.

        Parameters
        ----------
        key
            Words joined by slashes, for example ``"baron/scgpt/auroc_trrust"``.
        value
            Number, text, list, Estimate or NotEstimable.
        **meta
            Further plain values to store with it (units, counts of positives).

        Raises
        ------
        RunError
            If the key is taken or malformed, or the value is not finite or not plain.
        """
        stored.check_key(key)
        if key in self._values:
            raise RunError(f"{self.name}: value {key!r} is stored twice; one key once")
        self._values[key] = stored.entry(value, f"{self.name}/{key}", **meta)

    def test(self, record: TestRecord) -> None:
        """Keep a test for the registry.

        Raises
        ------
        RunError
            If the test belongs to another notebook or was not declared.
        RegistryError
            If it was recorded before.
        """
        if record.notebook != self.name:
            raise RunError(f"{self.name}: test {record.test_id} says notebook {record.notebook!r}")
        if not {record.test_id, _number(record.test_id)} & set(self.declares):
            known = list(self.declares)
            raise RunError(f"{self.name}: test {record.test_id} is not declared; declared: {known}")
        if record.key in self._tests:
            raise RegistryError(
                f"{self.name}: test {record.test_id} ({record.variant}) is already recorded; "
                "add the model or data set to its id"
            )
        with (self.folder / "tests.jsonl").open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(record.as_dict(), allow_nan=False) + "\n")
        self._tests[record.key] = record.test_id

    def tests(
        self,
        outcomes: Mapping[str, Outcome | Estimate | NotEstimable],
        *scope: str,
        variant: str = "corrected",
    ) -> None:
        """Record the outcomes of declared tests; each is a value that prose may cite, too.

        Parameters
        ----------
        outcomes
            Number of a declared test -> what it found; an `Estimate` for one that is descriptive.
        *scope
            What the tests were made on: ``run.tests(found, "scgpt", "baron")`` records
            ``10.1/scgpt/baron``.
        variant
            ``"published"`` for rows that repeat a paper's own procedure.

        Raises
        ------
        RegistryError
            If a test is not declared or recorded before, or the unit, the null or the sides of an
            outcome are not the declared ones.
        """
        stated = self._declared()
        seed = self.parameters.get("seed", 0)
        for number, found in outcomes.items():
            planted = on_planted_world("/".join((number, *scope)))
            about = {"seed": seed, "variant": variant, "planted": planted}
            row = stated.record(number, scope, found, **about)
            self.test(row)
            key = row.test_id if variant == "corrected" else f"{row.test_id}/{variant}"
            kept = _kept(row, found, stated)
            if isinstance(kept, NotEstimable):
                self._values[key] = stored.entry(kept, key)
            else:
                self._values[key] = stored.plain(kept, f"{self.name}/{key}")

    def findings(self) -> None:
        """Show what the declared tests found so far: estimate, interval, p, and words for it.

        For a notebook outside the book, where `{findings}` stays text. Nothing is corrected: that
        takes the tests of all pages.
        """
        stated = self._declared()
        rows = read(self.folder / "tests.jsonl")
        show.show_text(live_table(stated, uncorrected(rows, stated, self._values)))

    def figure(self, figure: Any, name: str, *, caption: str, alt: str) -> None:
        """Save a figure as ``figures/NAME.svg`` and ``.png``; show it with caption and alt text.

        Raises
        ------
        RunError
            If caption or alternative text is empty, or the name is taken or malformed.
        """
        self._new(name, self._figures, "figure")
        if not caption.strip() or not alt.strip():
            raise RunError(f"{self.name}: figure {name!r} needs a caption and an alternative text")
        show.show_figure(figure, self.folder / "figures" / name, caption.strip(), alt.strip())

    def table(
        self, table: pd.DataFrame, name: str, *, caption: str, columns: Sequence[str] | None = None
    ) -> None:
        """Save a table as ``tables/NAME.csv`` and show it, sortable and searchable.

        Parameters
        ----------
        table, name, caption
            What to show; all of it is in the file.
        columns
            Which columns to show first, at most seven; by default the first ones.

        Raises
        ------
        RunError
            If the caption is empty, or the name is taken or malformed.
        """
        self._new(name, self._tables, "table")
        if not caption.strip():
            raise RunError(f"{self.name}: table {name!r} needs a caption")
        with atomic_write(self.folder / "tables" / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=not isinstance(table.index, pd.RangeIndex))
        show.show_table(table, name, caption.strip(), self.name, columns)

    def say(self, text: str) -> None:
        """Show Markdown made from computed values."""
        show.show_text(text)

    def finish(self) -> None:
        """Check that every declared test was recorded, write everything, show the provenance.

        Raises
        ------
        RunError
            If a declared test is missing, results were read that depend on the order in which
            pages run, or the page was finished before.
        """
        if self._finished:
            raise RunError(f"{self.name}: finish() was called twice")
        files = self._watch.files()
        if late := self._later(files):
            raise RunError(f"{self.name} reads results of pages that run later: {late}")
        recorded = {form for one in self._tests.values() for form in (one, _number(one))}
        if missing := [test for test in self.declares if test not in recorded]:
            raise RunError(f"{self.name}: declared tests were not recorded: {missing}")
        with atomic_write(self.folder / stored.FILE) as temporary:
            temporary.write_text(
                json.dumps(self._values, indent=1, sort_keys=True, allow_nan=False) + "\n",
                encoding="utf-8",
            )
        (self.folder / "tests.jsonl").touch()
        record = provenance.record(self._context, files)
        record |= {"values": len(self._values), "tests": len(self._tests)}
        record["declares"] = list(self.declares)
        with atomic_write(self.folder / provenance.FILE) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        self._finished = True
        if self.stated and self.profile == INTERACTIVE:
            self.findings()
        show.show_footer(provenance.lines(record))

    def _later(self, files: list[dict[str, Any]]) -> list[str]:
        """Return the pages of this profile whose results were read although they run later."""
        paths = [Path(one["path"]) for one in files]
        inside = [path for path in paths if path.is_relative_to(self.profile_dir)]
        read = {path.relative_to(self.profile_dir).parts[0] for path in inside}
        return sorted(read & set(notebooks.names()) - set(self.earlier))

    def _declared(self) -> Declarations:
        if self.stated is None:
            raise RunError(
                f"{self.name}: no {self.name}.yaml beside the notebook declares tests and level; "
                "a notebook outside the project needs this file in its folder"
            )
        return self.stated

    def _new(self, name: str, taken: list[str], what: str) -> None:
        if not _NAME.match(name):
            raise RunError(f"{self.name}: {what} name {name!r}; use letters, digits, '_' and '-'")
        if name in taken:
            raise RunError(f"{self.name}: two {what}s are named {name!r}")
        taken.append(name)


def _kept(row: TestRecord, found: Any, stated: Declarations) -> dict[str, Any] | NotEstimable:
    """Return what prose may cite of a test: value, limits, p, units, null value, power."""
    if isinstance(found, NotEstimable):
        return found
    test, mde = stated.test(_number(row.test_id)), None
    if isinstance(found, Outcome) and row.p is not None:
        from helpers.statistics.detectable import detectable_effect  # scipy takes a second

        mde = detectable_effect(found, stated.alpha)
    detail = {k: v for k, v in found.detail.items() if stored.is_plain(v)}
    return {
        "value": row.estimate,
        "low": row.ci_low,
        "high": row.ci_high,
        "p": row.p,
        "n": row.n_units,
        "against": found.detail.get("null_mean", test.against),
        "mde": mde,
        "detail": detail,
    }


def _number(test_id: str) -> str:
    """Return the part of a test's id that its specification numbers: ``10.1`` of ``10.1/a/b``."""
    return test_id.split("/")[0]


def page(name: str, declares: tuple[str, ...] = (), kind: type[Page] = Page) -> Page:
    """Start the page of a notebook.

    Parameters
    ----------
    name
        File stem of the notebook, ``"10_coexpression"``.
    declares
        Tests it must record: identifiers, or their numbers (``"10.1"`` stands for ``10.1/...``).
        Left out where a file beside the notebook, ``10_coexpression.yaml``, declares them.
    kind
        Class of the page: `Page`, or one that can do more.

    Raises
    ------
    RunError
        If the runner is executing a notebook of another name, or tests are declared twice.
    RegistryError
        If the file beside the notebook breaks a rule.
    """
    path = notebooks.statements_path(name)
    stated = load(path) if path.is_file() else None
    if stated and declares:
        raise RunError(f"{name}: tests are declared in {path.name}; leave declares= out")
    if path := os.environ.get(CONTEXT):
        context = read_object(Path(path), RunError, f"unset {CONTEXT}, or use helpers run")
        check_fields(context, dict.fromkeys(("notebook", "folder"), Text()), path, RunError)
        if context["notebook"] != name:
            raise RunError(f"page({name!r}) was called inside {context['notebook']}; use that name")
        gc.freeze()  # what was imported stays; from here on garbage is collected
        gc.enable()
        return kind(name, Path(context["folder"]), context, declares, stated)
    folder = results_dir() / INTERACTIVE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return kind(name, folder, provenance.interactive(name), declares, stated)
