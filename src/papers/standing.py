"""How many claims stand where: counts by agreement and evidence, claims apart from settings."""

from __future__ import annotations

import pandas as pd

from helpers.registry.records import NOT_FETCHED
from papers.evidence import KINDS
from papers.ledger import NO, OPEN, PART, READING, YES

DEFECT = "yes, with a documented defect"
CONTRADICTED = "yes, but contradicted elsewhere"
DOUBTED = "not compared, but contradicted elsewhere"
STANDINGS = (YES, DEFECT, CONTRADICTED, PART, READING, NO, DOUBTED, OPEN, NOT_FETCHED)
"""Answers to *agrees with print?*, with contradictions told apart and absent files named."""

ARCHIVES = {
    "Biodyn-AI__neuro-sae": "attention and scaling",
    "Biodyn-AI__grn-confound-audit": "leakage",
    "Biodyn-AI__scgpt-causal-mediation-circuit-map": "mediation",
}
"""Names of the archives that answer claims, as a reader knows them."""


def standing(ledger: pd.DataFrame) -> pd.Series:
    """Return where each claim stands: its agreement, and what speaks against it.

    A yes that other printed figures contradict is counted as such, before one with a defect.
    """
    found = ledger["agrees"].copy()
    yes, against = ledger["agrees"].eq(YES), ledger["contradictions"].ne("")
    found[yes & ledger["defect"].ne("")] = DEFECT
    found[yes & against] = CONTRADICTED
    found[ledger["agrees"].eq(OPEN) & against] = DOUBTED
    found[ledger["evidence"].eq(NOT_FETCHED)] = NOT_FETCHED
    return found


def standing_counts(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the number of claims by standing: measured ones per paper, then settings."""
    return _counts(ledger, standing(ledger), STANDINGS).rename_axis("agrees with print?")


def evidence_counts(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the number of claims by kind of evidence: measured ones per paper, then settings."""
    return _counts(ledger, ledger["evidence"], KINDS).rename_axis("evidence")


def _counts(ledger: pd.DataFrame, by: pd.Series, order: tuple[str, ...]) -> pd.DataFrame:
    measured = ledger["kind"].eq("measured")
    papers = sorted(ledger["paper"].unique())
    table = pd.crosstab(by[measured], ledger.loc[measured, "paper"])
    table = table.reindex(index=order, columns=papers, fill_value=0)
    table["measured"] = table.sum(axis=1)
    table["settings"] = by[~measured].value_counts().reindex(order, fill_value=0)
    table = table.rename(columns={name: f"paper {name}" for name in papers})
    return table[(table != 0).any(axis=1)].rename_axis(columns=None)


def archives_sentence(here: dict[str, bool]) -> str:
    """Say which archives this build had."""
    groups = [name for name in ARCHIVES if name in here]
    absent = [ARCHIVES[name] for name in groups if not here[name]]
    if not absent:
        return f"All {len(groups)} archives that answer claims were there in this build."
    return (
        f"{len(absent)} of {len(groups)} archives that answer claims were not fetched in this "
        f"build ({', '.join(absent)}); their claims are counted apart."
    )
