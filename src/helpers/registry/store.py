"""Keep test records: one ``tests.jsonl`` per notebook, one ``registry.csv`` per profile."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pandas as pd

from helpers.errors import RegistryError
from helpers.files import atomic_write
from helpers.registry.records import TestRecord

FILE = "tests.jsonl"

COLUMNS = {field.name: field.name for field in fields(TestRecord)} | {
    "ci_low": "ci_lo",
    "ci_high": "ci_hi",
    "resamples": "B",
    "p": "p_raw",
}
"""Field of `TestRecord` -> column of ``registry.csv``."""


def read(path: Path) -> list[TestRecord]:
    """Read the records of one notebook; an absent file holds none.

    Raises
    ------
    RegistryError
        If a line is not a valid record, or one id and variant stands there twice.
    """
    path = Path(path)
    if not path.is_file():
        return []
    records: dict[tuple[str, str], TestRecord] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = TestRecord.from_dict(json.loads(line))
        except json.JSONDecodeError as error:
            raise RegistryError(
                f"{path}, line {number}: not JSON ({error}); rerun the notebook"
            ) from error
        if record.key in records:
            raise RegistryError(f"{path}, line {number}: {record.key} stands there twice")
        records[record.key] = record
    return list(records.values())


def append(record: TestRecord, path: Path) -> None:
    """Add one record to a notebook's file; the file is whole at every moment.

    Parameters
    ----------
    record
        A checked record.
    path
        ``results/PROFILE/NOTEBOOK/tests.jsonl``; made if absent.

    Raises
    ------
    RegistryError
        If the file already holds this id in this variant.
    """
    records = read(path)
    if record.key in {known.key for known in records}:
        raise RegistryError(
            f"Test {record.test_id!r} ({record.variant}) is already in {path}; one id once. "
            "Add the model or data set to the id, or clear the file before a rerun"
        )
    lines = [json.dumps(known.as_dict(), allow_nan=False) for known in [*records, record]]
    with atomic_write(Path(path)) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def frame(records: list[TestRecord]) -> pd.DataFrame:
    """Return records as a table with the columns of ``registry.csv``, sorted by id and variant.

    Raises
    ------
    RegistryError
        If one id and variant occurs twice (in two notebooks, for example).
    """
    table = pd.DataFrame(
        [record.as_dict() | {"claim_ids": " ".join(record.claim_ids)} for record in records],
        columns=list(COLUMNS),
    ).rename(columns=COLUMNS)
    repeated = table[table.duplicated(["test_id", "variant"], keep=False)]
    if len(repeated):
        raise RegistryError(
            "One id twice in the registry: "
            + ", ".join(f"{row.test_id} ({row.notebook})" for row in repeated.itertuples())
        )
    for column in ("estimate", "ci_lo", "ci_hi", "p_raw", "p_floor"):
        table[column] = table[column].astype(float)
    table["seed"] = table["seed"].astype("Int64")
    return table.sort_values(["test_id", "variant"], ignore_index=True)


def collect(profile: Path) -> pd.DataFrame:
    """Read every notebook's records below a profile's results folder.

    Parameters
    ----------
    profile
        ``results/PROFILE``; files ``*/tests.jsonl`` are read.
    """
    files = sorted(Path(profile).glob(f"*/{FILE}"))
    return frame([record for path in files for record in read(path)])


def write_registry(table: pd.DataFrame, path: Path) -> None:
    """Write a registry table (with whatever q columns it carries) as CSV, whole or not at all."""
    with atomic_write(Path(path)) as temporary:
        table.to_csv(temporary, index=False)
