"""What the pages of the ledger and of the checks show: short tables and HTML lists with permalinks.

Pages show at most seven columns and no names of keys or functions; the full tables are their CSV.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from helpers.errors import RegistryError
from helpers.files import project_root
from papers import links
from papers.answers import Link, collect_links, unique
from papers.checks import CHECK_VERDICTS, CheckResult, run_checks
from papers.claims import claim_of
from papers.evidence import FINER, PRINTED, SUMMARY, archives_here, load_notes
from papers.ledger import NO, build_ledger
from papers.shown import digits
from papers.standing import (
    archives_sentence,
    evidence_counts,
    standing,
    standing_counts,
)

KIND_KEYS = {"finer": FINER, "summary": SUMMARY, "printed": PRINTED}
"""Keys under which a page keeps the numbers of claims by kind of evidence."""


def ledger_of(
    results: Path, more: tuple[Link, ...] = (), among: Iterable[str] = ("*",)
) -> pd.DataFrame:
    """Return the ledger of a profile, from whatever its notebooks have stored so far.

    Parameters
    ----------
    results
        ``results/PROFILE``.
    more
        Answers of the page that is being run.
    among
        Pages whose answers are read; all of them by default.

    Returns
    -------
    pandas.DataFrame
        As from `papers.ledger.build_ledger`, with ``standing``; the frame's
        ``attrs["archives"]`` say which archives the build had.
    """
    notebooks = {path.stem for path in (project_root() / "notebooks").glob("*.md")}
    found, notes = unique([*collect_links(results, among), *more]), load_notes()
    ledger = build_ledger(found, run_checks(), notes, notebooks)
    ledger["standing"] = standing(ledger)
    ledger.attrs["archives"] = archives_here(found, notes)
    return ledger


def overview(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger's short table: one row a claim."""
    against = ledger["contradictions"].map(lambda text: len(text.splitlines()) or "")
    columns = {"claim_id": "claim", "paper": "paper", "published": "printed"}
    columns |= {"computed": "computed", "standing": "agrees with print?", "evidence": "evidence"}
    return ledger[list(columns)].rename(columns=columns).assign(contradictions=against)


def counts_markdown(ledger: pd.DataFrame) -> str:
    """Return the numbers of claims by standing and by evidence, with the state of archives."""
    blocks = [
        _markdown(standing_counts(ledger)),
        _markdown(evidence_counts(ledger)),
        archives_sentence(ledger.attrs["archives"]),
    ]
    return "\n\n".join(blocks)


def _markdown(counts: pd.DataFrame) -> str:
    head = f"| {counts.index.name} | " + " | ".join(counts.columns) + " |"
    rule = "|---|" + "---:|" * len(counts.columns)
    rows = [
        f"| {name} | " + " | ".join(str(n) for n in row) + " |"
        for name, row in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    return "\n".join([head, rule, *rows])


def claim_list(ledger: pd.DataFrame) -> str:
    """Return every claim as HTML, with filters, its permalink, and links to what answers it.

    The filters (paper, section, agreement, evidence, any words) are brought to life by
    ``ledger.js``; without scripts they are hidden and every claim is shown.
    """
    entries = []
    for row in ledger.itertuples():
        name = links.claim_anchor(row.claim_id)
        keys = {
            "paper": row.paper,
            "section": row.section,
            "agrees": row.standing,
            "evidence": row.evidence,
        }
        data = " ".join(f'data-{key}="{html.escape(str(v))}"' for key, v in keys.items())
        entries.append(
            f'<div class="entry" {data}>'
            f'<dt id="{name}"><a href="#{name}"><code>{row.claim_id}</code></a> '
            f"({row.paper}, {html.escape(row.section)}): {html.escape(row.quantity)}</dt>"
            f"<dd>{'; '.join(filter(None, _said_of(row)))}.{_against(row)}</dd></div>"
        )
    return f"{_filters(ledger)}<dl class='ledger'>{''.join(entries)}</dl>"


def _said_of(row) -> list[str]:
    partly = row.compared and (row.compared < row.figures or row.matching < row.compared)
    return [
        f"printed: {html.escape(row.published)}",
        f"agrees: <strong>{row.standing}</strong>",
        f"evidence: {row.evidence}",
        f"computed: {html.escape(row.computed)}" if row.computed else "",
        f"corrected: {html.escape(row.corrected)}" if row.corrected else "",
        f"{row.matching} of {row.compared} compared figures match" if partly else "",
        f"tolerance beyond rounding: {row.tolerance:.2g}" if row.tolerance else "",
        html.escape(row.reason.rstrip(".")),
        html.escape(row.defect.rstrip(".")),
        _answered_by(row),
    ]


def _against(row) -> str:
    if not row.contradictions:
        return ""
    items = "".join(f"<li>{html.escape(text)}</li>" for text in row.contradictions.splitlines())
    return f"<ul class='contradictions'>{items}</ul>"


def _answered_by(row) -> str:
    """Return links to the places that answer a claim and to the functions they call."""
    pages = [page for page in row.notebook.split(", ") if page and page != links.CHECKS]
    places = [links.to_answer(page, row.claim_id) for page in pages]
    if row.check:
        places.append(f"check {links.to_check(row.check)}")
    functions = [links.to_code(name) for name in row.function.split(", ") if name]
    return " calls ".join(", ".join(part) for part in (places, functions) if part)


def _filters(ledger: pd.DataFrame) -> str:
    """Return the form that filters the list of claims."""
    fields = []
    for key in ("paper", "section", "agrees", "evidence"):
        column = "standing" if key == "agrees" else key
        values = sorted(ledger[column].unique(), key=_by_number)
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


def differing(ledger: pd.DataFrame) -> str:
    """Return a list of the claims that do not agree, each with what could explain it."""
    found = ledger[ledger["agrees"].eq(NO)]
    return "\n".join(
        f"- {links.to_claim(row.claim_id)}, {row.quantity}: printed {row.published}, "
        f"computed {row.computed or 'as in the claim it repeats'}; {row.evidence}. {row.reason}"
        for row in found.itertuples()
    )


def check_list(checks: list[CheckResult]) -> str:
    """Return every check as HTML: its permalink, claims in the ledger, and the function."""
    entries = []
    for check in checks:
        name = links.check_anchor(check.id)
        claims = ", ".join(links.to_claim(claim) for claim in check.claim_ids)
        facts = [
            f"<strong>{check.verdict}</strong>",
            f"printed: {digits(check.stated.value)}",
            f"recomputed: {digits(check.outcome.low)} to {digits(check.outcome.high)}",
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


def contradictions(checks: list[CheckResult]) -> pd.DataFrame:
    """Return the inconsistent checks: question, printed figure, recomputed interval, claims."""
    rows = [
        {
            "question": c.question,
            "printed": digits(c.stated.value),
            "recomputed": f"{digits(c.outcome.low)} to {digits(c.outcome.high)}",
            "speaks against": ", ".join(c.against),
            "note": c.note,
        }
        for c in checks
        if c.verdict == CHECK_VERDICTS[2]
    ]
    return pd.DataFrame(rows)


def verdict_counts(checks: list[CheckResult]) -> pd.DataFrame:
    """Return the number of checks by section of claims (rows) and verdict (columns)."""
    if not checks:
        raise RegistryError("no checks to count: the papers chosen have none")
    section = [
        claim_of(c.paths[0] if c.stated.path == "literal" else c.stated.path).split("/")[0]
        for c in checks
    ]
    counts = pd.crosstab(pd.Series(section), pd.Series([c.verdict for c in checks]))
    return counts.reindex(columns=CHECK_VERDICTS, fill_value=0)
