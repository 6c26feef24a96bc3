"""What this book found of a published claim: its own tests that name the claim, or the archive."""

from __future__ import annotations

import pandas as pd

from helpers.registry.correction import correct
from papers import links
from papers.shown import digits


def own_tests(registry: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return, for each claim, the corrected rows of the registry that name it.

    Parameters
    ----------
    registry
        As `helpers.registry.collect` returns it; corrected here over the whole book.

    Returns
    -------
    dict
        Claim -> rows in the order of their tests, with estimate, limits and ``call``. Rows on
        planted worlds and rows that repeat a paper's procedure are left out.
    """
    table = correct(registry)
    kept = table["variant"].eq("corrected") & table["estimable"].astype(bool)
    table = table[kept & table["role"].eq("confirmatory")]
    named = table.assign(claim_ids=table["claim_ids"].str.split()).explode("claim_ids")
    return dict(iter(named.groupby("claim_ids")))


def ours(claim: str, tests: dict[str, pd.DataFrame], row: pd.Series) -> str:
    """Return what this book has for a claim, as text with intervals.

    The first statistic of its own tests that name the claim (smallest and largest estimate over the
    analyses, and how many are significant over the whole book); else the corrected or computed
    value of the ledger; else nothing.

    Parameters
    ----------
    claim
        Identifier of the claim.
    tests
        As from `own_tests`.
    row
        The claim's row of the ledger.
    """
    if claim in tests:
        rows = tests[claim]
        statistic = rows["statistic"].iloc[0]
        rows = rows[rows["statistic"].eq(statistic)].sort_values("estimate", kind="stable")
        ends = dict.fromkeys(_with_interval(rows.iloc[at]) for at in (0, -1))
        called = int(rows["call"].eq("significant").sum())
        return f"{statistic}: {' to '.join(ends)}; {called} of {len(rows)} analyses significant"
    if row["corrected"]:
        return f"corrected: {row['corrected']}"
    return row["computed"] and f"recomputed: {row['computed']}"


def _with_interval(row: pd.Series) -> str:
    if pd.isna(row["ci_lo"]):
        return digits(row["estimate"])
    return f"{digits(row['estimate'])} [{digits(row['ci_lo'])}, {digits(row['ci_hi'])}]"


def places(claim: str, tests: dict[str, pd.DataFrame], row: pd.Series) -> str:
    """Return HTML links: to the claim in the ledger, and to the pages that answer or test it."""
    pages = [page for page in row["notebook"].split(", ") if page]
    answers = [links.to_answer(page, claim) for page in pages if page != links.CHECKS]
    tested = list(dict.fromkeys(tests[claim]["notebook"])) if claim in tests else []
    answers += [links.to_answer(page) for page in tested if page not in pages]
    checks = [f"check {links.to_check(row['check'])}"] if row["check"] else []
    return ", ".join([links.to_claim(claim), *answers, *checks])
