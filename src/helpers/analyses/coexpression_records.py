"""Registry rows of the co-expression page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.analyses.coexpression import Findings
from helpers.estimates import NotEstimable
from helpers.registry import TestRecord, record_of
from helpers.statistics.results import Outcome

NOTEBOOK = "10_coexpression"
DECLARED = ("10.1", "10.2", "10.3", "10.4", "10.5", "10.6")

HYPOTHESES = {
    "10.1": "pooled attention follows co-expression",
    "10.2": "pooled attention follows co-expression beyond gene-level terms",
    "10.3": "pooled attention ranks curated regulation otherwise than chance",
    "10.4": "co-expression and attention differ in AUROC on curated regulation",
    "10.5": "pooled attention has no regulatory signal (AUROC within 0.5 +/- 0.05)",
}
STATISTICS = {
    "10.1": "rho(A, R)",
    "10.2": "unique R^2 of co-expression",
    "10.3": "AUROC - 0.5",
    "10.4": "AUROC(|R|) - AUROC(A)",
    "10.5": "AUROC",
}
NULLS = {
    "10.1": "gene labels of R permuted",
    "10.2": "gene labels of the residual of R permuted",
    "10.3": "targets permuted within TF",
    "10.4": "no difference, TFs resampled in pairs",
    "10.5": "AUROC outside 0.45 to 0.55",
}
CLAIMS = {
    "10.1": ("coexpression/rho-range", "coexpression/rho-p"),
    "10.2": ("coexpression/variance-explained",),
    "10.3": ("coexpression/pooled-auroc", "coexpression/table1"),
    "10.4": (),
    "10.5": ("coexpression/pooled-auroc", "coexpression/regulatory-rho-p"),
}
ONCE = ("10.1", "10.2")
"""Tests that do not involve a reference: one record per model and data set."""


def _common(number: str, scope: str, seed: int) -> dict:
    return {
        "test_id": f"{number}/{scope}",
        "notebook": NOTEBOOK,
        "paper": "A",
        "section": "3.1",
        "tag": "ATTN",
        "family": "F10",
        "seed": seed,
    }


def record(
    number: str, scope: str, outcome: Outcome | NotEstimable, seed: int, n_units: int = 0
) -> TestRecord:
    """Return the registry row of one confirmatory test.

    Parameters
    ----------
    number
        ``"10.1"`` to ``"10.5"``.
    scope
        What it was done on, ``"scgpt/baron"`` or ``"scgpt/baron/trrust"``.
    outcome
        The test, or why there is none.
    seed
        Seed of the page.
    n_units
        Units, for a test that is not estimable.
    """
    unit = "gene" if number in ONCE else "TF"
    fields = _common(number, scope, seed) | {
        "hypothesis": HYPOTHESES[number],
        "statistic": STATISTICS[number],
        "null": NULLS[number],
        "unit": unit,
        "role": "confirmatory",
        "claim_ids": CLAIMS[number],
    }
    if isinstance(outcome, NotEstimable):
        return record_of(outcome, **fields, n_units=n_units)
    if number == "10.5":
        fields["sides"] = "-"
    if number == "10.3":  # the statistic is AUROC - 0.5
        low, high = (None if x is None else x - 0.5 for x in (outcome.low, outcome.high))
        outcome = replace(outcome, estimate=outcome.estimate - 0.5, low=low, high=high)
    return record_of(outcome, **fields)


def published_record(scope: str, found: Findings, seed: int) -> TestRecord | None:
    """Return the row of rho on raw counts with p from the number of pairs, as the paper has it."""
    if found.shared.naive is None or isinstance(found.shared.raw, NotEstimable):
        return None
    tiny = found.shared.naive < 1e-300
    return TestRecord(
        **_common("10.1", scope, seed),
        hypothesis=HYPOTHESES["10.1"],
        statistic="rho(A, R), raw counts",
        test="t approximation",
        null="pairs independent",
        unit="pair",
        n_units=found.shared.raw.detail["n_pairs"],
        role="confirmatory",
        variant="published",
        sides="two",
        estimate=found.shared.raw.estimate,
        p=1e-300 if tiny else found.shared.naive,
        p_bound="<" if tiny else "=",
        claim_ids=CLAIMS["10.1"],
    )


def records(
    findings: Mapping[str, Findings], spread: pd.DataFrame, seed: int
) -> Iterator[TestRecord]:
    """Yield every registry row of the page.

    Parameters
    ----------
    findings
        ``"model/data/reference"`` -> findings.
    spread
        Range of AUROC over models per data set and reference (10.6).
    seed
        Seed of the page.
    """
    done = set()
    for key, found in findings.items():
        scope = key.rpartition("/")[0]
        for number, outcome in found.tests.items():
            place = scope if number in ONCE else key
            if (number, place) in done:
                continue
            done.add((number, place))
            yield record(number, place, outcome, seed)
        if ("published", scope) not in done:
            done.add(("published", scope))
            row = published_record(scope, found, seed)
            if row is not None:
                yield row
    for row in spread.itertuples():
        yield TestRecord(
            **_common("10.6", f"{row.data}/{row.reference}", seed),
            hypothesis="models do not differ in AUROC",
            statistic="range of AUROC over models",
            test="none",
            null="none, descriptive",
            unit="model",
            n_units=int(row.models),
            role="descriptive",
            estimate=float(np.round(row.spread, 12)),
            claim_ids=("coexpression/table1",),
        )
