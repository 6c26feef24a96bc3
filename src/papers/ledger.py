"""The claim ledger: for every published claim, three questions with computed answers.

*Does a value of this build agree with the print? What kind of evidence is that value? What do other
printed figures say against it?* A claim is linked to code by the values that pages store: an entry
of ``values.json`` whose ``claim`` names a printed figure (a path as for
:func:`papers.claims.printed`) and whose ``variant`` is ``published`` is compared with it;
``corrected`` is shown beside it; ``contradicts`` speaks against it. A check of printed figures
answers a figure only if it computes that very figure. Nobody writes a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from helpers.errors import RegistryError
from helpers.registry.records import NOT_FETCHED
from papers import evidence as kinds
from papers.answers import Link
from papers.checks import CHECK_VERDICTS, CheckResult
from papers.claims import Claim, claim_of, load_claims, printed
from papers.evidence import Notes, archives_here, evidence_of
from papers.figures import figures, unanswered
from papers.shown import of_check, of_link, printed_text, sentence, several

YES = "yes"
PART = "in part"
READING = "only under another reading"
NO = "no"
OPEN = "not compared"
AGREES = (YES, PART, READING, NO, OPEN)
"""Answers to *agrees with print?*; "in part": what was compared agrees, but not all of it was."""

CHECKS_PAGE = "92_published_numbers"
"""Notebook whose checks use nothing but printed figures."""


@dataclass(frozen=True)
class Answer:
    """What one value says about one printed figure.

    Parameters
    ----------
    path
        The printed figure.
    agrees
        One of `AGREES`.
    kind
        One of `papers.evidence.KINDS`.
    shown
        The value as text.
    notebook, function
        Where it comes from.
    remark
        What the reader should know about it.
    check
        The check of printed figures that it is, if it is one.
    """

    path: str
    agrees: str
    kind: str
    shown: str
    notebook: str
    function: str
    remark: str = ""
    check: str = ""


def build_ledger(
    links: Iterable[Link], checks: Iterable[CheckResult], notes: Notes, notebooks: Iterable[str]
) -> pd.DataFrame:
    """Return the ledger: one row a claim.

    Parameters
    ----------
    links
        Stored values that answer printed figures.
    checks
        Internal-consistency checks of the printed figures.
    notes
        The hand-written part (:func:`papers.evidence.load_notes`).
    notebooks
        Notebooks that exist: data are named as missing only if a notebook could use them.

    Returns
    -------
    pandas.DataFrame
        ``claim_id, paper, section, kind`` ("measured" or "setting"), ``quantity, published,
        agrees, evidence, contradictions`` (sentences, one a line), ``computed, corrected, defect,
        figures, compared, matching, tolerance, notebook, function, check, reason``.
        ``notebook`` and ``function`` are lists joined by commas.
    """
    links, checks = list(links), list(checks)
    here = archives_here(links, notes)
    available = frozenset(notebooks)
    rows: dict[str, dict] = {}
    for claim in load_claims().values():
        mine = [link for link in links if link.claim_id == claim.id]
        answers = _of_links(mine, notes)
        for more in (_of_checks(claim, checks), _of_repeats(claim, rows)):
            taken = {a.path for a in answers}
            answers += [a for a in more if a.path not in taken]
        rows[claim.id] = (
            _facts(claim, mine, answers, notes, [rows[name]["defect"] for name in claim.repeats])
            | _verdict(claim, answers, notes, _absent(claim, rows, notes, here), available)
            | {"contradictions": "\n".join(_against(claim, mine, checks, notes))}
        )
    return pd.DataFrame(rows.values()).drop(columns="_numbers")


def _of_links(links: list[Link], notes: Notes) -> list[Answer]:
    return [
        Answer(
            path=link.path,
            agrees=YES if link.matches() else NO,
            kind=evidence_of(link, notes),
            shown=of_link(link),
            notebook=link.notebook,
            function=link.function,
            remark=link.note,
        )
        for link in links
        if link.variant == "published" and link.claim_id not in notes.circular
    ]


def _of_checks(claim: Claim, checks: list[CheckResult]) -> list[Answer]:
    agrees = {CHECK_VERDICTS[0]: YES, CHECK_VERDICTS[1]: READING, CHECK_VERDICTS[2]: NO}
    return [
        Answer(
            path=check.stated.path,
            agrees=agrees[check.verdict],
            kind=kinds.PRINTED,
            shown=of_check(check),
            notebook=CHECKS_PAGE,
            function=check.source,
            remark=_reading(check),
            check=check.id,
        )
        for check in checks
        if check.derives and claim_of(check.stated.path) == claim.id
    ]


def _reading(check: CheckResult) -> str:
    if check.outcome.agrees:
        return ""
    return "; ".join(f"agrees for this reading: {text}" for text, o in check.readings if o.agrees)


def _of_repeats(claim: Claim, rows: dict[str, dict]) -> list[Answer]:
    """Return answers to figures that are printed again, from the rows of the earlier claims."""
    answers = []
    for path in figures(claim) if claim.repeats else []:
        value = abs(printed(path).value)
        for name in claim.repeats:
            row = rows[name]
            if value in row["_numbers"] and row["agrees"] != OPEN:
                text = f"as {name}"
                answers.append(
                    Answer(path, row["agrees"], row["evidence"], "", "", "", text, row["check"])
                )
                break
    return answers


def _facts(
    claim: Claim, links: list[Link], answers: list[Answer], notes: Notes, inherited: list[str]
) -> dict:
    defects = [notes.defects.get(claim.id, ""), *inherited]
    corrected = [link for link in links if link.variant == "corrected"]
    shown = [of_link(link) + (f" ({link.note})" if link.note else "") for link in corrected]
    beside = [link for link in links if link.variant != "published"]
    pages = [a.notebook for a in answers] + [link.notebook for link in beside]
    functions = [a.function for a in answers] + [link.function for link in corrected]
    return {
        "claim_id": claim.id,
        "paper": claim.paper,
        "section": claim.section,
        "kind": "setting" if claim.kind == "design parameter" else "measured",
        "quantity": claim.quantity,
        "published": printed_text(claim),
        "computed": several([a.shown for a in answers if a.shown]),
        "corrected": several(shown),
        "defect": " ".join(dict.fromkeys(filter(None, defects))),
        "figures": len(set(figures(claim)) - notes.constants),
        "compared": len(answers),
        "matching": sum(a.agrees == YES for a in answers),
        "tolerance": max((link.tolerance for link in links), default=0.0),
        "notebook": ", ".join(dict.fromkeys(filter(None, pages))),
        "function": ", ".join(dict.fromkeys(filter(None, functions))),
        "check": next((a.check for a in answers if a.check), ""),
        "_numbers": _numbers(claim),
    }


def _numbers(claim: Claim) -> set[float]:
    """Return the sizes of the numbers that a claim prints, to recognise them elsewhere."""
    values = set()
    for path in figures(claim):
        try:
            values.add(abs(printed(path).value))
        except RegistryError:  # a figure in words
            continue
    return values


def _absent(claim: Claim, rows: dict[str, dict], notes: Notes, here: dict[str, bool]) -> str:
    """Return which archive would answer a claim and is not in this build; else nothing."""
    source = notes.source(claim.id)
    if source and source.archive and not here[source.archive]:
        return f"its file is in {source.archive}"
    repeated = [name for name in claim.repeats if rows[name]["evidence"] == NOT_FETCHED]
    return f"it repeats {', '.join(repeated)}" if repeated else ""


def _verdict(
    claim: Claim, answers: list[Answer], notes: Notes, absent: str, notebooks: frozenset[str]
) -> dict:
    if answers:
        kind = max((a.kind for a in answers), key=kinds.WEAKER.index)
        agrees, reason = _agreement(claim, answers, notes)
        return {"agrees": agrees, "evidence": kind, "reason": reason}
    if absent:
        return {"agrees": OPEN, "evidence": NOT_FETCHED, "reason": absent}
    return {"agrees": OPEN, "evidence": kinds.NONE, "reason": _why_open(claim, notes, notebooks)}


def _agreement(claim: Claim, answers: list[Answer], notes: Notes) -> tuple[str, str]:
    found = [a.agrees for a in answers]
    remarks = "; ".join(dict.fromkeys(a.remark for a in answers if a.remark))
    if NO in found:
        wrong = [a.path for a in answers if a.agrees == NO]
        why = notes.differences.get(claim.id, "")
        count = f"{len(wrong)} of {len(answers)} compared figures differ: {', '.join(wrong[:5])}."
        return NO, f"{count} {why}".strip() if len(figures(claim)) > 1 else why
    if READING in found:
        return READING, remarks
    left = unanswered(claim, [a.path for a in answers], notes.constants)
    if left or PART in found:
        total = len(set(figures(claim)) - notes.constants)
        return PART, f"{len(left)} of {total} figures have no answer. {remarks}".strip()
    return YES, remarks


def _why_open(claim: Claim, notes: Notes, notebooks: frozenset[str]) -> str:
    if why := notes.circular.get(claim.id) or notes.uncheckable.get(claim.id):
        return why
    if notes.source(claim.id):
        return "the page that answers it has not run in this build"
    if claim.kind == "design parameter":
        return "a stated setting; no archived file and no other printed figure gives it"
    if need := notes.need(claim.id, notebooks):
        return f"{need[0]} implements it. {need[1]}"
    return "no value of this book answers it, and no other printed figure implies it"


def _against(claim: Claim, links: list[Link], checks: list[CheckResult], notes: Notes) -> list[str]:
    """Return the sentences that speak against a claim."""
    found = [sentence(c) for c in checks if c.verdict == "inconsistent" and claim.id in c.against]
    found += [f"{link.note} {of_link(link)}." for link in links if link.variant == "contradicts"]
    for mine, others, why in notes.pairs:
        if claim.id in mine:
            found.append(why + (f" See {', '.join(others)}." if others else ""))
    return found
