"""The values that pages store as answers to printed figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bookkit.values import read_values
from helpers.errors import RegistryError
from helpers.schema import foreign
from papers.claims import Printed, claim_of, load_claims, printed, printed_words

VARIANTS = ("published", "corrected", "contradicts")
"""What a stored value is to a printed figure: the same quantity by the paper's own definition, the
same quantity by a better one, or another quantity that cannot stand beside the printed one."""

SLACK = 1e-9


@dataclass(frozen=True)
class Link:
    """A stored value that answers a printed figure.

    Parameters
    ----------
    path
        Printed figure, as for :func:`papers.claims.printed`.
    value
        What the code returned, a number or, for a figure printed in words, text; ``None`` if the
        notebook found it not estimable.
    variant
        One of `VARIANTS`.
    notebook, key, function
        Where the value is stored, and which function made it; empty where the page did.
    tolerance
        Absolute tolerance beside rounding (Monte-Carlo error of a p value, for example).
    note
        What the data really are, where the paper's label differs.
    low, high
        Interval of the value, where it has one.
    evidence
        What kind of evidence the value is, where the page says so itself.
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
    evidence: str = ""
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


def collect_links(results: Path, among: Iterable[str] = ("*",)) -> list[Link]:
    """Read every claim-bearing value below ``results/PROFILE``.

    Parameters
    ----------
    results
        Folder with one folder a page.
    among
        Pages whose stored values are read; all of them by default.

    Raises
    ------
    RegistryError
        If a value names an unknown claim or variant, or two values of one variant answer the same
        figure.
    """
    found = []
    files = [file for page in among for file in Path(results).glob(f"{page}/values.json")]
    for file in sorted(files):
        with foreign(file, RegistryError, f"run it again: helpers run {file.parent.name} --force"):
            found += links_of(read_values(file), file.parent.name)
    return unique(found)


def links_of(values: Mapping[str, dict], notebook: str) -> list[Link]:
    """Return the claim-bearing ones among the values of a page."""
    return [_link(notebook, key, entry) for key, entry in values.items() if "claim" in entry]


def unique(links: list[Link]) -> list[Link]:
    """Return the links as they are, after checking that each figure is answered once.

    Raises
    ------
    RegistryError
        If two values of one variant answer the same figure.
    """
    seen: dict[tuple[str, str], Link] = {}
    for link in links:
        if other := seen.get((link.path, link.variant)):
            raise RegistryError(
                f"{link.path} ({link.variant}) is answered by {other.notebook}/{other.key} "
                f"and by {link.notebook}/{link.key}; keep one."
            )
        seen[link.path, link.variant] = link
    return links


def _link(notebook: str, key: str, entry: Mapping) -> Link:
    where = f"{notebook}/{key}"
    if claim_of(entry["claim"]) not in load_claims():
        raise RegistryError(f"{where} names the claim {entry['claim']!r}, which does not exist.")
    if entry.get("variant") not in VARIANTS:
        raise RegistryError(
            f"{where} answers a claim and needs variant 'published', 'corrected' or 'contradicts'."
        )
    if entry["variant"] != "contradicts":
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
        evidence=entry.get("evidence", ""),
        decided=entry.get("matches"),
    )
