"""What the ledger and the published-numbers pages show."""

from __future__ import annotations

import html
from pathlib import Path

import pandas as pd

from helpers.files import project_root
from helpers.registry import links
from helpers.registry.claims import claim_of
from helpers.registry.ledger import (
    DIFFERS,
    STATUSES,
    build_ledger,
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


def overview_table(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger's sortable table: one row a claim, short columns."""
    columns = ["claim_id", "paper", "section", "status", "published", "computed", "corrected"]
    table = ledger[[*columns, "notebook"]].copy()
    return table.rename(columns={"claim_id": "claim"})


def claim_list(ledger: pd.DataFrame) -> str:
    """Return every claim as HTML, with filters, its permalink, and links to what answers it.

    The filters (paper, section, status, any words) are brought to life by ``ledger.js``; without
    scripts they are hidden and every claim is shown.
    """
    entries = []
    for row in ledger.itertuples():
        name = links.claim_anchor(row.claim_id)
        facts = [
            f"<strong>{row.status}</strong>",
            f"printed: {html.escape(row.published)}",
            f"computed: {html.escape(row.computed)}" if row.computed else "",
            f"corrected: {html.escape(row.corrected)}" if row.corrected else "",
            f"{row.matching} of {row.cells} figures match" if row.cells > 1 else "",
            _tolerance(row),
            html.escape(row.reason.rstrip(".")),
            _answered_by(row),
        ]
        body = "; ".join(fact for fact in facts if fact)
        keys = {"paper": row.paper, "section": row.section, "status": row.status}
        data = " ".join(f'data-{key}="{html.escape(str(v))}"' for key, v in keys.items())
        entries.append(
            f'<div class="entry" {data}>'
            f'<dt id="{name}"><a href="#{name}"><code>{row.claim_id}</code></a> '
            f"({row.paper}, {html.escape(row.section)}): {html.escape(row.quantity)}</dt>"
            f"<dd>{body}.</dd></div>"
        )
    return f"{_filters(ledger)}<dl class='ledger'>{''.join(entries)}</dl>"


def _tolerance(row) -> str:
    if not row.cells:
        return ""
    beyond = f" and {row.tolerance:.2g} beyond it" if row.tolerance else ""
    return f"tolerance: rounding{beyond}"


def _answered_by(row) -> str:
    """Return links to the places that answer a claim and to the functions they call."""
    pages = [page for page in row.notebook.split(", ") if page]
    if row.cells or row.corrected:
        places = [links.to_answer(page, row.claim_id) for page in pages if page != links.CHECKS]
    else:
        places = [links.to_answer(page) for page in pages if page != links.CHECKS]
    if row.check:
        places.append(f"check {links.to_check(row.check)}")
    functions = [links.to_code(name) for name in row.function.split(", ") if name]
    return " calls ".join(", ".join(part) for part in (places, functions) if part)


def _filters(ledger: pd.DataFrame) -> str:
    """Return the form that filters the list of claims."""
    fields = []
    for key in ("paper", "section", "status"):
        shown = [status for status in STATUSES if status in set(ledger["status"])]
        values = shown if key == "status" else sorted(ledger[key].unique(), key=_by_number)
        options = "".join(f"<option>{html.escape(value)}</option>" for value in values)
        fields.append(
            f'<label>{key} <select name="{key}"><option value="">all</option>{options}</select>'
            "</label>"
        )
    fields.append('<label>words <input type="search" name="words"></label>')
    fields.append('<output name="shown" aria-live="polite"></output>')
    return f'<form class="ledger-filter" hidden>{" ".join(fields)}</form>'


def _by_number(section: str) -> list[tuple[int, int, str]]:
    """Sort sections as a table of contents does: 3.2 before 3.10, words last."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in section.split(".")]


def differences(ledger: pd.DataFrame) -> str:
    """Return what the page says of the claims that differ, each with a fair explanation."""
    found = ledger[ledger["status"] == DIFFERS]
    if found.empty:
        return "No claim with an answer differs from it."
    return "\n".join(
        f"- {links.to_claim(row.claim_id)} ({row.quantity}): {row.reason}"
        for row in found.itertuples()
    )


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


def check_list(checks: list[CheckResult]) -> str:
    """Return every check as HTML: its permalink, claims in the ledger, and the function."""
    entries = []
    for check in checks:
        name = links.check_anchor(check.id)
        claims = ", ".join(links.to_claim(claim) for claim in check.claim_ids)
        facts = [
            f"<strong>{check.verdict}</strong>",
            f"printed: {check.stated.value:g}",
            f"recomputed: {check.outcome.low:.4g} to {check.outcome.high:.4g}",
            html.escape(check.note).rstrip("."),
            f"claims: {claims}",
            f"computed by {links.to_code(check.source)}",
        ]
        entries.append(
            f'<dt id="{name}"><a href="#{name}"><code>{html.escape(check.id)}</code></a>: '
            f"{html.escape(check.question)}</dt>"
            f"<dd>{'; '.join(fact for fact in facts if fact)}.</dd>"
        )
    return f"<dl class='ledger'>{''.join(entries)}</dl>"


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
