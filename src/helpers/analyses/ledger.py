"""What the ledger and the published-numbers pages show."""

from __future__ import annotations

import html
from pathlib import Path

import pandas as pd

from helpers.files import project_root
from helpers.registry.ledger import (
    STATUSES,
    build_ledger,
    claim_of,
    collect_links,
    load_notes,
    status_counts,
)
from helpers.registry.published import CHECK_VERDICTS, CheckResult, run_checks

PAPER_NAMES = {
    "A": "attention and co-expression",
    "A2": "its later version",
    "B": "mediation circuit maps",
    "C": "sparse-autoencoder circuits",
}


def profile_ledger(profile_dir: Path) -> pd.DataFrame:
    """Return the ledger of a profile, from whatever its notebooks have stored so far.

    Parameters
    ----------
    profile_dir
        ``results/PROFILE``.
    """
    notebooks = {path.stem for path in (project_root() / "notebooks").glob("*.md")}
    return build_ledger(collect_links(profile_dir), run_checks(), load_notes(), notebooks)


def anchor(claim_id: str) -> str:
    """Return the permalink fragment of a claim."""
    return "claim-" + claim_id.replace("/", "-")


def overview_table(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger's sortable table: one row a claim, short columns."""
    columns = ["claim_id", "paper", "section", "status", "published", "computed", "corrected"]
    table = ledger[[*columns, "notebook"]].copy()
    table["permalink"] = [f"#{anchor(claim)}" for claim in ledger["claim_id"]]
    return table.rename(columns={"claim_id": "claim"})


def claim_list(ledger: pd.DataFrame) -> str:
    """Return every claim as HTML with its permalink, and the way to the code that answers it."""
    entries = []
    for row in ledger.itertuples():
        name = anchor(row.claim_id)
        facts = [
            f"<strong>{row.status}</strong>",
            f"printed: {html.escape(row.published)}",
            f"computed: {html.escape(row.computed)}" if row.computed else "",
            f"corrected: {html.escape(row.corrected)}" if row.corrected else "",
            f"{row.matching} of {row.cells} figures match" if row.cells > 1 else "",
            html.escape(row.reason),
            _code_link(row.notebook, row.function),
        ]
        body = "; ".join(fact for fact in facts if fact)
        entries.append(
            f'<dt id="{name}"><a href="#{name}"><code>{row.claim_id}</code></a> '
            f"({row.paper}, {html.escape(row.section)}): {html.escape(row.quantity)}</dt>"
            f"<dd>{body}.</dd>"
        )
    return f"<dl class='ledger'>{''.join(entries)}</dl>"


def _code_link(notebook: str, function: str) -> str:
    page = f'<a href="{notebook}.html">{notebook}</a>' if notebook else ""
    name = f"<code>{html.escape(function)}</code>" if function else ""
    return " calls ".join(part for part in (page, name) if part)


def counts_markdown(ledger: pd.DataFrame) -> str:
    """Return the number of claims per status and paper as a Markdown table."""
    counts = status_counts(ledger)
    head = "| status | " + " | ".join(counts.columns) + " |"
    rule = "|---|" + "---:|" * len(counts.columns)
    rows = [
        f"| {status} | " + " | ".join(str(n) for n in row) + " |"
        for status, row in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    return "\n".join([head, rule, *rows])


def contradictions(checks: list[CheckResult]) -> pd.DataFrame:
    """Return the inconsistent checks: printed figure, recomputed interval, and the claims."""
    rows = [
        {
            "check": c.id,
            "question": c.question,
            "printed": c.stated.value,
            "recomputed_low": c.outcome.low,
            "recomputed_high": c.outcome.high,
            "claims": ", ".join(c.claim_ids),
            "note": c.note,
        }
        for c in checks
        if c.verdict == "inconsistent"
    ]
    return pd.DataFrame(rows)


def verdict_counts(checks: list[CheckResult]) -> pd.DataFrame:
    """Return the number of checks by section of claims (rows) and verdict (columns)."""
    table = pd.DataFrame(
        {
            "section": [
                claim_of(c.paths[0] if c.stated.path == "literal" else c.stated.path).split("/")[0]
                for c in checks
            ],
            "verdict": [c.verdict for c in checks],
        }
    )
    counts = pd.crosstab(table["section"], table["verdict"])
    return counts.reindex(columns=CHECK_VERDICTS, fill_value=0)


def status_verdict(ledger: pd.DataFrame) -> str:
    """Say what the ledger shows, from its counts."""
    measured = ledger[ledger["kind"] == "measured"]
    counts = measured["status"].value_counts().reindex(STATUSES, fill_value=0)
    answered = counts["reproduced"] + counts["reproduced with correction"]
    share = 100 * answered / len(measured)
    text = (
        f"Of {len(measured)} measured claims, {answered} ({share:.0f} %) can be recomputed from "
        f"archived results or from other printed figures; {counts['reproduced with correction']} "
        "of them with a documented defect.\n"
        f"{counts['differs']} differ from what the archives give, and "
        f"{counts['inconsistent with itself']} contradict other figures of the same papers.\n"
    )
    unanswered = counts["needs data the reader can bring"] + counts["no evidence available"]
    return text + f"For {unanswered} the public record holds no evidence either way."
