"""Whether every page records the tests that it declares, once each, with a p it can have."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from bookkit.findings import records_of
from helpers.errors import RunError
from helpers.registry.records import NOT_FETCHED
from helpers.registry.store import FILE, frame
from helpers.schema import foreign, read_object


def registry_of(profile_dir: Path, among: Iterable[str]) -> pd.DataFrame:
    """Return the records of the notebooks `among` those of a profile."""
    folders = [Path(profile_dir) / name for name in among]
    return frame([record for folder in folders for record in records_of(folder)])


def declared_tests(profile_dir: Path, among: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return notebook -> tests that it declares, for the pages `among` those of a profile.

    Raises
    ------
    RunError
        If a page was run before declarations were kept.
    """
    found = {}
    for name in sorted(among):
        path = Path(profile_dir) / name / "run.json"
        if not path.exists():
            continue
        again = f"run it again: helpers run {name} --force"
        record = read_object(path, RunError, again)
        if not isinstance(record.get("declares"), list):
            raise RunError(f"{path} does not say what {name} declares; {again}")
        found[name] = tuple(record["declares"])
    return found


def bookkeeping(profile_dir: Path, among: Iterable[str]) -> pd.DataFrame:
    """Compare the tests that each notebook declares with the rows that are there.

    Returns
    -------
    pandas.DataFrame
        ``notebook, rows``; ``missing``: declared tests without a row; ``undeclared``: rows of a
        test that is not declared; ``repeated``: identifiers that occur twice in a variant.
    """
    rows = []
    for name, tests in declared_tests(profile_dir, among).items():
        path = Path(profile_dir) / name / FILE
        with foreign(path, RunError, f"run it again: helpers run {name} --force"):
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
            keys = [(r["test_id"], r["variant"]) for r in map(json.loads, lines)]
        names = [{key[0], key[0].split("/")[0]} for key in keys]
        missing = sum(not any(test in one for one in names) for test in tests)
        undeclared = sum(not one & set(tests) for one in names)
        rows.append((name, len(keys), missing, undeclared, len(keys) - len(set(keys))))
    columns = ["notebook", "rows", "missing", "undeclared", "repeated"]
    return pd.DataFrame(rows, columns=columns)


def below_floor(registry: pd.DataFrame) -> pd.Series:
    """Return which rows have a p below the smallest that their design can give."""
    return registry["p_raw"] < registry["p_floor"] * (1 - 1e-9)


def unanswered(registry: pd.DataFrame) -> dict[str, int]:
    """Return how many rows have no estimate: by ``design``, or because a file is ``absent``."""
    silent = ~registry["estimable"].astype(bool)
    absent = silent & registry["reason"].fillna("").str.startswith(NOT_FETCHED)
    return {"absent": int(absent.sum()), "design": int((silent & ~absent).sum())}
