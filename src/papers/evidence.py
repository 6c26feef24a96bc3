"""What kind of evidence answers a published claim, and the hand-written notes that say so."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from helpers.errors import RegistryError
from helpers.registry.records import NOT_FETCHED
from helpers.schema import foreign
from papers.answers import Link
from papers.claims import AGAIN, claim_of, load_claims, own_yaml

FINER = "recomputed from finer archived data"
ARCHIVED = "arithmetic on archived figures"
SUMMARY = "copied from an archived summary"
SETTING = "archived setting"
PRINTED = "arithmetic on printed figures"
CELLS = "rerun on cells"
SIMULATED = "rerun on simulated cells"
NONE = "none"
KINDS = (FINER, ARCHIVED, SUMMARY, SETTING, PRINTED, CELLS, SIMULATED, NONE, NOT_FETCHED)
"""Kinds of evidence, as they are listed."""

WEAKER = (SETTING, FINER, ARCHIVED, SUMMARY, CELLS, SIMULATED, PRINTED, NONE, NOT_FETCHED)
"""The same, from strong to weak: a claim whose figures have several kinds has the weakest."""


@dataclass(frozen=True)
class Source:
    """Where the answer to some claims comes from.

    Parameters
    ----------
    kind
        One of `KINDS`.
    claims
        Identifiers, or patterns of identifiers, of the claims.
    archive
        Archive group that holds the answer; empty where no archive is needed.
    """

    kind: str
    claims: tuple[str, ...]
    archive: str = ""


@dataclass(frozen=True)
class Notes:
    """The hand-written part of the ledger. No verdict stands here.

    Parameters
    ----------
    defects
        Claim -> documented fault of its definition or label.
    differences
        Claim -> what could explain, fairly, a figure that the archive does not give.
    circular
        Claim -> why a value of this book cannot answer it.
    uncheckable
        Claim -> what is not stated, so that no value can answer it.
    pairs
        Contradictions that are no arithmetic: (claims that carry it, claims on the other side,
        reason).
    needs
        (patterns, notebook that implements the protocol, data that would answer).
    constants
        Printed numbers that belong to the form of an expression.
    sources
        Kinds of evidence by claim; the first that fits counts.
    """

    defects: dict[str, str]
    differences: dict[str, str]
    circular: dict[str, str]
    uncheckable: dict[str, str]
    pairs: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...]
    needs: tuple[tuple[tuple[str, ...], str, str], ...]
    constants: frozenset[str]
    sources: tuple[Source, ...]

    def source(self, claim_id: str) -> Source | None:
        """Return where the answer to a claim comes from, if anywhere."""
        return next((s for s in self.sources if _fits(claim_id, s.claims)), None)

    def need(self, claim_id: str, notebooks: Collection[str]) -> tuple[str, str] | None:
        """Return (notebook, data) that would answer a claim, if the notebook exists."""
        for patterns, notebook, data in self.needs:
            if notebook in notebooks and _fits(claim_id, patterns):
                return notebook, data
        return None


def load_notes() -> Notes:
    """Read ``ledger_notes.yaml``.

    Raises
    ------
    RegistryError
        If it names an unknown claim or kind of evidence.
    """
    with foreign("ledger_notes.yaml", RegistryError, AGAIN):
        notes = _notes(own_yaml("papers", "ledger_notes.yaml"))
        if unknown := sorted(_unknown(notes)):
            raise RegistryError(f"ledger_notes.yaml names no claim or kind with {unknown}.")
    return notes


def _notes(raw: dict) -> Notes:
    return Notes(
        **{name: raw[name] for name in ("defects", "differences", "circular")},
        uncheckable=raw["uncheckable"],
        pairs=tuple((tuple(p["claims"]), tuple(p["beside"]), p["why"]) for p in raw["pairs"]),
        needs=tuple((tuple(n["claims"]), n["notebook"], n["needs"]) for n in raw["needs"]),
        constants=frozenset(raw["constants"]),
        sources=tuple(
            Source(s["kind"], tuple(s["claims"]), s.get("archive", "")) for s in raw["sources"]
        ),
    )


def archives_here(links: Iterable[Link], notes: Notes) -> dict[str, bool]:
    """Return, for each archive group that answers claims, whether this build had it.

    A build had an archive if a page of it stored a value from there.
    """
    found = {source.archive: False for source in notes.sources if source.archive}
    for link in links:
        source = notes.source(link.claim_id)
        if source and source.archive and link.variant == "published":
            found[source.archive] = True
    return found


def evidence_of(link: Link, notes: Notes) -> str:
    """Return the kind of evidence that a stored value is.

    Raises
    ------
    RegistryError
        If neither the page nor the notes say it.
    """
    source = notes.source(link.claim_id)
    kind = link.evidence or (source.kind if source else "")
    if kind not in KINDS:
        raise RegistryError(
            f"{link.notebook}/{link.key} answers {link.path}, but what kind of evidence it is "
            f"stands neither with the value ({kind!r}) nor in ledger_notes.yaml; say one of "
            f"{KINDS}."
        )
    return kind


def _fits(claim_id: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(claim_id, pattern) for pattern in patterns)


def _unknown(notes: Notes) -> Iterable[str]:
    claims = load_claims()
    named = [*notes.defects, *notes.differences, *notes.circular]
    named += [*notes.uncheckable, *map(claim_of, notes.constants)]
    named += [name for left, right, _ in notes.pairs for name in (*left, *right)]
    patterns = [p for row in notes.needs for p in row[0]]
    patterns += [p for source in notes.sources for p in source.claims]
    yield from (name for name in named if name not in claims)
    yield from (p for p in patterns if not any(fnmatchcase(c, p) for c in claims))
    yield from (source.kind for source in notes.sources if source.kind not in KINDS)
