"""What the page on the test registry shows: checks of the machinery, and the recount."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from helpers.registry import TestRecord, collect
from helpers.registry.audit import published_table, recount
from helpers.registry.completions import smallest_m
from helpers.registry.correction import eligible
from helpers.registry.simulation import Realised

NOTEBOOK = "90_test_registry"
HAND_EXAMPLE = (0.005, 0.011, 0.02, 0.04, 0.8)


def registry_of_others(profile_dir: Path) -> pd.DataFrame:
    """Return the records of every notebook of a profile but the registry's own page."""
    table = collect(profile_dir)
    return table[table["notebook"] != NOTEBOOK].reset_index(drop=True)


def bookkeeping(profile_dir: Path) -> pd.DataFrame:
    """Compare what each notebook says it recorded with the rows that are there.

    Returns
    -------
    pandas.DataFrame
        ``notebook, said, found, repeated``: records counted by the page when it finished (a page
        that misses a declared test does not finish), rows in its file, ids that occur twice.
    """
    rows = []
    for run in sorted(Path(profile_dir).glob("*/run.json")):
        name = run.parent.name
        if name.startswith(("90_", "91_", "92_")):
            continue
        lines = (run.parent / "tests.jsonl").read_text(encoding="utf-8").splitlines()
        keys = [(r["test_id"], r["variant"]) for r in map(json.loads, lines)]
        said = json.loads(run.read_text(encoding="utf-8"))["tests"]
        rows.append((name, said, len(keys), len(keys) - len(set(keys))))
    return pd.DataFrame(rows, columns=["notebook", "said", "found", "repeated"])


def machinery_records(
    found: dict[tuple[str, str], Realised], books: pd.DataFrame, registry: pd.DataFrame, seed: int
) -> list[TestRecord]:
    """Return the three tests of the machinery.

    90.1 is the exact binomial test of at most 5 % of null registries with any call by BH, tests
    dependent in blocks; 90.2 and 90.3 are counts that must be zero.
    """
    null = found["all null, blocks", "bh"]
    p = stats.binomtest(null.any_false_count, null.repetitions, 0.05, alternative="greater").pvalue
    low, high = proportion_confint(null.any_false_count, null.repetitions, method="beta")
    wrong = int((books["said"] != books["found"]).sum() + books["repeated"].sum())
    floors = registry.dropna(subset=["p_raw", "p_floor"])
    below = int((floors["p_raw"] < floors["p_floor"] * (1 - 1e-9)).sum())
    common = {"notebook": NOTEBOOK, "paper": "A", "section": "2.4", "family": "F90"}
    return [
        TestRecord(
            test_id="90.1",
            hypothesis="BH calls anything in more than 5 % of null registries with dependent tests",
            statistic="share of registries with a false call",
            estimate=null.any_false,
            ci_low=float(low),
            ci_high=float(high),
            test="exact binomial",
            null="at most 5 % of registries",
            sides="one",
            unit="registry",
            n_units=null.repetitions,
            p=float(p),
            role="confirmatory",
            seed=seed,
            **common,
        ),
        TestRecord(
            test_id="90.2",
            hypothesis="every notebook's rows are the ones it declared",
            statistic="rows missing or repeated",
            estimate=wrong,
            test="exact count",
            null="none",
            unit="row",
            n_units=int(books["found"].sum()),
            role="descriptive",
            **common,
        ),
        TestRecord(
            test_id="90.3",
            hypothesis="no p lies below the floor of its design",
            statistic="rows below their floor",
            estimate=below,
            test="exact count",
            null="none",
            unit="row",
            n_units=len(floors),
            role="descriptive",
            **common,
        ),
    ]


def null_share(table: pd.DataFrame, method: str) -> dict[str, float | int]:
    """Return in how many null worlds anything was called, with its exact interval."""
    called = int(table[method].sum())
    low, high = proportion_confint(called, len(table), method="beta")
    return {"worlds": len(table), "called": called, "low": float(low), "high": float(high)}


def shown(registry: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the registry that readers sort and filter."""
    columns = [
        "test_id",
        "variant",
        "family",
        "role",
        "hypothesis",
        "estimate",
        "p_raw",
        "q_family",
    ]
    columns += ["q_bh", "q_by", "call", "unit", "n_units", "estimable", "reason"]
    return registry[columns]


def verdict(corrected: pd.DataFrame) -> str:
    """Say what survives, from the corrected registry."""
    tested = corrected[eligible(corrected) & corrected["variant"].eq("corrected")]
    raw, bh = int((tested["p_raw"] <= 0.05).sum()), int((tested["q_bh"] <= 0.05).sum())
    by = int((tested["q_by"] <= 0.05).sum())
    silent = int((~corrected["estimable"].astype(bool)).sum())
    return (
        f"Of {len(tested)} confirmatory tests, {raw} have p of at most 0.05; "
        f"{bh} remain under Benjamini-Hochberg over the whole book and {by} under "
        f"Benjamini-Yekutieli, which holds under any dependence.\n"
        f"{silent} further rows say that their design cannot give an answer."
    )


def recounted() -> tuple[pd.DataFrame, int | None]:
    """Return paper A's legible tests with the range of q, and the m at which p = 0.02 fails."""
    table = published_table()
    rows, _ = recount(table)
    p = np.concatenate([rows["high"].to_numpy(), np.ones(table.silent)])
    index = int(np.flatnonzero(rows["raw_p"].eq("0.020"))[0])
    columns = ["section_as_printed", "test", "raw_p", "q_low", "q_high"]
    return rows[columns], smallest_m(p, index)
