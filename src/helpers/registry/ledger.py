"""The claim ledger: one computed status for every published claim.

A claim is linked to code by the values that notebooks store: an entry of ``values.json`` whose
``claim`` names a printed figure (a path as for :func:`helpers.registry.claims.printed`) and
whose ``variant`` is ``published`` is compared with it; an entry with ``variant = corrected`` is
shown beside it. Nobody writes a status.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path

import pandas as pd
import yaml

from helpers.errors import RegistryError
from helpers.registry.claims import (
    Claim,
    Printed,
    claim_of,
    load_claims,
    printed,
    printed_words,
)
from helpers.registry.published import CheckResult

REPRODUCED = "reproduced"
CORRECTED = "reproduced with correction"
DIFFERS = "differs"
INCONSISTENT = "inconsistent with itself"
NO_EVIDENCE = "no evidence available"
NEEDS_DATA = "needs data the reader can bring"
STATUSES = (REPRODUCED, CORRECTED, DIFFERS, INCONSISTENT, NEEDS_DATA, NO_EVIDENCE)

CHECKS_PAGE = "92_published_numbers"
"""Notebook whose checks use nothing but printed figures."""

SLACK = 1e-9


@dataclass(frozen=True)
class Link:
    """A stored value that answers a printed figure.

    Parameters
    ----------
    path
        Printed figure, as for :func:`helpers.registry.claims.printed`.
    value
        What the code returned, a number or, for a figure printed in words, text; ``None`` if the
        notebook found it not estimable.
    variant
        ``published`` or ``corrected``.
    notebook, key, function
        Where the value is stored, and which function made it; empty where the page did.
    tolerance
        Absolute tolerance beside rounding (Monte-Carlo error of a p value, for example).
    note
        What the data really are, where the paper's label differs.
    low, high
        Interval of the value, where it has one.
    decided
        Whether the page that compared it found that it matches; ``None`` where none did.
    """

    path: str
    value: float | str | None
    variant: str
    notebook: str
    key: str
    function: str
    tolerance: float = 0.0
    note: str = ""
    low: float | None = None
    high: float | None = None
    decided: bool | None = None

    @property
    def claim_id(self) -> str:
        """Identifier of the claim."""
        return claim_of(self.path)

    def matches(self) -> bool:
        """Whether the value rounds to the printed figure, or differs by at most the tolerance.

        Text matches if it is the printed text.
        """
        if self.value is None:
            return False
        if self.decided is not None:
            return self.decided
        if isinstance(self.value, str):
            return self.value == printed_words(self.path)
        target: Printed = printed(self.path)
        room = self.tolerance + SLACK
        return target.low - room <= self.value <= target.high + room


def collect_links(results: Path) -> list[Link]:
    """Read every claim-bearing value below ``results/PROFILE``.

    Raises
    ------
    RegistryError
        If a value names an unknown claim or variant, a published one was neither compared nor names
        its function, or two values of one variant answer the same figure.
    """
    links: dict[tuple[str, str], Link] = {}
    for file in sorted(Path(results).glob("*/values.json")):
        for key, entry in json.loads(file.read_text(encoding="utf-8")).items():
            if "claim" not in entry:
                continue
            link = _link(file.parent.name, key, entry)
            if other := links.get((link.path, link.variant)):
                raise RegistryError(
                    f"{link.path} ({link.variant}) is answered by {other.notebook}/{other.key} "
                    f"and by {link.notebook}/{key}; keep one."
                )
            links[link.path, link.variant] = link
    return list(links.values())


def _link(notebook: str, key: str, entry: dict) -> Link:
    where = f"{notebook}/{key}"
    if claim_of(entry["claim"]) not in load_claims():
        raise RegistryError(f"{where} names the claim {entry['claim']!r}, which does not exist.")
    if entry.get("variant") not in ("published", "corrected"):
        raise RegistryError(
            f"{where} answers a claim and needs variant 'published' or 'corrected'."
        )
    made = bool(entry.get("function")) or "matches" in entry
    if entry["variant"] == "published" and not made:
        raise RegistryError(
            f"{where} answers a claim: use run.compare, or give the name of its function."
        )
    (printed_words if isinstance(entry.get("value"), str) else printed)(entry["claim"])
    return Link(
        path=entry["claim"],
        value=entry.get("value"),
        variant=entry["variant"],
        notebook=notebook,
        key=key,
        function=entry.get("function", ""),
        tolerance=float(entry.get("tolerance", 0.0)),
        note=entry.get("note", ""),
        low=entry.get("low"),
        high=entry.get("high"),
        decided=entry.get("matches"),
    )


def load_notes() -> dict:
    """Return the hand-written part: documented defects, explained differences, needed data."""
    text = files("helpers.registry").joinpath("ledger_notes.yaml").read_text(encoding="utf-8")
    notes = yaml.safe_load(text)
    named = [*notes["defects"], *notes["differences"]]
    unknown = [name for name in named if name not in load_claims()]
    for row in notes["needs"]:
        unknown += [p for p in row["claims"] if not any(fnmatchcase(c, p) for c in load_claims())]
    if unknown:
        raise RegistryError(f"ledger_notes.yaml names no claim with {sorted(unknown)}.")
    return notes


def build_ledger(
    links: Iterable[Link], checks: Iterable[CheckResult], notes: dict, notebooks: Iterable[str]
) -> pd.DataFrame:
    """Return the ledger: one row a claim.

    Parameters
    ----------
    links
        Stored values that answer printed figures.
    checks
        Internal-consistency checks of the printed figures.
    notes
        Documented defects, explained differences and needed data (:func:`load_notes`).
    notebooks
        Notebooks that exist: a claim `needs data` only if a notebook implements its protocol.

    Returns
    -------
    pandas.DataFrame
        ``claim_id, paper, section, kind, quantity, status, published, computed, corrected,
        tolerance, cells, matching, notebook, function, check, reason, contradictions``.
        ``notebook`` and ``function`` are lists joined by commas; ``check`` is the check of
        printed figures that decided, if one did.
    """
    by_claim: dict[str, list[Link]] = {}
    for link in links:
        by_claim.setdefault(link.claim_id, []).append(link)
    stated: dict[str, list[CheckResult]] = {}
    for check in checks:
        stated.setdefault(claim_of(check.stated.path), []).append(check)
    available = set(notebooks)
    rows = [
        _row(claim, by_claim.get(claim.id, []), stated.get(claim.id, []), notes, available)
        for claim in load_claims().values()
    ]
    return pd.DataFrame(rows)


def _row(
    claim: Claim, links: list[Link], checks: list[CheckResult], notes: dict, notebooks: set[str]
) -> dict:
    published = [link for link in links if link.variant == "published"]
    corrected = [link for link in links if link.variant == "corrected"]
    status, reason, check = _status(claim, published, checks, notes, notebooks)
    sources = [*published, *corrected]
    pages = [link.notebook for link in sources]
    functions = [link.function for link in sources]
    if check is not None:
        pages, functions = [*pages, CHECKS_PAGE], [*functions, check.source]
    elif not sources and (need := _need(claim, notes, notebooks)):
        pages = [need["notebook"]]
    against = [c.id for c in checks if c.verdict == "inconsistent"]
    return {
        "claim_id": claim.id,
        "paper": claim.paper,
        "section": claim.section,
        "kind": claim.kind,
        "quantity": claim.quantity,
        "status": status,
        "published": printed_text(claim),
        "computed": _values(published) or _of_check(check),
        "corrected": _values(corrected),
        "tolerance": max((link.tolerance for link in published), default=0.0),
        "cells": len(published),
        "matching": sum(link.matches() for link in published),
        "notebook": ", ".join(dict.fromkeys(pages)),
        "function": ", ".join(filter(None, dict.fromkeys(functions))),
        "check": check.id if check else "",
        "reason": reason,
        "contradictions": ", ".join(against),
    }


def _status(
    claim: Claim,
    published: list[Link],
    checks: list[CheckResult],
    notes: dict,
    notebooks: set[str],
) -> tuple[str, str, CheckResult | None]:
    """Return the status, the reason, and the check of printed figures that decided, if any."""
    defect = notes["defects"].get(claim.id, "")
    remark = next((link.note for link in published if link.note), "")
    if published:
        wrong = [link.path for link in published if not link.matches()]
        if wrong:
            why = notes["differences"].get(claim.id, "")
            count = f"{len(wrong)} of {len(published)} figures differ: {', '.join(wrong[:5])}"
            return DIFFERS, f"{count}. {why}".strip(), None
        return (CORRECTED, defect, None) if defect else (REPRODUCED, remark, None)
    verdicts = {check.verdict: check for check in checks}
    if found := verdicts.get("inconsistent"):
        return INCONSISTENT, found.note or found.question, found
    if claim.kind == "derived" and (found := verdicts.get("consistent under another reading")):
        reading = next(text for text, outcome in found.readings if outcome.agrees)
        text = f"recomputes from other printed figures under this reading: {reading}"
        return CORRECTED, text, found
    derived = [c for c in checks if c.derives or claim.kind == "derived"]
    if found := next((c for c in derived if c.verdict == "consistent"), None):
        return REPRODUCED, "recomputes from other printed figures", found
    if need := _need(claim, notes, notebooks):
        return NEEDS_DATA, need["needs"], None
    if claim.kind == "design parameter":
        text = "a stated setting or definition; no archived file and no other printed figure "
        return NO_EVIDENCE, text + "shows it, and repeating the analysis would not", None
    text = "no value of this book answers it, and no other printed figure implies it"
    return NO_EVIDENCE, text, None


def _need(claim: Claim, notes: dict, notebooks: set[str]) -> dict | None:
    """Return the data that would answer a claim; a setting is not answered by new data."""
    if claim.kind == "design parameter":
        return None
    for row in notes["needs"]:
        if row["notebook"] in notebooks and any(fnmatchcase(claim.id, p) for p in row["claims"]):
            return row
    return None


def printed_text(claim: Claim) -> str:
    """Return a claim's printed figure as short text."""
    if claim.table is not None:
        return f"table of {len(claim.table['rows'])} rows"
    if claim.range is not None:
        return f"{claim.range[0]} to {claim.range[1]}"
    text = ", ".join(map(str, claim.value)) if isinstance(claim.value, list) else str(claim.value)
    if isinstance(claim.uncertainty, dict) and "value" in claim.uncertainty:
        text += f" ± {claim.uncertainty['value']}"
    return text


def _values(links: list[Link]) -> str:
    if len(links) > 3:
        return f"{len(links)} values"
    return ", ".join(map(_shown, links))


def _of_check(check: CheckResult | None) -> str:
    """Return what other printed figures give: the outcome of the reading that decided."""
    if check is None:
        return ""
    outcomes = [check.outcome, *(outcome for _, outcome in check.readings)]
    best = next((outcome for outcome in outcomes if outcome.agrees), check.outcome)
    low, high = _digits(best.low), _digits(best.high)
    return low if low == high else f"{low} to {high}"


def _digits(value: float) -> str:
    """Return whole numbers in full, others with four significant digits."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"


def _shown(link: Link) -> str:
    if link.value is None:
        return "not estimable"
    if isinstance(link.value, str):
        return link.value
    interval = "" if link.low is None else f" [{link.low:.3g}, {link.high:.3g}]"
    return f"{_digits(link.value)}{interval}"


def status_counts(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the number of claims by status (rows, in fixed order) and paper (columns)."""
    counts = pd.crosstab(ledger["status"], ledger["paper"]).reindex(STATUSES, fill_value=0)
    return counts.assign(all=counts.sum(axis=1))
