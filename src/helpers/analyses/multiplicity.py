"""What the page on the test registry shows: checks of the machinery, and the recount."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from helpers.analyses.null_battery import LEFT_OUT, coverage
from helpers.datasets.simulate.planted import breaches, on_planted_world
from helpers.errors import RunError
from helpers.registry import TestRecord, collect
from helpers.registry.audit import published_table, recount
from helpers.registry.completions import smallest_m
from helpers.registry.correction import eligible
from helpers.registry.records import NOT_FETCHED
from helpers.registry.simulation import Realised

NOTEBOOK = "90_test_registry"
OWN_PAGES = ("90_", "91_", "92_")
"""Pages that read the registry, and are no part of what is counted."""
HAND_EXAMPLE = (0.005, 0.011, 0.02, 0.04, 0.8)


def registry_of_others(profile_dir: Path) -> pd.DataFrame:
    """Return the records of every notebook of a profile but the registry's own page."""
    table = collect(profile_dir)
    return table[table["notebook"] != NOTEBOOK].reset_index(drop=True)


def declared(profile_dir: Path) -> dict[str, tuple[str, ...]]:
    """Return notebook -> tests that it declares, for every page of a profile but the last three.

    Raises
    ------
    RunError
        If a page was run before declarations were kept.
    """
    found = {}
    for path in sorted(Path(profile_dir).glob("*/run.json")):
        name = path.parent.name
        if name.startswith(OWN_PAGES):
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        if "declares" not in record:
            raise RunError(f"{path} does not say what {name} declares; run it again with --force")
        found[name] = tuple(record["declares"])
    return found


def bookkeeping(profile_dir: Path) -> pd.DataFrame:
    """Compare the tests that each notebook declares with the rows that are there.

    Returns
    -------
    pandas.DataFrame
        ``notebook, rows``; ``missing``: declared tests without a row; ``undeclared``: rows of a
        test that is not declared; ``repeated``: identifiers that occur twice in a variant.
    """
    rows = []
    for name, tests in declared(profile_dir).items():
        path = Path(profile_dir) / name / "tests.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        keys = [(r["test_id"], r["variant"]) for r in map(json.loads, lines)]
        names = [{key[0], key[0].split("/")[0]} for key in keys]
        missing = sum(not any(test in one for one in names) for test in tests)
        undeclared = sum(not one & set(tests) for one in names)
        rows.append((name, len(keys), missing, undeclared, len(keys) - len(set(keys))))
    columns = ["notebook", "rows", "missing", "undeclared", "repeated"]
    return pd.DataFrame(rows, columns=columns)


def machinery_records(
    found: dict[tuple[str, str], Realised], books: pd.DataFrame, registry: pd.DataFrame, seed: int
) -> list[TestRecord]:
    """Return the three tests of the machinery.

    90.1 is the exact binomial test of at most 5 % of null registries with any call by BH, tests
    dependent in blocks. 90.2 and 90.3 are counts that are zero if the machinery is right, so their
    exact p is 1 for zero and 0 for anything else.
    """
    null = found["all null, blocks", "bh"]
    p = stats.binomtest(null.any_false_count, null.repetitions, 0.05, alternative="greater").pvalue
    low, high = proportion_confint(null.any_false_count, null.repetitions, method="beta")
    wrong = int(books[["missing", "undeclared", "repeated"]].to_numpy().sum())
    floors = registry.dropna(subset=["p_raw", "p_floor"])
    below = int((floors["p_raw"] < floors["p_floor"] * (1 - 1e-9)).sum())
    return [
        _machinery(
            "90.1",
            "BH calls anything in more than 5 % of null registries with dependent tests",
            "share of registries with a false call",
            null.any_false,
            float(p),
            "registry",
            null.repetitions,
            test="exact binomial",
            null="at most 5 % of registries",
            sides="one",
            ci_low=float(low),
            ci_high=float(high),
            seed=seed,
        ),
        _machinery(
            "90.2",
            "the rows of a notebook are not the ones it declared",
            "rows missing, undeclared or repeated",
            wrong,
            float(wrong == 0),
            "row",
            int(books["rows"].sum()),
        ),
        _machinery(
            "90.3",
            "a p lies below the floor of its design",
            "rows below their floor",
            below,
            float(below == 0),
            "row",
            len(floors),
        ),
    ]


def _machinery(
    number: str,
    hypothesis: str,
    statistic: str,
    estimate: float,
    p: float,
    unit: str,
    n_units: int,
    **more: object,
) -> TestRecord:
    fields = {
        "test": "exact count",
        "null": "no such row",
        "notebook": NOTEBOOK,
        "paper": "A",
        "section": "2.4",
        "family": "F90",
        "role": "confirmatory",
    }
    return TestRecord(
        test_id=number,
        hypothesis=hypothesis,
        statistic=statistic,
        estimate=estimate,
        p=p,
        unit=unit,
        n_units=n_units,
        **(fields | more),
    )


def role_sentence(registry: pd.DataFrame) -> str:
    """Say whether every row follows the rule on roles (`helpers.datasets.simulate.planted`)."""
    planted = int(registry["test_id"].map(on_planted_world).sum())
    against = breaches(registry)
    end = "all are descriptive" if not against else f"against the rule: {', '.join(against)}"
    return f"{planted} rows are on simulated worlds whose answer was planted; {end}."


def coverage_sentence(tests: dict[str, tuple[str, ...]], rates: pd.DataFrame) -> str:
    """Say which declared tests the null battery makes, which it does not, and why.

    Parameters
    ----------
    tests
        From `declared`.
    rates
        From `helpers.analyses.null_battery.rejections`.
    """
    left, others = coverage(tests)
    why = [f"{number} ({LEFT_OUT.get(number, 'descriptive, without a p')})" for number in left]
    text = (
        f"The battery makes {len(rates)} tests of the pages on co-expression, cell states and null "
        f"models. It leaves out {', '.join(why)}. "
    )
    if others:
        pages = ", ".join(f"{name.split('_')[0]} ({n})" for name, n in others.items())
        text += (
            f"It does not cover the {sum(others.values())} tests that other pages declare: "
            f"{pages}; they need archived results, interventions on a model, or cells with donors, "
            "which these worlds do not have. "
        )
    alone = rates["alone"].value_counts()
    outside = rates[(rates["rejected"] > rates["expected high"])]
    text += (
        f"With the draws used, {int(alone.get('BY', 0))} of the tests can be called by themselves "
        f"under BY, {int(alone.get('BH', 0))} more under BH only, and "
        f"{int(alone.get('none', 0))} only together with others, because their smallest possible p "
        f"is too large. Alone, {len(outside)} of the tests reject more often than a rate of "
        "0.05 allows."
    )
    return text


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


def changing(table: pd.DataFrame) -> pd.DataFrame:
    """Return the tests whose call depends on the definition, with the call of D in words.

    Parameters
    ----------
    table
        What :func:`helpers.registry.sensitivity.by_definition` returns.
    """
    rows = table[table["changes"]].drop(columns="changes").reset_index(drop=True)
    return rows.assign(D=rows["D"].map({1.0: "called", 0.0: "not called"}).fillna("outside"))


def verdict(corrected: pd.DataFrame) -> str:
    """Say what survives, from the corrected registry."""
    tested = corrected[eligible(corrected) & corrected["variant"].eq("corrected")]
    raw, bh = int((tested["p_raw"] <= 0.05).sum()), int((tested["q_bh"] <= 0.05).sum())
    by = int((tested["q_by"] <= 0.05).sum())
    silent = ~corrected["estimable"].astype(bool)
    absent = silent & corrected["reason"].fillna("").str.startswith(NOT_FETCHED)
    design = int((silent & ~absent).sum())
    missing = (
        f"\n{int(absent.sum())} more could not be done, because an archive was not fetched in this "
        "build."
        if absent.any()
        else ""
    )
    return (
        f"Of {len(tested)} confirmatory tests, {raw} have p of at most 0.05; "
        f"{bh} remain under Benjamini-Hochberg over the whole book and {by} under "
        f"Benjamini-Yekutieli, which holds under any dependence.\n"
        f"{design} further rows say that their design cannot give an answer.{missing}"
    )


def recounted() -> tuple[pd.DataFrame, int | None]:
    """Return paper A's legible tests with the range of q, and the m at which p = 0.02 fails."""
    table = published_table()
    rows, _ = recount(table)
    p = np.concatenate([rows["high"].to_numpy(), np.ones(table.silent)])
    index = int(np.flatnonzero(rows["raw_p"].eq("0.020"))[0])
    columns = ["section_as_printed", "test", "raw_p", "q_low", "q_high"]
    return rows[columns], smallest_m(p, index)
